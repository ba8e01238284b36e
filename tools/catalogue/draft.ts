import { generateKeyPairSync } from 'node:crypto';
import { CURVES, MIN_RSA_BITS } from '../../src/flows/private-key.ts';
import { HMAC_NAMES } from '../../src/flows/sign/names.ts';
import { placeholdersIn } from '../../src/flows/template.ts';
import { isMapping, mapping, UnclearError } from './entry.ts';

/** A configuration with one flow, one account of it and one route. */
export interface Written {
  readonly flows?: { readonly api: Readonly<Record<string, unknown>> };
  readonly accounts: unknown;
  readonly routes: readonly unknown[];
}

/** Values that answers bring whatever `answer` calls them. */
const BROUGHT = ['token', 'refreshToken'];

/** A flow while it is written. */
export class Draft {
  readonly #parts: unknown[] = [];
  readonly #flow: Record<string, unknown> = {};
  readonly #names = new Set<string>();
  #certificate = false;

  /** The name of a credential that no other scheme of the flow has. */
  credential(name: string): string {
    let free = name;
    for (let next = 2; this.#names.has(free); next += 1) free = `${name}${next}`;
    this.#names.add(free);
    return free;
  }

  attach(part: unknown): void {
    this.#parts.push(part);
  }

  set(key: string, value: unknown): void {
    if (this.#flow[key] !== undefined) throw new UnclearError(`two of its schemes need ${key}, and a flow has one`);
    this.#flow[key] = value;
  }

  call(kind: 'login' | 'refresh', call: unknown): void {
    this.#flow[kind] = [...((this.#flow[kind] ?? []) as unknown[]), call];
  }

  make(name: string, how: unknown): void {
    this.set('make', { [name]: how });
  }

  /** Takes a flow that is written out. */
  take(flow: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(flow)) {
      if (key === 'attach') (Array.isArray(value) ? value : [value]).forEach((part: unknown) => this.attach(part));
      else this.set(key, value);
    }
  }

  presentCertificate(): void {
    this.#certificate = true;
  }

  written(): Written {
    const tls = this.#certificate ? { tls: { certFile: 'client.crt', keyFile: 'client.key' } } : {};
    const route = { prefix: '/api', upstream: 'https://api.example', ...tls };
    if (this.#parts.length === 0 && Object.keys(this.#flow).length === 0)
      return { accounts: NO_TOKEN, routes: [route] };
    const { login, refresh, ...others } = this.#flow;
    const calls = {
      ...(login !== undefined && { login: one(login) }),
      ...(refresh !== undefined && { refresh: one(refresh) }),
    };
    // Of a list the loader says what is wrong with its items.
    const attach = this.#parts.length > 0 ? { attach: this.#parts } : {};
    const flow = plainPlaceholders({ ...others, ...calls, ...attach });
    // Which credentials it takes is said where it comes from.
    if (flow['extends'] !== undefined) return { flows: { api: flow }, accounts: NO_TOKEN, routes: [route] };
    const required = Object.fromEntries([...givenNames(flow)].map((name) => [name, 'required']));
    const credentials = { ...required, ...mapping(flow['credentials']) };
    const values = Object.fromEntries(
      Object.keys(credentials).map((name) => [name, exampleKey(flow, name) ?? exampleOf(name)]),
    );
    const baseUrl = flow['baseUrl'] === undefined && hasPath(calls) ? { baseUrl: BASE } : {};
    return {
      flows: { api: { ...flow, credentials } },
      accounts: { api: { flow: 'api', credentials: values, ...baseUrl } },
      routes: [{ ...route, account: 'api' }],
    };
  }
}

/** A list of one is written without its brackets. */
function one(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
}

/** Whether a call goes to a path below a base URL. */
function hasPath(calls: Readonly<Record<string, unknown>>): boolean {
  return Object.values(calls)
    .flat()
    .some((call) => String(mapping(call)['url']).startsWith('/'));
}

/** A configuration has an account, also where its route needs none. */
const NO_TOKEN = { unused: { flow: 'static', credentials: { token: 'example' } } };

const BASE = 'https://login.example';

function exampleOf(name: string): string {
  return /url$|^(base|host|instance|domain)/i.test(name) ? BASE : 'example';
}

/** A key that the loader takes for one, if a JWT is signed with this credential. */
function exampleKey(flow: Readonly<Record<string, unknown>>, name: string): string | undefined {
  for (const made of Object.values(mapping(flow['make']))) {
    const { alg, key } = mapping(mapping(made)['jwt']);
    if (key === `{${name}}` && typeof alg === 'string' && !alg.startsWith('HS')) return privateKeyFor(alg);
  }
  return undefined;
}

const keys = new Map<string, string>();

function privateKeyFor(alg: string): string {
  const curve = CURVES[alg];
  const kind = curve ?? 'rsa';
  let pem = keys.get(kind);
  if (pem === undefined) {
    const { privateKey } =
      curve === undefined
        ? generateKeyPairSync('rsa', { modulusLength: MIN_RSA_BITS })
        : generateKeyPairSync('ec', { namedCurve: curve });
    keys.set(kind, (pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string));
  }
  return pem;
}

/** Catalogues write `${connectionConfig.shop}` or `{{shop}}` for what a user gives; here that is `{shop}`. */
function plainPlaceholders(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return mapped(value, (text) =>
    text.replaceAll(/\$\{([^{}]*)\}|\{\{\s*([^{}]*?)\s*\}\}/g, (_, dollar?: string, braces?: string) => {
      const last = (dollar ?? braces ?? '').split('.').at(-1)!.replaceAll(/\W/g, '');
      return `{${/^[A-Za-z]/.test(last) ? last : 'value'}}`;
    }),
  ) as Record<string, unknown>;
}

function mapped(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item: unknown) => mapped(item, change));
  return isMapping(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)]))
    : value;
}

/** The names in a flow's texts that neither an answer nor a computation brings: what an account gives. */
function givenNames(flow: Readonly<Record<string, unknown>>): Set<string> {
  const names = new Set<string>();
  const brought = new Set<string>(BROUGHT);
  const note = (value: unknown): void => {
    if (typeof value === 'string') placeholdersIn(value).forEach(({ name }) => names.add(name));
    else if (Array.isArray(value)) value.forEach(note);
    else if (isMapping(value)) {
      for (const key of ['answer', 'make', 'hashes'])
        Object.keys(mapping(value[key])).forEach((name) => brought.add(name));
      if (value['sign'] === 'hmac') [...HMAC_NAMES, 'signature'].forEach((name) => brought.add(name));
      Object.values(value).forEach(note);
    }
  };
  note(flow);
  // What an OAuth 2.0 client has where the flow says nothing: the loader names it, and it is not in a text.
  const { oauth } = flow;
  if (isMapping(oauth)) {
    names.add('clientId').add('clientSecret');
    if (oauth['grant'] === 'password') names.add('username').add('password');
    if (oauth['grant'] === 'token_exchange') names.add('subjectToken');
  }
  return new Set([...names].filter((name) => !brought.has(name)));
}
