import { controlHandler } from './control.ts';
import { Ledger } from './ledger.ts';
import { listen, type Handler, type Listener } from './listen.ts';
import { serve } from './serve.ts';
import type { Sandbox } from './started.ts';
import { Vendor } from './vendor.ts';
import { CHATAPP } from './vendors/chatapp.ts';
import { SOFTLINE } from './vendors/softline.ts';
import { TWIN, TWIN_SERVICES } from './vendors/twin.ts';

export type { Sandbox } from './started.ts';

/** Where a sandbox listens. */
export interface SandboxOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /**
   * 0 (default): a free port for each. Otherwise control is `basePort`, softline +1, chatapp +2, and twin's iam, cis,
   * notify, bot, chatApi, analyse +3 to +8.
   */
  basePort?: number;
  /** How many requests the ledger keeps; default 100,000. */
  ledgerLimit?: number;
}

/**
 * Passwords with characters that careless code changes on the way: `$&`, quotes, a space, a plus, non-ASCII. They must
 * arrive exactly as configured.
 */
const CREDENTIALS = {
  softline: { username: 'sandbox-shop', password: 'sl $& "pass"+1' },
  chatapp: { email: 'crm@sandbox.example', password: "crm-pa$$word'1", appId: 'app_104233_1' },
  twin: { email: 'bots@sandbox.example', password: 'twin-пароль\\2' },
} satisfies Sandbox['credentials'];

/** Starts the three vendors and the control API. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', basePort = 0 } = options;
  const credentials = structuredClone(CREDENTIALS);
  const ledger = new Ledger(options.ledgerLimit);
  const names = new Map<string, string>();
  const listeners: Listener[] = [];
  const sandbox: Sandbox = {
    urls: {
      control: '',
      softline: '',
      chatapp: '',
      twin: { iam: '', cis: '', notify: '', bot: '', chatApi: '', analyse: '' },
    },
    credentials,
    softline: new Vendor(SOFTLINE, credentials.softline, ledger, names),
    chatapp: new Vendor(CHATAPP, credentials.chatapp, ledger, names),
    twin: new Vendor(TWIN, credentials.twin, ledger, names),
    ledger,
    close: async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
  const open = async (offset: number, handler: Handler): Promise<string> => {
    const listener = await listen(host, basePort === 0 ? 0 : basePort + offset, handler);
    listeners.push(listener);
    return listener.origin;
  };

  try {
    const { softline, chatapp, twin, urls } = sandbox;
    urls.softline = await open(1, serve(softline, 'softline'));
    urls.chatapp = await open(2, serve(chatapp, 'chatapp'));
    for (const [i, service] of TWIN_SERVICES.entries()) urls.twin[service] = await open(3 + i, serve(twin, service));
    urls.control = await open(0, controlHandler(sandbox));
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
