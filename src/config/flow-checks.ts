import { attachedNames } from '../flows/attach.ts';
import { flowSchema, isFixed, type Attach, type AttachPart, type Flow, type TokenCall } from '../flows/flow.ts';
import { isFromAnswer } from '../flows/hosts.ts';
import { textsOfMake } from '../flows/make-schema.ts';
import { namesToldToApplications, textsOf } from '../flows/names.ts';
import { isNameless, textsOfOauth } from '../flows/oauth/schema.ts';
import { namesIn as namesAttached, textsOf as textsAttached } from '../flows/schema/attach.ts';
import { textsOfLegacyLogin } from '../flows/schema/legacy-login.ts';
import { RESERVED } from '../flows/schema/call.ts';
import { placeholdersIn } from '../flows/template.ts';
import { isWritten, keyProblems } from '../flows/usable-keys.ts';
import { callsOf, type PlacedCall } from './flow-texts.ts';
import { didYouMean, type Path, type Report } from './issues.ts';
import { reportIssue } from './schema-issues.ts';
import { isPlainUrl } from './urls.ts';

/*
 * Errors in a well-formed flow: placeholders without a value, values that nothing uses, and tokens that no request
 * would carry. Found here rather than at the first request.
 */

/** The flow that is written so; undefined: it is not well-formed. Issues are reported below `flows` and its name. */
export function checkedFlow(written: unknown, name: string, report: Report): Flow | undefined {
  const path = ['flows', name];
  const parsed = flowSchema.safeParse(written);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      reportIssue({ ...issue, path: [...path, ...issue.path] }, { flows: { [name]: written } }, report);
    }
    return undefined;
  }
  if (parsed.data.baseUrl !== undefined && !isPlainUrl(parsed.data.baseUrl)) {
    report([...path, 'baseUrl'], 'must name one host, and have no user, password, query or fragment');
  }
  checkFlow(parsed.data, path, report);
  return parsed.data;
}

/** All checks of a flow without its accounts. `path`: the flow's. */
function checkFlow(flow: Flow, path: Path, report: Report): void {
  const credentials = Object.keys(flow.credentials);
  const brought = answeredNames(flow);
  for (const placed of callsOf(flow)) checkCall(flow, placed, path, report);
  checkOauth(flow, path, report);
  checkToken(flow, path, report);
  checkAttach(flow, flow.attach, [...path, 'attach'], report);
  if (flow.upstream !== undefined)
    checkText(flow, flow.upstream, [...credentials, ...brought], [...path, 'upstream'], report);
  if (typeof flow.lifetime === 'string')
    checkText(flow, flow.lifetime, [...credentials, ...brought], [...path, 'lifetime'], report);
  if (flow.lifetimeFrom !== undefined) checkName(flow.lifetimeFrom, credentials, [...path, 'lifetimeFrom'], report);
  checkLegacyLogins(flow, path, report);
  checkUnused(flow, path, report);
  // Keys that stand in the flow itself; those of credentials are checked with the accounts.
  for (const { place, message } of keyProblems(flow, {}, isWritten)) report([...path, ...place], message);
  checkBudget(flow, flow.budget, [...path, 'budget'], report);
}

/** The values that answers of the calls bring, besides those with a meaning of their own. */
export function answeredNames(flow: Flow): string[] {
  const made = Object.keys(flow.make ?? {});
  return [
    ...new Set([
      ...made,
      ...callsOf(flow).flatMap(({ call }) => namesIn(call)),
      ...Object.keys(flow.oauth?.answer ?? {}),
    ]),
  ];
}

/** What a call adds to the values: those that it computes, and those of its answer. */
function namesIn({ answer, make = {} }: TokenCall): string[] {
  const names = Object.keys(answer).filter((name) => name !== 'jwt' && !(RESERVED as readonly string[]).includes(name));
  return [...new Set([...Object.keys(make), ...names])];
}

function checkCall(flow: Flow, { path: at, kind, call }: PlacedCall, path: Path, report: Report): void {
  const earlier = callsOf(flow)
    .filter((one) => one.kind === kind)
    .map((one) => one.call);
  const before = earlier.slice(0, earlier.indexOf(call));
  // A refresh may use the old pair and what came with it; a login has none.
  const known = [
    ...Object.keys(flow.credentials),
    ...Object.keys(flow.make ?? {}),
    ...before.flatMap(namesIn),
    ...(kind === 'refresh' ? ['refreshToken', 'token', ...answeredNames(flow)] : []),
    ...before.flatMap(({ answer }) => (answer.token === undefined ? [] : ['token'])),
  ];
  const made = Object.keys(call.make ?? {});
  for (const [place, text] of textsOf(call)) {
    const where = [...path, ...at, ...place];
    if (place[0] === 'make') checkMade(flow, text, known, made, where, report);
    else checkText(flow, text, [...known, ...made], where, report);
  }
  checkMadeNames(call.make, [...path, ...at, 'make'], report);
  if (isFromAnswer(flow, call.url) && flow.hosts === undefined) {
    const names = placeholdersIn(call.url).map(({ name }) => name);
    if (names.every((name) => known.includes(name)))
      report(
        [...path, ...at, 'url'],
        'an answer names the host of this call: the flow needs hosts, which says which ones are meant',
      );
  }
}

