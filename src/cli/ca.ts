import { withAuthorities } from '../app/open-authorities.ts';
import type { Authorities, AuthorityPlan } from '../authority/authorities.ts';
import { AuthorityError } from '../authority/authority-error.ts';
import type { Authority } from '../authority/authority.ts';
import { authorityHosts } from '../config/authority-hosts.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { caExport, type CaExportOptions } from './ca-export.ts';
import { formatDuration } from './format-duration.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';
import { UsageError } from './usage-error.ts';

const DAY_MS = 86_400_000;
/** The longest life of an authority, in days. */
const MAX_DAYS = 3_650;

/** The options of `tokenward ca` and its commands. */
interface Options extends ConfigOptions, CaExportOptions {
  readonly json?: boolean;
  readonly days?: string;
  readonly renew?: boolean;
}

/** `tokenward ca`: makes, shows, renews and exports the authority. None of them prints its key. */
export async function ca(options: Options, what: keyof typeof ACTIONS): Promise<void> {
  await ACTIONS[what](loadConfig(configFile(options), process.env), options);
}

const ACTIONS = {
  show,
  make,
  renew,
  export: async (config: LoadedConfig, options: Options): Promise<void> =>
    caExport(await stored(config, options), options),
};

async function show(config: LoadedConfig, options: Options): Promise<void> {
  const authority = await stored(config, options);
  const missing = authority.missing(authorityHosts(config));
  print(options.json ? `${JSON.stringify(documentOf(authority, missing), null, 2)}\n` : describe(authority));
  requireUsable(authority, missing, options);
}

async function make(config: LoadedConfig, options: Options): Promise<void> {
  if (options.renew === true) return renew(config, options);
  const plan = planOf(config, options);
  const { authority, made } = await inStore(config, (authorities) => authorities.make(plan));
  print(`${made ? 'Made an authority.' : 'There is one already.'}\n${describe(authority)}`);
  requireUsable(authority, authority.missing(plan.hosts), options);
}

async function renew(config: LoadedConfig, options: Options): Promise<void> {
  const plan = planOf(config, options);
  const authority = await inStore(config, (authorities) => authorities.renew(plan));
  print(`Made a new authority. Who trusts an earlier one needs this one: ${command('export', options)}\n`);
  print(describe(authority));
}

function planOf(config: LoadedConfig, { days }: Options): AuthorityPlan {
  const hosts = authorityHosts(config);
  if (hosts.length === 0)
    throw new AuthorityError(
      'No route has a host, so there is nothing to sign for. Name the hosts that applications call: routes[].host.',
    );
  if (days === undefined) return { hosts };
  if (!/^[1-9]\d{0,3}$/.test(days) || Number(days) > MAX_DAYS)
    throw new UsageError(`--days must be a whole number from 1 to ${MAX_DAYS}`);
  return { hosts, days: Number(days) };
}

/** Throws an AuthorityError if there is none. */
async function stored(config: LoadedConfig, options: Options): Promise<Authority> {
  const read = (authorities: Authorities): Promise<Authority | undefined> => authorities.read();
  const authority = await withAuthorities(config, storeDependencies(), { onlyRead: true }, read);
  if (authority !== undefined) return authority;
  throw new AuthorityError(`There is no authority. Make one with: ${command('make', options)}`);
}

async function inStore<T>(config: LoadedConfig, work: (authorities: Authorities) => Promise<T>): Promise<T> {
  return (await withAuthorities(config, storeDependencies(), { onlyRead: false }, work)) as T;
}

/** Throws an AuthorityError that says what to do about an authority that clients would refuse. */
function requireUsable(authority: Authority, missing: readonly string[], options: Options): void {
  const renewal = `Make a new one with: ${command('renew', options)}`;
  if (!authority.isValid()) throw new AuthorityError(`The authority is not valid now. ${renewal}`);
  if (missing.length > 0)
    throw new AuthorityError(
      `The authority does not cover ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} among the ` +
        `routes' hosts. ${renewal}`,
    );
}

function describe({ hosts, fingerprint, notBefore, notAfter }: Authority): string {
  const left = notAfter - Date.now();
  const rows = [
    ['hosts', hosts.join(', ')],
    ['fingerprint', `SHA-256 ${fingerprint}`],
    ['valid from', utc(notBefore)],
    ['valid until', `${utc(notAfter)} (${left > DAY_MS ? `${Math.floor(left / DAY_MS)} days` : formatDuration(left)})`],
  ];
  return rows.map(([name, value]) => `${name!.padEnd(11)}  ${value}\n`).join('');
}

function documentOf(authority: Authority, missing: readonly string[]): Readonly<Record<string, unknown>> {
  const { hosts, fingerprint, generation, notBefore, notAfter } = authority;
  const [from, until] = [new Date(notBefore).toISOString(), new Date(notAfter).toISOString()];
  return { generation, hosts, fingerprint, notBefore: from, notAfter: until, valid: authority.isValid(), missing };
}

function utc(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

function command(what: string, options: Options): string {
  return `tokenward ca ${what} -c ${configFile(options)}`;
}
