import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireTool } from './tools.ts';

/** A certificate and its key, as files and as text. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. Alternative names are `[kind, name]`, kind being DNS, URI or IP. */
export interface Subject {
  readonly cn: string;
  readonly names?: readonly (readonly [kind: 'DNS' | 'URI' | 'IP', name: string])[];
  /** Not valid any more. */
  readonly expired?: boolean;
}

/** A certificate authority that lives as long as its folder. Skips the test where there is no openssl. */
export class Authority {
  readonly caFile: string;
  readonly ca: string;
  readonly #openssl: string;
  readonly #folder: string;
  readonly #own: Certificate;
  #made = 0;

  /** `openssl`: the path of the program, for a run outside mocha. */
  constructor(openssl: Mocha.Context | string, folder: string, name = 'Test authority') {
    this.#openssl = typeof openssl === 'string' ? openssl : requireTool(openssl, 'openssl');
    this.#folder = folder;
    this.#own = this.#make(
      { cn: name },
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign',
      undefined,
    );
    this.caFile = this.#own.certFile;
    this.ca = this.#own.cert;
  }

  issue(subject: Subject): Certificate {
    const names = subject.names ?? [];
    const list =
      names.length === 0
        ? ''
        : `subjectAltName=@names\n[names]\n${names.map(([kind, name], index) => `${kind}.${index + 1}=${name}`).join('\n')}`;
    return this.#make(subject, `basicConstraints=CA:FALSE\n${list}`, this.#own);
  }

  /** A revocation list (PEM) of these certificates, valid for some days, or no more. */
  revoke(certificates: readonly Certificate[], { outdated = false }: { readonly outdated?: boolean } = {}): string {
    const base = join(this.#folder, randomUUID());
    const [settings, index, list] = [`${base}.cnf`, `${base}.txt`, `${base}.crl`];
    writeFileSync(index, '');
    writeFileSync(`${base}.number`, '01\n');
    writeFileSync(
      settings,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${index}\ncrlnumber=${base}.number\ndefault_md=sha256\ndefault_crl_days=2\n`,
    );
    const ca = (...args: string[]): void =>
      void execFileSync(
        this.#openssl,
        ['ca', '-config', settings, '-cert', this.#own.certFile, '-keyfile', this.#own.keyFile, ...args],
        { stdio: 'pipe' },
      );
    for (const { certFile } of certificates) ca('-revoke', certFile);
    ca(
      '-gencrl',
      '-out',
      list,
      ...(outdated ? ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200102000000Z'] : []),
    );
    return readFileSync(list, 'utf8');
  }

  /** A server's certificate for 127.0.0.1. */
  forLoopback(): Certificate {
    return this.issue({ cn: 'loopback', names: [['IP', '127.0.0.1']] });
  }

  #make({ cn, expired }: Subject, extensions: string, signer: Certificate | undefined): Certificate {
    this.#made += 1;
    const base = join(this.#folder, randomUUID());
    const [keyFile, certFile, request, settings] = [`${base}.key`, `${base}.pem`, `${base}.csr`, `${base}.cnf`];
    writeFileSync(
      settings,
      `[req]\ndistinguished_name=subject\nprompt=no\nstring_mask=utf8only\n[subject]\nCN=${cn}\n[extensions]\n${extensions}\n`,
    );
    const openssl = (...args: string[]): void => void execFileSync(this.#openssl, args, { stdio: 'pipe' });
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', keyFile);
    openssl('req', '-new', '-key', keyFile, '-config', settings, '-out', request);
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-extfile',
      settings,
      '-extensions',
      'extensions',
      '-days',
      expired === true ? '0' : '1',
      '-set_serial',
      String(Date.now()) + String(this.#made),
      '-out',
      certFile,
      ...(signer === undefined ? ['-signkey', keyFile] : ['-CA', signer.certFile, '-CAkey', signer.keyFile]),
    );
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }
}

/** Files of a certificate for a listener on loopback. Skips the test where there is no openssl. */
export function loopbackCertificate(context: Mocha.Context, folder: string): { certFile: string; keyFile: string } {
  const { certFile, keyFile } = new Authority(context, folder).issue({ cn: 'loopback', names: [['IP', '127.0.0.1']] });
  return { certFile, keyFile };
}