function checkOauth(flow: Flow, path: Path, report: Report): void {
  const { oauth, make } = flow;
  const credentials = Object.keys(flow.credentials);
  for (const [place, text] of textsOfMake(make ?? {}))
    checkMade(flow, text, credentials, Object.keys(make ?? {}), [...path, 'make', ...place], report);
  checkMadeNames(make, [...path, 'make'], report);
  if (oauth === undefined) return;
  for (const key of ['login', 'refresh'] as const)
    if (flow[key] !== undefined) report([...path, key], 'cannot be combined with oauth');
  const hasSecret = oauth.clientSecret !== undefined || credentials.includes('clientSecret');
  if (hasSecret && oauth.clientId === undefined && !credentials.includes('clientId') && isNameless(oauth))
    report([...path, 'oauth', 'clientId'], 'is missing: a client that has a secret has a name');
  const known = [...credentials, ...answeredNames(flow), 'refreshToken'];
  for (const [place, text] of textsOfOauth(oauth)) checkText(flow, text, known, [...path, 'oauth', ...place], report);
}

function checkText(flow: Flow, text: string, known: readonly string[], path: Path, report: Report): void {
  if (/\{\{\s*[A-Za-z]\w*\s*\}\}/.test(text)) {
    report(path, 'a placeholder is written with one brace on each side, such as {name}');
  } else if (/\{\s+[A-Za-z]\w*\s*\}|\{[A-Za-z]\w*\s+\}/.test(text)) {
    report(path, 'a placeholder is written without blanks, such as {name}');
  }
  for (const name of new Set(placeholdersIn(text).map((one) => one.name))) {
    if (!known.includes(name)) report(path, `${noValue(flow, name)}${didYouMean(name, known)}`);
  }
}

/** A computed value is made of what is there before the call, so not of another one of its block. */
function checkMade(
  flow: Flow,
  text: string,
  known: readonly string[],
  made: readonly string[],
  path: Path,
  report: Report,
): void {
  const beside = placeholdersIn(text).find(({ name }) => made.includes(name) && !known.includes(name));
  if (beside === undefined) checkText(flow, text, known, path, report);
  else
    report(
      path,
      `{${beside.name}} is computed in the same make, and such values do not see each other; the make of a later ` +
        'call of the login sees it',
    );
}

function checkMadeNames(make: TokenCall['make'], path: Path, report: Report): void {
  for (const name of Object.keys(make ?? {})) {
    if ((RESERVED as readonly string[]).includes(name))
      report([...path, name], 'has a meaning of its own; choose another name');
  }
}

function noValue(flow: Flow, name: string): string {
  const noAnswer = answeredNames(flow).length === 0 ? '' : ', and no answer before brings it';
  return `this flow has no credential {${name}}${noAnswer}`;
}

function checkName(name: string, credentials: readonly string[], path: Path, report: Report): void {
  if (!credentials.includes(name)) {
    report(path, `the flow has no credential of this name${didYouMean(name, credentials)}`);
  }
}

/** A login or refresh without a token is none. */
function checkToken(flow: Flow, path: Path, report: Report): void {
  for (const kind of ['login', 'refresh'] as const) {
    const calls = callsOf(flow).filter((one) => one.kind === kind);
    if (calls.length > 0 && calls.every(({ call }) => call.answer.token === undefined))
      report([...path, ...calls.at(-1)!.path, 'answer', 'token'], 'is missing: it says where the token is');
  }
}

/** Checks the placeholders in `attach` of a flow, or of an account that overrides it. */
export function checkAttach(flow: Flow, attach: Attach, path: Path, report: Report): void {
  const credentials = Object.keys(flow.credentials);
  const fixed = isFixed(flow);
  const values = fixed ? [] : ['token', ...answeredNames(flow)];
  const known = [...credentials, ...values];
  const names = attachedNames(attach);
  for (const [index, part] of attach.entries()) {
    const at = [...path, ...(attach.length === 1 ? [] : [index])];
    for (const { path: key, name } of unknownIn(part, known)) {
      if (fixed) report(at, fixedMessage(name, credentials));
      else if (attach.length === 1 && names.length === 1)
        report([...at, ...key], `must contain {token}, which is where the token goes${didYouMean(name, known)}`);
      else report([...at, ...key], `${noValue(flow, name)}${didYouMean(name, known)}`);
    }
  }
  checkTwice(attach, path, report);
  if (!fixed && names.every((name) => credentials.includes(name)))
    report(path, 'must name {token}, which is where the token goes, or another value of an answer');
}

