import { attachedFields, attachesCookies } from '../flows/attach.ts';
import { attachSchema, type Attach } from '../flows/flow.ts';
import { X_FORWARDED, nameMatcher, normalizeName } from '../http/field-names.ts';
import type { GeneratedAccounts } from './generated-accounts.ts';
import { list, record, type Path, type Report } from './issues.ts';
import type { KnownFlows } from './own-flows.ts';

const isForwardedByUs = nameMatcher(X_FORWARDED);

/** The accounts of `accountsFrom`. */
interface AccountsElsewhere {
  readonly folder: Readonly<Record<string, { readonly flow: string; readonly attach?: Attach | undefined }>>;
  readonly generated: GeneratedAccounts;
}

/** Checks of routes' headers beyond the schema: names that the route sets in another way already. */
export function checkRouteHeaders(raw: unknown, flows: KnownFlows, elsewhere: AccountsElsewhere, report: Report): void {
  list(record(raw)['routes']).forEach((item, index) => {
    const { headers, forwarded } = record(item);
    const attach = attachOfRoute(record(item), record(record(raw)['accounts']), flows, elsewhere);
    const seen = new Set<string>();
    for (const name of Object.keys(record(headers))) {
      const path: Path = ['routes', index, 'headers', name];
      if (seen.has(normalizeName(name)))
        report(path, 'is given twice: "-", "_" and case do not make another header field');
      seen.add(normalizeName(name));
      if (forwarded === 'add' && isForwardedByUs(name)) report(path, "is set by this route's forwarded: add");
      const carries = "is the header in which the account's token goes";
      if (attach === undefined) continue;
      if (attachedFields(attach).some((field) => normalizeName(field) === normalizeName(name))) report(path, carries);
      if (attachesCookies(attach) && normalizeName(name) === 'cookie') report(path, `${carries}, as a cookie`);
    }
  });
}

/**
 * How the token of the route's account or accounts is attached; undefined: there is none, or that has been reported.
 */
function attachOfRoute(
  { account, accountFrom }: Readonly<Record<string, unknown>>,
  accounts: Readonly<Record<string, unknown>>,
  flows: KnownFlows,
  { folder, generated }: AccountsElsewhere,
): Attach | undefined {
  if (accountFrom !== undefined) return flows.get(String(record(accountFrom)['flow']))?.attach;
  if (typeof account !== 'string') return undefined;
  const place = generated.byName.get(account);
  if (place !== undefined) return generated.profiles[place[0]]!.flow.attach;
  const { attach, flow } = record(Object.hasOwn(accounts, account) ? accounts[account] : folder[account]);
  const own = attachSchema.safeParse(attach);
  return own.success ? own.data : flows.get(String(flow))?.attach;
}
