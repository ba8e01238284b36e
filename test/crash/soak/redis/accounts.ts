import { startSandbox, type Sandbox } from '../../../../src/sandbox/sandbox.ts';
import { FaultProxy } from '../../../support/fault-proxy.ts';
import { Callers } from '../../callers.ts';

/** What an account of the soak is for. */
export interface Role {
  readonly name: string;
  /** Its clients are to be answered whenever nothing concerns it. */
  readonly healthy: boolean;
  /** Faults come over its links. */
  readonly faulty?: boolean;
  /** Its endpoint, by the sandbox's settings. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** More of the account's section. */
  readonly account?: Readonly<Record<string, unknown>>;
  readonly password?: string;
}

/** Strict rotation: a refresh token that comes twice ends the whole family. Lives are seconds. */
const STRICT = { rotation: 'strict', quotaLimit: null } as const;

export const ROLES: readonly Role[] = [
  {
    name: 'demand',
    healthy: true,
    // So slow that a process is often killed in the middle of a renewal.
    settings: { ...STRICT, accessTtlSeconds: 5, refreshDelayMs: 400 },
  },
  {
    name: 'early',
    healthy: true,
    settings: { ...STRICT, accessTtlSeconds: 6, refreshDelayMs: 250 },
    account: { renew: 'early' },
  },
  { name: 'faulty', healthy: true, faulty: true, settings: { ...STRICT, accessTtlSeconds: 4, refreshDelayMs: 50 } },
  { name: 'dead', healthy: false, settings: STRICT, password: 'not the password' },
  { name: 'down', healthy: false, settings: { ...STRICT, loginMode: { status: 503, body: 'down' } } },
];

/** An account with an upstream and a token endpoint of its own, so that its ledger is its own too. */
export interface Account {
  readonly role: Role;
  readonly sandbox: Sandbox;
  readonly callers: Callers;
  readonly links: { readonly upstream: FaultProxy; readonly endpoint: FaultProxy };
  /** How many logins can be explained so far: the first, and one for each disturbance that may cost one. */
  loginsAllowed: number;
  /** A count of logins was evicted since the last join: earlier logins of processes that are gone are forgotten. */
  countEvicted: boolean;
  /** Since the store lost its record or its lease, until everybody knows the newest token again. */
  readonly doubts: { readonly from: number; readonly until: number }[];
  readonly seen: {
    /** Logins that issued a token, and those that did not; and how many of those were made before the last eviction. */
    logins: number;
    refusedLogins: number;
    forgottenLogins: number;
    refreshes: number;
    /** Families that were revoked while in doubt. */
    revoked: number;
    /** Refresh tokens that have arrived, over all joins. */
    readonly spent: Set<string>;
  };
  close(): Promise<void>;
}

export async function openAccount(role: Role): Promise<Account> {
  const sandbox = await startSandbox();
  sandbox.chatapp.set(role.settings);
  sandbox.chatapp.accounts.push({ ...sandbox.credentials.chatapp, email: `${role.name}@sandbox.example` });
  const links = {
    upstream: await FaultProxy.start(sandbox.urls.chatapp),
    endpoint: await FaultProxy.start(sandbox.urls.chatapp),
  };
  return {
    role,
    sandbox,
    links,
    callers: new Callers(),
    loginsAllowed: 1,
    countEvicted: false,
    doubts: [],
    seen: { logins: 0, refusedLogins: 0, forgottenLogins: 0, refreshes: 0, revoked: 0, spent: new Set() },
    async close() {
      await links.upstream.close();
      await links.endpoint.close();
      await sandbox.close();
    },
  };
}

/** The configuration of a tokenward for all of them. */
export function soakConfig(accounts: readonly Account[], store: unknown, workers: number): Record<string, unknown> {
  return {
    workers,
    listen: { host: '127.0.0.1', port: 0 },
    operator: { host: '127.0.0.1', port: 0 },
    store,
    accounts: Object.fromEntries(
      accounts.map(({ role, sandbox, links }) => [
        role.name,
        {
          flow: 'chatapp',
          baseUrl: links.endpoint.url,
          credentials: {
            ...sandbox.credentials.chatapp,
            email: `${role.name}@sandbox.example`,
            ...(role.password !== undefined && { password: role.password }),
          },
          ...(role.healthy && { budget: { logins: 100_000, reserve: 0 } }),
          ...role.account,
        },
      ]),
    ),
    routes: accounts.map(({ role, links }) => ({
      prefix: `/${role.name}`,
      upstream: links.upstream.url,
      account: role.name,
      timeouts: { connect: '1s', firstByte: '4s', idle: '4s' },
    })),
    shutdown: { drain: '5s' },
  };
}
