import type { ChatappCredentials } from './vendors/chatapp.ts';
import type { SoftlineCredentials } from './vendors/softline.ts';
import type { TwinCredentials } from './vendors/twin.ts';

/** Origins of twin's hosts. */
export interface TwinUrls {
  iam: string;
  cis: string;
  notify: string;
  bot: string;
  chatApi: string;
  analyse: string;
}

/** Every origin of a sandbox, without a trailing slash. */
export interface SandboxUrls {
  control: string;
  softline: string;
  chatapp: string;
  twin: TwinUrls;
}

/** A credential that each vendor accepts. */
export interface SandboxCredentials {
  softline: SoftlineCredentials;
  chatapp: ChatappCredentials;
  twin: TwinCredentials;
}
