import { Authority } from '../support/certificates.ts';
import type { Certificates } from './authorization-server.ts';

/** `openssl`: the path of the program, or the test that is skipped without it. */
export function makeCertificates(openssl: Mocha.Context | string, folder: string): Certificates {
  const authority = new Authority(openssl, folder);
  const { caFile, ca } = authority;
  return { caFile, ca, server: authority.forLoopback(), client: authority.issue({ cn: 'tokenward' }) };
}
