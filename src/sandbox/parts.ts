import type { Ledger } from './ledger.ts';
import type { ChatappCredentials, ChatappVendor } from './vendors/chatapp.ts';
import type { SoftlineCredentials, SoftlineVendor } from './vendors/softline.ts';
import type { TwinCredentials, TwinService, TwinVendor } from './vendors/twin.ts';

/** Every origin of a sandbox, without a trailing slash. */
export interface SandboxUrls {
  control: string;
  softline: string;
  chatapp: string;
  twin: Record<TwinService, string>;
}

/** A credential that each vendor accepts. */
export interface SandboxCredentials {
  softline: SoftlineCredentials;
  chatapp: ChatappCredentials;
  twin: TwinCredentials;
}

/** Three imitated vendors and the ledger of what reached them. */
export interface SandboxParts {
  readonly credentials: SandboxCredentials;
  readonly softline: SoftlineVendor;
  readonly chatapp: ChatappVendor;
  readonly twin: TwinVendor;
  readonly ledger: Ledger;
}
