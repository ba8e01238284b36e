import { controlHandler } from './control.ts';
import { Ledger } from './ledger.ts';
import { listen, type Handler, type Listener } from './listen.ts';
import type { SandboxCredentials, SandboxParts, SandboxUrls } from './parts.ts';
import { serve } from './serve.ts';
import { Vendor } from './vendor.ts';
import { CHATAPP, type ChatappVendor } from './vendors/chatapp.ts';
import { SOFTLINE, type SoftlineVendor } from './vendors/softline.ts';
import { TWIN, TWIN_SERVICES, type TwinVendor } from './vendors/twin.ts';

/** Where a sandbox listens. */
export interface SandboxOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /**
   * 0 (default): a free port for each. Otherwise control is `basePort`, softline +1, chatapp +2, and twin's
   * iam, cis, notify, bot, chatApi, analyse +3 to +8.
   */
  basePort?: number;
  /** How many calls the ledger keeps; default 100,000. */
  ledgerLimit?: number;
}

/** Three imitated vendors, listening. */
export interface Sandbox extends SandboxParts {
  readonly urls: SandboxUrls;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * Passwords with characters that careless code changes on the way: `$&`, quotes, a space, a plus, non-ASCII.
 * They must arrive exactly as configured.
 */
function defaultCredentials(): SandboxCredentials {
  return {
    softline: { username: 'sandbox-shop', password: 'sl $& "pass"+1' },
    chatapp: { email: 'crm@sandbox.example', password: "crm-pa$$word'1", appId: 'app_104233_1' },
    twin: { email: 'bots@sandbox.example', password: 'twin-пароль\\2' },
  };
}

/** Starts the three vendors and the control API. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  const basePort = options.basePort ?? 0;
  const ledger = new Ledger(options.ledgerLimit);
  const credentials = defaultCredentials();
  const names = new Map<string, string>();
  const softline: SoftlineVendor = new Vendor(SOFTLINE, credentials.softline, ledger, names);
  const chatapp: ChatappVendor = new Vendor(CHATAPP, credentials.chatapp, ledger, names);
  const twin: TwinVendor = new Vendor(TWIN, credentials.twin, ledger, names);

  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const open = async (offset: number, handler: Handler): Promise<string> => {
    const listener = await listen(host, basePort === 0 ? 0 : basePort + offset, handler);
    listeners.push(listener);
    return listener.origin;
  };

  try {
    const urls: Omit<SandboxUrls, 'control'> = {
      softline: await open(1, serve(softline, 'softline')),
      chatapp: await open(2, serve(chatapp, 'chatapp')),
      twin: { iam: '', cis: '', notify: '', bot: '', chatApi: '', analyse: '' },
    };
    for (const [i, service] of TWIN_SERVICES.entries()) urls.twin[service] = await open(3 + i, serve(twin, service));
    const parts: SandboxParts = { credentials, softline, chatapp, twin, ledger };
    const control = await open(0, controlHandler(parts, urls));
    return { ...parts, urls: { control, ...urls }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
