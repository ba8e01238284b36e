import { createHash } from 'node:crypto';
import { rereadPieces, trimValue, type Piece } from '../config/expand.ts';
import type { LoadedConfig } from '../config/load.ts';
import { checkAccountCredentials } from '../config/credential-checks.ts';
import type { AccountConfig } from '../config/schema.ts';
import { attachedNames, attachProblem, type ValuesOf } from '../flows/attach.ts';
import { canLogin, canRefresh, isFixed, type Flow } from '../flows/flow.ts';
import { OauthMemory } from '../flows/oauth/memory.ts';
import { obtain } from '../flows/obtain.ts';
import type { RunObserver, SendTokenCall } from '../flows/run.ts';
import { fillUrl, type TemplateValues } from '../flows/template.ts';
import type { BudgetLimits } from '../tokens/budget.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Credential, CredentialSource, Outcome } from '../tokens/credential.ts';
import type { NamedValues, Token } from '../tokens/token.ts';

/** What accounts share that differ only in their credentials. */
interface FlowRuntime {
  readonly flowName: string;
  readonly formerName: string | undefined;
  readonly flow: Flow;
  readonly send: SendTokenCall;
  readonly clock: Clock;
  readonly memory: OauthMemory;
  readonly observer: RunObserver | undefined;
}

/** The accounts for the token manager, and their values for the request path. */
export type AccountCredentials = CredentialSource & { readonly valuesOf: ValuesOf };

interface CredentialOptions {
  readonly observer?: RunObserver | undefined;
  /** What is known of authorization servers. Default: nothing. */
  readonly memory?: OauthMemory;
}

/** Makes the sender of token calls for an account's TLS settings. */
export type SenderFor = (tls: AccountConfig['tls']) => SendTokenCall;

/**
 * The configured accounts as the token manager sees them. Senders are made now, so that a missing TLS file is an error
 * at the start; generated accounts are made when they are used.
 */
export function credentialSource(
  {
    accounts,
    flowOf,
    generated,
    files,
  }: Pick<LoadedConfig, 'accounts' | 'flowOf' | 'generated'> & Partial<Pick<LoadedConfig, 'files'>>,
  clock: Clock,
  senderFor: SenderFor,
  { observer, memory = new OauthMemory() }: CredentialOptions = {},
): AccountCredentials {
  const runtimeOf = (
    { flow, tls, formerName }: Pick<AccountConfig, 'flow' | 'tls' | 'formerName'>,
    accountFlow: Flow,
  ): FlowRuntime => ({
    flowName: flow,
    formerName,
    flow: accountFlow,
    send: senderFor(tls),
    clock,
    memory,
    observer,
  });
  const { byName } = generated;
  const runtimes = generated.profiles.map(({ settings, flow }) => runtimeOf(settings, flow));
  const named = new Map(
    Object.entries(accounts).map(([account, settings]) => [
      account,
      new AccountCredential(
        account,
        runtimeOf(settings, flowOf.get(account)!),
        settings.credentials,
        files?.get(account),
      ),
    ]),
  );
  return {
    get(account) {
      const declared = named.get(account);
      if (declared !== undefined) return declared;
      const generatedAccount = byName.get(account);
      return generatedAccount && new AccountCredential(account, runtimes[generatedAccount[0]]!, generatedAccount[1]);
    },
    has: (account) => named.has(account) || byName.has(account),
    size: named.size + byName.size,
    *names() {
      yield* named.keys();
      yield* byName.keys();
    },
    declared: [...named.keys()],
    valuesOf: (account) => named.get(account)?.values ?? byName.get(account)?.[1] ?? NO_VALUES,
  };
}

const NO_VALUES: TemplateValues = {};

/** One account. Values are computed on demand, because there may be a hundred thousand accounts. */
class AccountCredential implements Credential {
  readonly account: string;
  readonly #runtime: FlowRuntime;
  readonly reread?: () => Promise<boolean>;
  #values: Readonly<Record<string, unknown>>;

  /** `files`: the parts of the values that come from files. */
  constructor(
    account: string,
    runtime: FlowRuntime,
    values: Readonly<Record<string, unknown>>,
    files?: Readonly<Record<string, readonly Piece[]>>,
  ) {
    this.account = account;
    this.#runtime = runtime;
    this.#values = values;
    if (files !== undefined) this.reread = () => this.#reread(files);
  }

  get flow(): string {
    return this.#runtime.flowName;
  }

  get formerName(): string | undefined {
    return this.#runtime.formerName;
  }

  get identity(): string {
    return this.#identityWith(this.#values);
  }

