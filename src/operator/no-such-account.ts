import { nearest } from '../nearest.ts';
import type { OperatorView } from './view.ts';

/** The response if one of the requested accounts does not exist. */
export async function noSuchAccount(
  view: OperatorView,
  requested: readonly string[],
): Promise<{ code: string; title: string; detail: string }> {
  const names = await view.accountNames();
  const unknown = requested.find((account) => !names.includes(account)) ?? '';
  return { code: 'account_unknown', title: 'There is no account of this name.', detail: suggestNames(unknown, names) };
}

/** Account names in the response to an unknown one. */
const MAX_NAMES = 10;

/** The name that was probably meant, or the names there are. */
function suggestNames(requested: string, names: readonly string[]): string {
  const suggestion = nearest(requested, names);
  if (suggestion !== undefined) return `Did you mean "${suggestion}"?`;
  const more = names.length - MAX_NAMES;
  return `The accounts are ${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
}
