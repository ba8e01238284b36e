import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Authority } from '../authority/authority.ts';
import { AuthorityError } from '../authority/authority-error.ts';
import { withAuthorities } from '../app/open-authorities.ts';
import { authorityHosts } from '../config/authority-hosts.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import type { Listener } from '../config/schema/listen.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { knownAuthorities, PASSWORD } from './run/trust-files.ts';
import { proxyVariables } from './run/variables.ts';
import { storeDependencies } from './store-dependencies.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward env`. */
interface Options extends ConfigOptions {
  readonly proxy?: string;
  readonly caller?: string;
  readonly format?: string;
  readonly output?: string;
}

/** What stands for the key, which nobody but its owner has: the configuration knows its digest only. */
const KEY_VARIABLE = 'TOKENWARD_KEY';

/** How the variables are written for whoever reads them. */
const FORMATS: Readonly<Record<string, { readonly line: (name: string, value: string) => string }>> = {
  shell: { line: (name, value) => `export ${name}="${value}"` },
  docker: { line: (name, value) => `ENV ${name}="${value}"` },
  systemd: { line: (name, value) => `Environment="${name}=${value}"` },
};

/**
 * `tokenward env`: the variables of `tokenward run`, for an application that runs elsewhere and uses a running
 * `tokenward serve` with `listen.forward` and the authority in the store.
 */
export async function env(options: Options): Promise<void> {
  const { format = 'shell', proxy, caller, output } = options;
  const writer = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (writer === undefined) throw new UsageError(`--format must be one of ${Object.keys(FORMATS).join(', ')}`);
  const config = loadConfig(configFile(options), { ...process.env });
  const forwarding = config.listeners.filter(({ forward }) => forward !== undefined);
  // The variables name the proxy with http.
  const listen = forwarding.find(({ tls, port }) => tls === undefined && port !== undefined) ?? forwarding[0];
  if (listen === undefined)
    throw new UsageError('the configuration has no listen.forward, so that there is no proxy to name');
  const place = placeOf(listen, proxy);
  if (caller === undefined && config.callers !== 'none')
    throw new UsageError('callers have keys: name the one whose key the application has, with --caller NAME');
  const authority = await stored(config);
  const bundle = resolve(output ?? 'tokenward-bundle.pem');
  const own = bundle.replace(/(\.pem)?$/, '-authority.pem');
  write(bundle, `${knownAuthorities(process.env)}\n${authority.certificate}`);
  write(own, authority.certificate);
  const trust = { bundle, authority: own, trustStore: `${bundle}.p12`, trustStorePassword: PASSWORD };
  const { JAVA_TOOL_OPTIONS: _java, ...variables } = proxyVariables(
    { ...place, caller: caller === undefined ? undefined : { name: caller, key: KEY_VARIABLE } },
    trust,
    {},
    authorityHosts(config),
  );
  // The key itself is filled in where the variables are used.
  const reference = (value: string): string => value.replace(`:${KEY_VARIABLE}@`, `:\${${KEY_VARIABLE}}@`);
  for (const [name, value] of Object.entries(variables)) print(`${writer.line(name, reference(value))}\n`);
}

/** Where applications reach the proxy: what is said, or where it listens. Throws a UsageError. */
function placeOf(listen: Listener, said: string | undefined): { host: string; port: number } {
  const [, host, port] = /^(?:http:\/\/)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})\/?$/.exec(said ?? '') ?? [];
  if (said !== undefined && host === undefined)
    throw new UsageError('--proxy must be HOST:PORT, as the application sees it');
  if (host !== undefined) return { host, port: Number(port) };
  if (listen.port === undefined || listen.port === 0 || ['0.0.0.0', '::'].includes(listen.host))
    throw new UsageError('where does the application reach the proxy? Name it with --proxy HOST:PORT');
  return { host: listen.host.includes(':') ? `[${listen.host}]` : listen.host, port: listen.port };
}

async function stored(config: LoadedConfig): Promise<Authority> {
  const authority = await withAuthorities(config, storeDependencies(), { onlyRead: true }, (all) => all.read());
  if (authority !== undefined) return authority;
  throw new AuthorityError('There is no authority yet. Make one with: tokenward ca make');
}

function write(file: string, content: string): void {
  try {
    // Applications of other users read it.
    writeFileSync(file, content, { mode: 0o644 });
  } catch (error) {
    throw new AuthorityError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
