import type { ChatappCredentials } from './vendors/chatapp.ts';
import type { SoftlineCredentials } from './vendors/softline.ts';
import type { TwinCredentials, TwinService } from './vendors/twin.ts';

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
