import { createHash, createHmac } from 'node:crypto';
import { readFileSync, statSync, type BigIntStats } from 'node:fs';
import type { GeneratedAccounts } from './generated-accounts.ts';
import type { Config } from './schema.ts';

/** What a configuration was read from. */
export interface ConfigSource {
  /** The configuration file itself. */
  readonly file: string;
  /**
   * 12 hexadecimal digits of a SHA-256 digest of everything that was read, to tell two configurations apart. With
   * `store.key` as its key, if there is one: nobody can then test a guessed password by it.
   */
  readonly hash: string;
  /** Every file that was read, or was to be, and every folder whose names were: each with its stamp before that. */
  readonly stamps: ReadonlyMap<string, string>;
  /** By TLS file of a route or an account: a digest of its content. */
  readonly tlsFiles: ReadonlyMap<string, string>;
}

export const NO_SOURCE: ConfigSource = { file: 'configuration', hash: '', stamps: new Map(), tlsFiles: new Map() };

/** What of a configuration names files. */
type SourcedConfig = Pick<Config, 'store' | 'routes' | 'accounts'> & { readonly generated: GeneratedAccounts };

/** Notes what a configuration is read from while it is loaded. */
export class SourceNotes {
  readonly #contents = new Map<string, Buffer | string>();
  readonly stamps = new Map<string, string>();
  readonly note = (path: string, content: Buffer | string | undefined): void => {
    if (content !== undefined) this.#contents.set(path, content);
    else if (!this.stamps.has(path))
      this.stamps.set(path, stampOf(statSync(path, { bigint: true, throwIfNoEntry: false })));
  };

  /** The source of a configuration, with the TLS files that it names. */
  sourceOf(file: string, config: SourcedConfig): ConfigSource {
    const tlsFiles = new Map<string, string>();
    for (const path of tlsFilesOf(config)) {
      this.note(path, undefined);
      const content = contentOf(path);
      tlsFiles.set(path, createHash('sha256').update(content).digest('base64url'));
      this.note(path, content);
    }
    const { key } = config.store;
    const hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
    for (const [path, content] of this.#contents) hash.update(`${path}\n${content.length}\n`).update(content);
    return { file, hash: hash.digest('hex').slice(0, 12), stamps: this.stamps, tlsFiles };
  }
}

/** A text that changes when a file, or a link on the way to it, is replaced or written. */
export function stampOf(found: BigIntStats | undefined): string {
  return found === undefined ? 'none' : `${found.dev} ${found.ino} ${found.mtimeNs} ${found.ctimeNs} ${found.size}`;
}

/** The TLS files of routes and accounts. Those of listeners are watched by themselves. */
function tlsFilesOf({ routes, accounts, generated }: SourcedConfig): Set<string> {
  const all = [
    ...routes.map(({ tls }) => tls),
    ...Object.values(accounts).map(({ tls }) => tls),
    ...generated.profiles.map(({ settings }) => settings.tls),
  ];
  return new Set(all.flatMap((tls) => [tls?.caFile, tls?.certFile, tls?.keyFile]).filter((path) => path !== undefined));
}

/** A file that cannot be read is reported by who uses it. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