  #identityWith(values: Readonly<Record<string, unknown>>): string {
    const { flowName, flow } = this.#runtime;
    // Without what may change for the same identity: secrets, and how a client authenticates.
    const publicValues = sorted(values).filter(([name]) => !/password|secret|key|^token$|^clientAuth$/i.test(name));
    // The same client at another authorization server is another login.
    const { issuer, tokenUrl } = flow.oauth ?? {};
    const server = flow.oauth && JSON.stringify([issuer, tokenUrl].map((text) => text && filledIn(text, values)));
    return digest(`${flowName}\n${flow.baseUrl ?? ''}\n${JSON.stringify(publicValues)}${server ?? ''}`);
  }

  get credentialsFingerprint(): string {
    return digest(JSON.stringify(sorted(this.#values)));
  }

  get staticToken(): string | undefined {
    const { flow, flowName } = this.#runtime;
    if (!isFixed(flow)) return undefined;
    // Of several, the last one: a password rather than a user.
    const name = attachedNames(flow.attach).findLast((one) => Object.hasOwn(this.#values, one));
    const value = name === undefined ? undefined : this.#values[name];
    // The configuration's checks require it. An empty one would be sent as a token.
    if ((typeof value !== 'string' && typeof value !== 'number') || value === '')
      throw new Error(`account ${this.account}: the flow ${flowName} has no login, no refresh and no token`);
    return String(value);
  }

  get renew(): Credential['renew'] {
    return this.#runtime.flow.renew;
  }

  get canLogin(): boolean {
    return canLogin(this.#runtime.flow);
  }

  get canRefresh(): boolean {
    return canRefresh(this.#runtime.flow);
  }

  get idle(): number | undefined {
    const { idle } = this.#runtime.flow;
    return idle === undefined ? undefined : idle * 1000;
  }

  get rotationGrace(): number {
    return this.#runtime.flow.rotationGrace * 1000;
  }

  get budget(): BudgetLimits | undefined {
    for (const { logins, per, reserve, by } of this.#runtime.flow.budget ?? [])
      if (logins !== undefined) return { key: this.#budgetKey(by), logins, window: per * 1000, reserve };
    return undefined;
  }

  get renewalBudgets(): readonly BudgetLimits[] {
    return (this.#runtime.flow.budget ?? []).flatMap(({ renewals, per, by }) =>
      // The window is a part of the key: budgets of two windows keep different rows.
      renewals === undefined
        ? []
        : [{ key: `${this.#budgetKey(by)}#renewals-${per}`, logins: renewals, window: per * 1000, reserve: 0 }],
    );
  }

  /** Counted as the vendor counts: by these credentials, whatever the account's name. */
  #budgetKey(by: readonly string[]): string {
    const subject =
      by.length === 0
        ? (this.formerName ?? this.account)
        : digest(JSON.stringify(by.map((name) => this.#values[name] ?? null)));
    return `${this.#runtime.flowName}/${subject}`;
  }

  /** What requests of this account may carry besides its token. */
  get values(): TemplateValues {
    return this.#values;
  }

  fits(token: Token): boolean {
    const values = { ...this.#values, ...token.revealValues(), token: token.reveal() };
    return attachProblem(this.#runtime.flow, values) === undefined;
  }

  login(): Promise<Outcome> {
    return this.#call('login', this.#values);
  }

  refresh(current: Token): Promise<Outcome> {
    // `refreshToken` overrides a credential of that name; a credential `token` overrides the old access token, which
    // few servers require.
    const known = current.revealValues();
    const values = { token: current.reveal(), ...this.#values, ...known, refreshToken: current.revealRefresh() };
    return this.#call('refresh', values, known);
  }

  /**
   * Takes over the files' present content, if the secrets differ, the identity does not, and the checks of a start
   * accept them.
   */
  async #reread(files: Readonly<Record<string, readonly Piece[]>>): Promise<boolean> {
    const next: Record<string, unknown> = { ...this.#values };
    for (const [name, pieces] of Object.entries(files)) {
      const text = await rereadPieces(pieces);
      // The file may be being replaced.
      if (text === undefined) return false;
      next[name] = trimValue(text);
    }
    if (
      JSON.stringify(sorted(next)) === JSON.stringify(sorted(this.#values)) ||
      this.#identityWith(next) !== this.identity
    )
      return false;
    let issues = 0;
    // Nobody reads the issues.
    const nowhere = { sourceOf: () => undefined, placeOf: () => '' };
    checkAccountCredentials(this.#runtime.flow, next, [], nowhere, () => void (issues += 1));
    if (issues > 0) return false;
    this.#values = next;
    return true;
  }

  #call(which: 'login' | 'refresh', values: TemplateValues, known?: NamedValues): Promise<Outcome> {
    const { flow, send, clock, memory, observer } = this.#runtime;
    const now = (): number => clock.wall();
    return obtain(which, {
      flow,
      values,
      ...(known && { known }),
      send,
      now,
      memory,
      ...(observer && { observer }),
    });
  }
}

function filledIn(url: string, values: TemplateValues): string {
  try {
    return fillUrl(url, values);
  } catch {
    // No call can be made either.
    return url;
  }
}

function sorted(values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Compares two values without keeping either. Digests of secrets are stored only inside sealed records. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 32);
}
