import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { ChatappVendor } from '../../src/sandbox/vendors/chatapp.ts';
import type { SoftlineVendor } from '../../src/sandbox/vendors/softline.ts';

/** How a token endpoint treats what it has given out. */
export interface EndpointMode {
  readonly name: string;
  readonly vendor: 'chatapp' | 'softline';
  /** What an ordinary renewal is. */
  readonly renewal: 'refresh' | 'login';
  /** How often one refresh token may arrive at all: once, or twice where the endpoint forgives a repeat. */
  readonly arrivalsMost: number;
  /** Extra logins a kill may cost once the spend intent is written: 1 where only a login helps out of "maybe spent". */
  readonly extraLogins: 0 | 1;
  /** How long a repeat is forgiven. ms. */
  readonly grace: number;
  /** After a restart requests succeed within so many ms. */
  readonly recovery: number;
  readonly account: Readonly<Record<string, unknown>>;
  prepare(sandbox: Sandbox): void;
}

const CHATAPP = { vendor: 'chatapp', renewal: 'refresh', recovery: 5_000 } as const;

export const MODES: readonly EndpointMode[] = [
  {
    ...CHATAPP,
    name: 'strict rotation',
    grace: 0,
    arrivalsMost: 1,
    extraLogins: 1,
    account: {},
    prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict' }),
  },
  {
    ...CHATAPP,
    name: 'grace 30 s',
    grace: 30_000,
    arrivalsMost: 2,
    extraLogins: 0,
    account: { rotationGrace: 30 },
    prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict', rotationGraceSeconds: 30 }),
  },
  {
    // Never takes a refresh token back, so its flow says that a repeat is always in time.
    ...CHATAPP,
    name: 'non-rotating',
    grace: 600_000,
    arrivalsMost: 2,
    extraLogins: 0,
    account: { rotationGrace: 600 },
    prepare: ({ chatapp }) => chatapp.set({ rotation: 'keep-old' }),
  },
  {
    name: 'login only',
    vendor: 'softline',
    renewal: 'login',
    grace: 0,
    arrivalsMost: 0,
    extraLogins: 1,
    recovery: 10_000,
    account: {},
    prepare: ({ softline }) => softline.set({ loginKillsOld: false }),
  },
];

export function vendorOf(sandbox: Sandbox, mode: EndpointMode): ChatappVendor | SoftlineVendor {
  return sandbox[mode.vendor];
}

/** The configuration of one tokenward in front of that endpoint. */
export function modeConfig(sandbox: Sandbox, mode: EndpointMode, store: unknown): Record<string, unknown> {
  const url = sandbox.urls[mode.vendor];
  return {
    listen: { host: '127.0.0.1', port: 0 },
    operator: { host: '127.0.0.1', port: 0 },
    store,
    accounts: {
      main: { flow: mode.vendor, baseUrl: url, credentials: { ...sandbox.credentials[mode.vendor] }, ...mode.account },
    },
    routes: [{ prefix: '/api', upstream: url, account: 'main' }],
    log: { level: 'warn' },
  };
}

/** A read and a write of the vendor, through the proxy. */
export function targetsOf({ vendor }: EndpointMode): { read: string; write: string } {
  return vendor === 'softline'
    ? { read: '/api/v1/order/77', write: '/api/v1/payment' }
    : {
        read: '/api/v1/licenses',
        write: '/api/v1/licenses/5120/messengers/grWhatsApp/chats/79001234567@c.us/messages/text',
      };
}
