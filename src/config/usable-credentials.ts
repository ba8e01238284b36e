import { attachedNames, attachProblem } from '../flows/attach.ts';
import { CLIENT_AUTHS } from '../flows/client-auth.ts';
import { isFixed, type AttachPart, type Flow, type TokenCall } from '../flows/flow.ts';
import { textsOf } from '../flows/names.ts';
import { buildRequest } from '../flows/request.ts';
import { namesIn, textsOf as textsAttached } from '../flows/schema/attach.ts';
import { keyProblems } from '../flows/usable-keys.ts';
import { fillString, fitsCookie, fitsHeader, placeholdersIn, UnfillableError } from '../flows/template.ts';
import { answeredNames } from './flow-checks.ts';
import { callsOf } from './flow-texts.ts';
import { record, type Path, type Report } from './issues.ts';

/*
 * Credentials that are complete but unusable: a call cannot be built from them, or no request can carry the token.
 * Found here rather than at the first request.
 */

/** Where a part of a flow is written, for messages. */
export type PlaceOf = (place: readonly (string | number)[]) => string;

/**
 * True if an account's credentials need more than a check of the required ones: not every place can carry every value.
 */
export function needsFullCheck(flow: Flow): boolean {
  return (
    isFixed(flow) ||
    flow.make !== undefined ||
    flow.oauth?.key !== undefined ||
    callsOf(flow).some(({ call }) => call.make !== undefined) ||
    attachedNames(flow.attach).some((name) => Object.hasOwn(flow.credentials, name)) ||
    callsOf(flow).some(
      ({ call }) =>
        call.client !== undefined ||
        textsOf(call).some(([[key], text]) =>
          placeholdersIn(text).some(
            ({ name, needed }) =>
              Object.hasOwn(flow.credentials, name) &&
              ((needed && flow.credentials[name] === 'optional') || (key !== 'json' && key !== 'form')),
          ),
        ),
    )
  );
}

/** Checks that the account's flow can use its credentials. `path`: theirs. */
export function checkUsable(flow: Flow, credentials: unknown, path: Path, report: Report): void {
  const found: Parameters<Report>[] = [];
  checkPresent(flow, record(credentials), path, (...issue) => void found.push(issue));
  for (const issue of found) report(...issue);
  if (found.length > 0) return;
  for (const message of new Set(callsOf(flow).map(({ call }) => unbuildable(flow, call, record(credentials))))) {
    if (message !== undefined) report(path, message);
  }
}

/**
 * Checks keys that the account gives for signatures and assertions. What is known after a login only is not judged.
 * `path`: the credentials'; `placeOf`: where a part of the flow is written.
 */
export function checkKeys(flow: Flow, given: unknown, path: Path, placeOf: PlaceOf, report: Report): void {
  const credentials = record(given);
  const brought = new Set(['token', 'refreshToken', ...answeredNames(flow)]);
  const isKnown = (...texts: readonly (string | undefined)[]): boolean =>
    texts.every((text) =>
      placeholdersIn(text ?? '').every(
        ({ name }) => Object.hasOwn(flow.credentials, name) && !brought.has(name) && isText(credentials[name]),
      ),
    );
  for (const { place, names, message } of keyProblems(flow, credentials, isKnown)) {
    // One that stands in the flow itself is reported there.
    if (names.length === 0) continue;
    const where = message.startsWith(place.slice(0, 1).join('')) ? '' : `${place.slice(0, -1).join('.')}: `;
    report(
      names.length === 1 ? [...path, names[0]!] : path,
      `cannot be used by the flow (${placeOf(place)}): ${where}${message}`,
    );
  }
}

