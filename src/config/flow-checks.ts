import { attachedName } from '../flows/attach.ts';
import { isFixed, type Attach, type Flow } from '../flows/flow.ts';
import { placeholdersIn } from '../flows/template.ts';
import { callsOf, textsOf } from './flow-texts.ts';
import { didYouMean, type Path, type Report } from './issues.ts';

/*
 * Errors in a well-formed flow: placeholders without a credential, and tokens that no request would carry. Found here
 * rather than at the first request.
 */

/** All checks of a flow without its accounts. `path`: the flow's. */
export function checkFlow(flow: Flow, path: Path, report: Report): void {
  const credentials = Object.keys(flow.credentials);
  for (const [key, call] of callsOf(flow)) {
    // A refresh may send the old pair; a login has none.
    const known = key === 'refresh' ? [...credentials, 'refreshToken', 'token'] : credentials;
    for (const [at, text] of textsOf(call)) checkText(text, known, [...path, key, ...at], report);
  }
  checkAttach(flow, flow.attach, [...path, 'attach'], report);
  if (flow.lifetimeFrom !== undefined) checkName(flow.lifetimeFrom, credentials, [...path, 'lifetimeFrom'], report);
  checkBudget(flow, flow.budget, [...path, 'budget'], report);
}

function checkText(text: string, known: readonly string[], path: Path, report: Report): void {
  if (/\{\{\s*[A-Za-z]\w*\s*\}\}/.test(text)) {
    report(path, 'a placeholder is written with one brace on each side, such as {name}');
  } else if (/\{\s+[A-Za-z]\w*\s*\}|\{[A-Za-z]\w*\s+\}/.test(text)) {
    report(path, 'a placeholder is written without blanks, such as {name}');
  }
  for (const name of new Set(placeholdersIn(text).map((one) => one.name))) {
    if (!known.includes(name)) report(path, `this flow has no credential {${name}}${didYouMean(name, known)}`);
  }
}

function checkName(name: string, credentials: readonly string[], path: Path, report: Report): void {
  if (!credentials.includes(name)) {
    report(path, `the flow has no credential of this name${didYouMean(name, credentials)}`);
  }
}

/** Checks the placeholder in `attach` of a flow, or of an account that overrides it. */
export function checkAttach(flow: Flow, attach: Attach, path: Path, report: Report): void {
  const credentials = Object.keys(flow.credentials);
  const at = [...path, 'value'];
  const name = attachedName(attach);
  if (name === undefined) {
    report(at, isFixed(flow) ? 'must name one credential, which is the token' : 'must name {token} and nothing else');
  } else if (!isFixed(flow)) {
    if (name !== 'token')
      report(at, `must contain {token}, which is where the token goes${didYouMean(name, ['token'])}`);
  } else if (!credentials.includes(name)) {
    report(
      path,
      credentials.length === 0
        ? `the flow has no login and no refresh, so its token is fixed: it must be one of the flow's credentials`
        : `this flow has no credential {${name}}; without login and refresh its token is fixed, and attach must ` +
            `name it${didYouMean(name, credentials)}`,
    );
  }
}

export function checkBudget(flow: Flow, budget: Flow['budget'], path: Path, report: Report): void {
  (budget?.by ?? []).forEach((name, index) =>
    checkName(name, Object.keys(flow.credentials), [...path, 'by', index], report),
  );
}

/** True if a call of the flow goes to a path below a base URL. */
export function needsBaseUrl(flow: Flow): boolean {
  return callsOf(flow).some(([, call]) => call.url.startsWith('/'));
}
