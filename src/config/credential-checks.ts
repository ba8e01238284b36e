import type { Flow } from '../flows/flow.ts';
import { record, unknownKey, type Path, type Report } from './issues.ts';
import { isUrl } from './urls.ts';
import { checkKeys, checkUsable, type PlaceOf } from './usable-credentials.ts';

/** Returns a scalar as it is written in the document. */
export type SourceOf = (path: Path) => string | undefined;

/** All checks of an account's credentials. `path`: theirs; `placeOf`: where a part of the flow is written. */
export function checkAccountCredentials(
  flow: Flow,
  credentials: unknown,
  path: Path,
  { sourceOf, placeOf }: { readonly sourceOf: SourceOf; readonly placeOf: PlaceOf },
  report: Report,
): void {
  const found: Parameters<Report>[] = [];
  checkCredentials(flow, credentials, path, sourceOf, (...issue) => void found.push(issue));
  for (const issue of found) report(...issue);
  if (found.length === 0) checkUsable(flow, credentials, path, report);
  checkKeys(flow, credentials, path, placeOf, report);
}

function checkCredentials(flow: Flow, given: unknown, path: Path, sourceOf: SourceOf, report: Report): void {
  const credentials = record(given);
  for (const [name, need] of Object.entries(flow.credentials)) {
    const value = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
    const at = [...path, name];
    if (need === 'required' && (value === undefined || value === null || value === ''))
      report(path, `${name} is missing`, 'missing');
    else if (typeof value !== 'string' && (need === 'required' || arrivesChanged(value, sourceOf(at)))) {
      report(at, 'must be text: put quotes around it');
    } else if (/url$/i.test(name) && typeof value === 'string' && value !== '' && !isUrl(value)) {
      report(at, 'must be an http:// or https:// URL without user and password');
    }
  }
  const known = Object.keys(flow.credentials);
  for (const name of Object.keys(credentials))
    if (!known.includes(name)) report([...path, name], unknownKey(name, known), 'unknown_key');
}

/** A password such as 0123 or 1e5 is a number in YAML and would be sent changed. */
function arrivesChanged(value: unknown, written: string | undefined): boolean {
  return typeof value === 'number' && written !== undefined && written !== String(value);
}
