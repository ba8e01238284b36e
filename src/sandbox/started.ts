import type { Ledger } from './ledger.ts';
import type { ChatappCredentials, ChatappVendor } from './vendors/chatapp.ts';
import type { SoftlineCredentials, SoftlineVendor } from './vendors/softline.ts';
import type { TwinCredentials, TwinService, TwinVendor } from './vendors/twin.ts';

/** Three imitated vendors, listening, and the ledger of what reached them. */
export interface Sandbox {
  /** Every origin, without a trailing slash. */
  readonly urls: { control: string; softline: string; chatapp: string; twin: Record<TwinService, string> };
  /** A credential that each vendor accepts. */
  readonly credentials: { softline: SoftlineCredentials; chatapp: ChatappCredentials; twin: TwinCredentials };
  readonly softline: SoftlineVendor;
  readonly chatapp: ChatappVendor;
  readonly twin: TwinVendor;
  readonly ledger: Ledger;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}
