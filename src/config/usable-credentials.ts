import { attachable, attachedName } from '../flows/attach.ts';
import { CLIENT_AUTHS } from '../flows/client-auth.ts';
import { isFixed, type Attach, type Flow, type TokenCall } from '../flows/flow.ts';
import { buildRequest } from '../flows/request.ts';
import { fillString, fitsHeader, placeholdersIn, UnfillableError } from '../flows/template.ts';
import { callsOf, textsOf } from './flow-texts.ts';
import { record, type Path, type Report } from './issues.ts';

/*
 * Credentials that are complete but unusable: a call cannot be built from them, or no request can carry the token.
 * Found here rather than at the first request.
 */

/**
 * True if an account's credentials need more than a check of the required ones: not every place can carry every value.
 */
export function needsFullCheck(flow: Flow): boolean {
  return (
    isFixed(flow) ||
    callsOf(flow).some(
      ([, call]) =>
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
  const found: (readonly [Path, string])[] = [];
  checkPresent(flow, record(credentials), path, (...issue) => void found.push(issue));
  for (const issue of found) report(...issue);
  if (found.length > 0) return;
  for (const message of new Set(
    callsOf(flow).map(([, call]) => unbuildable(call, flow.baseUrl, record(credentials))),
  )) {
    if (message !== undefined) report(path, message);
  }
}

/** Why a call cannot be built from these credentials; undefined: it can be. */
function unbuildable(
  call: TokenCall,
  baseUrl: string | undefined,
  credentials: Readonly<Record<string, unknown>>,
): string | undefined {
  try {
    // Placeholder values for what only a refresh has, and for a base URL of the account's own.
    buildRequest(call, baseUrl ?? 'https://base.invalid', { token: 't', refreshToken: 'r', ...credentials });
    return undefined;
  } catch (error) {
    return error instanceof UnfillableError ? error.message : 'a value here cannot be written into the call';
  }
}

function checkPresent(flow: Flow, credentials: Readonly<Record<string, unknown>>, path: Path, report: Report): void {
  const has = (name: string): boolean =>
    Object.hasOwn(credentials, name) && ![undefined, null, ''].includes(credentials[name] as string);
  const missing = new Map<string, string>();
  for (const [key, call] of callsOf(flow)) {
    for (const [, text] of textsOf(call)) {
      for (const { name, needed } of placeholdersIn(text)) {
        if (needed && flow.credentials[name] === 'optional' && !has(name)) missing.set(name, key);
      }
    }
  }
  for (const auth of new Set(callsOf(flow).flatMap(([, { client }]) => (client === undefined ? [] : [client.auth])))) {
    checkClientAuth(auth, credentials, path, report);
  }
  for (const [name, key] of missing) {
    report(path, `${name} is missing: the flow's ${key} names it, without {${name}?} or a default`);
  }
  checkHeaders(flow, credentials, path, report);
  const token = isFixed(flow) ? attachedName(flow.attach) : undefined;
  if (token !== undefined && flow.credentials[token] === 'optional' && !has(token)) {
    report(path, `${token} is missing: it is the account's token`);
  }
}

/** Values that would end a header field's line, or be changed in it, are never sent; they are reported here by name. */
function checkHeaders(flow: Flow, credentials: Readonly<Record<string, unknown>>, path: Path, report: Report): void {
  const unfit = new Map<string, string>();
  for (const [key, call] of callsOf(flow)) {
    for (const [header, text] of Object.entries(call.headers)) {
      for (const { name } of placeholdersIn(text)) {
        if (typeof credentials[name] === 'string' && !fitsHeader(credentials[name])) {
          unfit.set(name, `the flow's ${key} sends it in the header ${header}`);
        }
      }
    }
  }
  const token = isFixed(flow) ? attachedName(flow.attach) : undefined;
  const value = token === undefined || !Object.hasOwn(credentials, token) ? undefined : credentials[token];
  if (token !== undefined && typeof value === 'string' && value !== '' && !canAttach(flow.attach, value)) {
    unfit.set(token, `requests carry it in a ${'cookie' in flow.attach ? 'cookie' : 'header'}`);
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
function canAttach(attach: Attach, token: string): boolean {
  return attachable(attach, token) && (!('header' in attach) || fitsHeader(token));
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
