import type { Flow } from '../flows/flow.ts';
import type { GeneratedAccounts } from './generated-accounts.ts';
import type { Report } from './issues.ts';
import type { AccountConfig } from './schema.ts';

/** More than a person reads at once; a generated file may hold a hundred thousand accounts. */
const MAX_WARNINGS = 50;

/** The accounts of a configuration. */
interface ConfiguredAccounts {
  readonly accounts: Readonly<Record<string, AccountConfig>>;
  readonly flowOf: ReadonlyMap<string, Flow>;
  readonly generated: GeneratedAccounts;
}

/**
 * Warns of accounts that are one login at the vendor under several names. They do not share a token, and many vendors
 * end a login's earlier token with the next one, so that each account keeps ending the other's.
 */
export function warnOfSharedLogins({ accounts, flowOf, generated }: ConfiguredAccounts, report: Report): void {
  const identities = new Map<Flow, LoginIdentity>();
  /** By endpoint and login: the first account. */
  const firsts = new Map<string, Map<string, string>>();
  let found = 0;
  const check = (account: string, flow: Flow, credentials: Readonly<Record<string, unknown>>): void => {
    // A fixed token is never replaced. Imported refresh tokens are separate grants, whatever else two accounts share.
    if (flow.login === undefined || found > MAX_WARNINGS) return;
    let identity = identities.get(flow);
    if (identity === undefined) identities.set(flow, (identity = loginIdentityOf(flow)));
    let firstOf = firsts.get(identity.call);
    if (firstOf === undefined) firsts.set(identity.call, (firstOf = new Map<string, string>()));
    const login = loginKey(identity, credentials);
    const first = firstOf.get(login);
    if (first === undefined) {
      firstOf.set(login, account);
      return;
    }
    found += 1;
    if (found > MAX_WARNINGS) {
      report(['accounts'], 'more accounts are the same login at the upstream as another one');
      return;
    }
    const hasLoginBudget = flow.budget?.some(({ logins }) => logins !== undefined) === true;
    const budget = hasLoginBudget ? ', and both spend one login budget' : '';
    report(
      ['accounts', account],
      `is the same login at the upstream as account ${first}: each login may end the other's token${budget}. ` +
        'Use one account on both routes',
    );
  };
  for (const [account, { credentials }] of Object.entries(accounts)) check(account, flowOf.get(account)!, credentials);
  for (const [account, [index, credentials]] of generated.byName)
    check(account, generated.profiles[index]!.flow, credentials);
}

/**
 * Where a flow logs in, and which of its credentials identify the login. Computed once, because a flow may have very
 * many accounts.
 */
interface LoginIdentity {
  readonly call: string;
  readonly identifying: readonly string[];
  readonly all: readonly string[];
}

function loginIdentityOf({ baseUrl, login, credentials }: Flow): LoginIdentity {
  const all = Object.keys(credentials).sort();
  return {
    call: JSON.stringify([baseUrl, login]),
    identifying: all.filter((name) => !/password|secret/i.test(name)),
    all,
  };
}

/**
 * Identifies the login. Two passwords for one user are one login, of which one password is wrong; two keys or tokens
 * are two logins. Where only secrets are given, they identify it.
 */
function loginKey({ identifying, all }: LoginIdentity, credentials: Readonly<Record<string, unknown>>): string {
  const given = (name: string): boolean =>
    credentials[name] !== undefined && credentials[name] !== null && credentials[name] !== '';
  const names = identifying.some((name) => given(name) && !/url$/i.test(name)) ? identifying : all;
  let text = '';
  for (const name of names) {
    const value = credentials[name];
    if (given(name)) text += `\n${name}:${typeof value === 'string' ? value : JSON.stringify(value)}`;
  }
  return text;
}