function isText(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

/** Why a call cannot be built from these credentials; undefined: it can be. */
function unbuildable(flow: Flow, call: TokenCall, credentials: Readonly<Record<string, unknown>>): string | undefined {
  try {
    // Values that stand for what answers bring (perhaps a URL), and for a base URL of the account's own.
    const answers = Object.fromEntries(answeredNames(flow).map((name) => [name, 'https://base.invalid']));
    buildRequest(call, flow.baseUrl ?? 'https://base.invalid', {
      ...answers,
      token: 't',
      refreshToken: 'r',
      ...credentials,
    });
    return undefined;
  } catch (error) {
    return error instanceof UnfillableError ? error.message : 'a value here cannot be written into the call';
  }
}

function checkPresent(flow: Flow, credentials: Readonly<Record<string, unknown>>, path: Path, report: Report): void {
  const has = (name: string): boolean =>
    Object.hasOwn(credentials, name) && ![undefined, null, ''].includes(credentials[name] as string);
  const missing = new Map<string, string>();
  const check = (text: string, key: string): void => {
    for (const { name, needed } of placeholdersIn(text))
      if (needed && flow.credentials[name] === 'optional' && !has(name)) missing.set(name, key);
  };
  for (const { kind, call } of callsOf(flow)) for (const [, text] of textsOf(call)) check(text, kind);
  for (const part of flow.attach)
    if (!isFixed(flow) || flow.attach.length > 1 || 'sign' in part)
      for (const { text } of textsAttached(part)) check(text, 'attach');
  const clients = callsOf(flow).flatMap(({ call: { client } }) => (client === undefined ? [] : [client.auth]));
  for (const auth of new Set(clients)) {
    checkClientAuth(auth, credentials, path, report);
  }
  for (const [name, key] of missing) {
    report(path, `${name} is missing: the flow's ${key} names it, without {${name}?} or a default`);
  }
  checkHeaders(flow, credentials, path, report);
  if (!isFixed(flow) || missing.size > 0) return;
  // A signature may go without what is optional in it, such as a session token.
  const parts = flow.attach.filter((part) => !('sign' in part));
  const tokens = parts.flatMap((part) => {
    const all = textsAttached(part).flatMap(({ text }) => placeholdersIn(text));
    const isEmpty = all.every(({ name }) => !has(name));
    return all.flatMap(({ name, needed }) => (!has(name) && (needed || isEmpty) ? [name] : []));
  });
  for (const name of new Set(tokens))
    if (flow.credentials[name] === 'optional') report(path, `${name} is missing: it is the account's token`);
}

/** Values that would end a header field's line, or be changed in it, are never sent; they are reported here by name. */
function checkHeaders(flow: Flow, credentials: Readonly<Record<string, unknown>>, path: Path, report: Report): void {
  const unfit = new Map<string, string>();
  for (const { kind, call } of callsOf(flow)) {
    for (const [header, text] of Object.entries(call.headers)) {
      for (const { name } of placeholdersIn(text)) {
        if (typeof credentials[name] === 'string' && !fitsHeader(credentials[name])) {
          unfit.set(name, `the flow's ${kind} sends it in the header ${header}`);
        }
      }
    }
  }
  for (const part of flow.attach) {
    for (const name of namesIn(part)) {
      const value = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
      if (typeof value === 'string' && value !== '' && !canAttach(part, name, value))
        unfit.set(name, `requests carry it in a ${isCookie(part) ? 'cookie' : 'header'}`);
    }
  }
  for (const [name, where] of unfit) {
    report(
      [...path, name],
      'holds characters that cannot be sent ' +
        `(control characters or line ends, letters beyond ASCII, or blanks at an end): ${where}`,
    );
  }
}

/** A blank at the token's beginning is inside "Bearer {token}", and still lost on the way. */
function canAttach(part: AttachPart, name: string, value: string): boolean {
  // Only its signature is sent.
  if ('sign' in part) return true;
  if ('header' in part) return fitsHeader(value);
  if ('cookie' in part) return fitsCookie(value);
  const others = Object.fromEntries(namesIn(part).map((one) => [one, 'v']));
  return 'cookies' in part || attachProblem({ attach: [part] }, { ...others, [name]: value }) === undefined;
}

function isCookie(part: AttachPart): boolean {
  return !('sign' in part) && ('cookie' in part || 'cookies' in part);
}

function checkClientAuth(
  template: string,
  credentials: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report,
): void {
  const [name] = placeholdersIn(template);
  let auth: string;
  try {
    auth = fillString(template, credentials);
  } catch {
    return;
  }
  if (!CLIENT_AUTHS.includes(auth)) {
    report(name === undefined ? path : [...path, name.name], `must be one of ${CLIENT_AUTHS.join(', ')}`);
  }
}