/** Of two values at one place, a server would take either. */
function checkTwice(attach: Attach, path: Path, report: Report): void {
  const seen = new Set<string>();
  for (const [index, part] of attach.entries()) {
    if ('sign' in part || 'cookies' in part || 'path' in part) continue;
    const [kind = '', name = ''] = Object.entries('basic' in part ? { header: 'authorization' } : part)[0] ?? [];
    const place = `${kind} ${kind === 'header' ? name.toLowerCase() : name}`;
    if (seen.has(place)) report([...path, index, 'basic' in part ? 'basic' : kind], 'stands in this list already');
    seen.add(place);
  }
}

/** The placeholders of a place that stand for nothing, and where they are. */
function unknownIn(part: AttachPart, known: readonly string[]): { path: readonly string[]; name: string }[] {
  return textsAttached(part).flatMap(({ path, text, names }) =>
    placeholdersIn(text)
      .filter(({ name }) => !known.includes(name) && !names.includes(name))
      .map(({ name }) => ({ path, name })),
  );
}

function fixedMessage(name: string, credentials: readonly string[]): string {
  return credentials.length === 0
    ? `the flow has no login and no refresh, so its token is fixed: it must be one of the flow's credentials`
    : `this flow has no credential {${name}}; without login and refresh its token is fixed, and attach must ` +
        `name it${didYouMean(name, credentials)}`;
}

/** What an answer to an application's own login may tell: what it computes, and what no request carries as a secret. */
function checkLegacyLogins(flow: Flow, path: Path, report: Report): void {
  const brought = answeredNames(flow);
  const attached = attachedNames(flow.attach);
  const check = (text: string, made: readonly string[], at: Path): void => {
    // What is optional is left out: a flow that extends another may bring less.
    const optional = placeholdersIn(text).flatMap(({ name, needed }) => (needed ? [] : [name]));
    checkText(flow, text, [...made, ...brought, ...optional], at, report);
    for (const { name } of placeholdersIn(text))
      if (brought.includes(name) && attached.includes(name) && !made.includes(name))
        report(at, `{${name}} is attached to requests, and no response may repeat it`);
  };
  for (const [index, entry] of flow.legacyLogin.entries()) {
    const at = [...path, 'legacyLogin', index];
    const texts = textsOfLegacyLogin(entry);
    for (const [place, text] of texts.make) check(text, [], [...at, ...place]);
    for (const [place, text] of texts.answer) check(text, Object.keys(entry.make), [...at, ...place]);
    const told = texts.answer.flatMap(([, text]) => placeholdersIn(text).map(({ name }) => name));
    for (const name of Object.keys(entry.make))
      if (!told.includes(name)) report([...at, 'make', name], `nothing uses {${name}}`);
  }
}

/** A value that nothing uses is a slip of the pen: mostly one of the names with a meaning. */
function checkUnused(flow: Flow, path: Path, report: Report): void {
  const texts = [
    ...callsOf(flow).flatMap(({ call }) => textsOf(call).map(([, text]) => text)),
    ...(flow.oauth === undefined ? [] : textsOfOauth(flow.oauth).map(([, text]) => text)),
    flow.upstream ?? '',
    typeof flow.lifetime === 'string' ? flow.lifetime : '',
  ];
  const inTexts = texts.flatMap((text) => placeholdersIn(text).map(({ name }) => name));
  const used = new Set([...flow.attach.flatMap(namesAttached), ...inTexts, ...namesToldToApplications(flow)]);
  for (const name of Object.keys(flow.make ?? {}))
    if (!used.has(name)) report([...path, 'make', name], `nothing uses {${name}}`);
  for (const name of Object.keys(flow.oauth?.answer ?? {}))
    if (!used.has(name)) report([...path, 'oauth', 'answer', name], `nothing uses {${name}}`);
  for (const { path: at, call } of callsOf(flow))
    for (const name of namesIn(call))
      if (!used.has(name))
        report(
          [...path, ...at, Object.hasOwn(call.make ?? {}, name) ? 'make' : 'answer', name],
          `nothing uses {${name}}${didYouMean(name, [...RESERVED, 'jwt'])}`,
        );
}

export function checkBudget(flow: Flow, budget: Flow['budget'], path: Path, report: Report): void {
  const entries = budget ?? [];
  for (const [entry, { by }] of entries.entries())
    by.forEach((name, index) =>
      checkName(
        name,
        Object.keys(flow.credentials),
        [...path, ...(entries.length === 1 ? [] : [entry]), 'by', index],
        report,
      ),
    );
}

/** True if a call of the flow goes to a path below a base URL. */
export function needsBaseUrl(flow: Flow): boolean {
  return callsOf(flow).some(({ call }) => call.url.startsWith('/'));
}
