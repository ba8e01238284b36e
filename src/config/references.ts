import { flowSchema, type Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { reportIssue } from './issues.ts';
import { didYouMean, list, record, unknownKey, type Path, type Say } from './mistakes.ts';
import { DEFAULT_OPERATOR_PORT, DEFAULT_PORT, isPlainUrl, isUrl, type AccountConfig } from './schema.ts';

/*
 * What the schema does not see: names that must exist elsewhere, and rules across parts. All of this looks at the
 * values as they are written, so that it has its say beside the schema's complaints and not only after them.
 */

/** How a plain value is written in the document. */
export type SourceOf = (path: Path) => string | undefined;

/** Every flow an account may name: the presets, and the configuration's own. */
export function collectFlows(raw: unknown, say: Say): ReadonlyMap<string, Flow> {
  const flows = new Map<string, Flow>(Object.entries(PRESETS));
  for (const [name, value] of Object.entries(record(record(raw)['flows']))) {
    const path = ['flows', name];
    const { extends: base, ...own } = record(value);
    if (base !== undefined && !(typeof base === 'string' && Object.hasOwn(PRESETS, base))) {
      say([...path, 'extends'], `must be one of ${Object.keys(PRESETS).join(', ')}`);
      continue;
    }
    const whole = base === undefined ? value : { ...PRESETS[base], ...own };
    const parsed = flowSchema.safeParse(whole);
    if (!parsed.success) {
      const root = { flows: { [name]: whole } };
      for (const issue of parsed.error.issues) reportIssue({ ...issue, path: [...path, ...issue.path] }, root, say);
      continue;
    }
    if (parsed.data.baseUrl !== undefined && !isPlainUrl(parsed.data.baseUrl)) say([...path, 'baseUrl'], 'must have no user, password, query or fragment');
    flows.set(name, parsed.data);
  }
  return flows;
}

/** The flow as this account uses it. */
export function flowOfAccount(flow: Flow, account: AccountConfig): Flow {
  const { baseUrl, attach, budget, lifetime, rotationGrace, renew } = account;
  return {
    ...flow,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(attach !== undefined && { attach }),
    ...(budget !== undefined && { budget }),
    ...(lifetime !== undefined && { lifetime }),
    ...(rotationGrace !== undefined && { rotationGrace }),
    ...(renew !== undefined && { renew }),
  };
}

export function checkAccounts(raw: unknown, flows: ReadonlyMap<string, Flow>, sourceOf: SourceOf, say: Say): void {
  const own = Object.keys(record(record(raw)['flows']));
  for (const [name, value] of Object.entries(record(record(raw)['accounts']))) {
    const { flow: flowName, credentials, baseUrl } = record(value);
    if (typeof flowName !== 'string') continue;
    const flow = flows.get(flowName);
    if (flow === undefined) {
      // One of the configuration's own that is missing here has had its complaint.
      const known = [...new Set([...Object.keys(PRESETS), ...own])];
      if (!own.includes(flowName)) say(['accounts', name, 'flow'], `there is no flow of this name; known: ${known.join(', ')}`);
      continue;
    }
    checkCredentials(flow, credentials, ['accounts', name, 'credentials'], sourceOf, say);
    if (flow.baseUrl === undefined && baseUrl === undefined && flow.login?.url.startsWith('/') === true) say(['accounts', name], `the flow ${flowName} needs a baseUrl here`);
  }
}

export function checkCredentials(flow: Flow, given: unknown, path: Path, sourceOf: SourceOf, say: Say): void {
  const credentials = record(given);
  for (const [name, need] of Object.entries(flow.credentials)) {
    const value = Object.hasOwn(credentials, name) ? credentials[name] : undefined;
    const at = [...path, name];
    const written = sourceOf(at);
    if (need === 'required' && (value === undefined || value === null || value === '')) say(path, `${name} is missing`);
    // A password such as 0123 or 1e5 is a number to YAML and would arrive changed.
    else if (typeof value !== 'string' && (need === 'required' || (typeof value === 'number' && written !== undefined && written !== String(value)))) say(at, 'must be text: put quotes around it');
    else if (/url$/i.test(name) && typeof value === 'string' && value !== '' && !isUrl(value)) say(at, 'must be an http:// or https:// URL without user and password');
  }
  const known = Object.keys(flow.credentials);
  for (const name of Object.keys(credentials)) if (!known.includes(name)) say([...path, name], unknownKey(name, known));
}

/** `elsewhere`: the accounts that `accountsFrom` leads to. */
export function checkRoutes(raw: unknown, flows: ReadonlyMap<string, Flow>, elsewhere: Pick<ReadonlySet<string>, 'size' | 'has'>, say: Say): void {
  const { accounts: inline, accountsFrom } = record(raw);
  const accounts = Object.keys(record(inline));
  if (accounts.length === 0 && elsewhere.size === 0 && (typeof inline === 'object' || inline === undefined)) say(['accounts'], inline === undefined && accountsFrom === undefined ? 'is missing' : 'needs at least one account');
  const seen = new Map<string, number>();
  list(record(raw)['routes']).forEach((item, index) => {
    const { account, accountFrom, prefix } = record(item);
    if (typeof account === 'string' && !accounts.includes(account) && !elsewhere.has(account)) say(['routes', index, 'account'], `there is no account of this name${didYouMean(account, accounts)}`);
    if (accountFrom !== undefined && account !== undefined) say(['routes', index, 'accountFrom'], 'goes with no account beside it');
    const { flow } = record(accountFrom);
    if (typeof flow === 'string' && !flows.has(flow)) say(['routes', index, 'accountFrom', 'flow'], `there is no flow of this name; known: ${[...flows.keys()].join(', ')}`);
    if (typeof prefix !== 'string') return;
    const other = seen.get(prefix);
    if (other === undefined) seen.set(prefix, index);
    else say(['routes', index, 'prefix'], `is used twice (also by routes.${other})`);
  });
  list(record(raw)['callers']).forEach((item, index) => {
    const { account } = record(item);
    if (typeof account === 'string' && !accounts.includes(account) && !elsewhere.has(account)) say(['callers', index, 'account'], `there is no account of this name${didYouMean(account, accounts)}`);
  });
}

export function checkCallers(raw: unknown, say: Say): void {
  const { callers, listen, allowAnonymous } = record(raw);
  const { host } = record(listen);
  if ((callers ?? 'none') === 'none' && allowAnonymous !== true && typeof host === 'string' && !isLoopback(host)) {
    say(callers === undefined ? ['listen', 'host'] : ['callers'], 'callers: none lets everybody who reaches the listener use the accounts. Give each caller a key, listen on 127.0.0.1, or say allowAnonymous: true');
  }
  const prefixes = list(record(raw)['routes']).flatMap((route) => {
    const { prefix } = record(route);
    return typeof prefix === 'string' ? [prefix] : [];
  });
  const names = new Set<unknown>();
  list(callers).forEach((item, index) => {
    const { name, routes, certificate, jwt } = record(item);
    if (certificate !== undefined && record(record(listen)['tls'])['clientCaFile'] === undefined) say(['callers', index, 'certificate'], 'needs listen.tls.clientCaFile: without it no certificate is asked for');
    if (jwt !== undefined && record(raw)['jwt'] === undefined) say(['callers', index, 'jwt'], 'needs the section jwt: without it no token is believed');
    if (names.has(name) && name !== undefined) say(['callers', index, 'name'], 'is used twice');
    names.add(name);
    list(routes).forEach((prefix, at) => {
      if (typeof prefix === 'string' && !prefixes.includes(prefix)) say(['callers', index, 'routes', at], `there is no route with this prefix${didYouMean(prefix, prefixes)}`);
    });
  });
}

export function checkListeners(raw: unknown, say: Say): void {
  const { clientCertificate, clientCaFile } = record(record(record(raw)['listen'])['tls']);
  if (clientCertificate === 'required' && clientCaFile === undefined) say(['listen', 'tls', 'clientCertificate'], 'needs clientCaFile: without it no certificate can be checked');
  const port = Number(record(record(raw)['listen'])['port'] ?? DEFAULT_PORT);
  const other = Number(record(record(raw)['operator'])['port'] ?? DEFAULT_OPERATOR_PORT);
  if (port !== 0 && port === other) say(['operator', 'port'], 'is the same as listen.port');
}

/** 127.0.0.0/8, ::1 and localhost: nobody but this host gets there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
