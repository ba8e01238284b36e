import { attachSchema, budgetSchema, type Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { checkAttach, checkBudget, checkGiven, needsBaseUrl } from './flow-checks.ts';
import { didYouMean, list, record, unknownKey, type Path, type Say } from './mistakes.ts';
import { readCrls, TlsFileError } from '../http/tls.ts';
import type { AccountConfig } from './schema.ts';
import { DEFAULT_PORT } from './schema/listen.ts';
import { DEFAULT_OPERATOR_PORT } from './schema/operator.ts';
import { isLoopback, isUrl } from './urls.ts';

/*
 * What the schema does not see: names that must exist elsewhere, and rules across parts. All of this looks at the
 * values as they are written, so that it has its say beside the schema's complaints and not only after them.
 */

/** How a plain value is written in the document. */
export type SourceOf = (path: Path) => string | undefined;

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
    const { flow: flowName, credentials, baseUrl, attach, budget } = record(value);
    if (typeof flowName !== 'string') continue;
    const flow = flows.get(flowName);
    if (flow === undefined) {
      // One of the configuration's own that is missing here has had its complaint.
      const known = [...new Set([...Object.keys(PRESETS), ...own])];
      if (!own.includes(flowName)) say(['accounts', name, 'flow'], noFlow(flowName, known));
      continue;
    }
    const path = ['accounts', name];
    const used = { ...flow, ...overrides(flow, attach, budget, path, say) };
    checkAllGiven(used, credentials, [...path, 'credentials'], sourceOf, say);
    if (baseUrl === undefined && flow.baseUrl === undefined && needsBaseUrl(flow)) say(path, `the flow ${flowName} needs a baseUrl here`);
  }
}

/** Everything about the credentials of an account. `path`: theirs. */
export function checkAllGiven(flow: Flow, credentials: unknown, path: Path, sourceOf: SourceOf, say: Say): void {
  const complaints: (readonly [Path, string])[] = [];
  checkCredentials(flow, credentials, path, sourceOf, (...complaint) => void complaints.push(complaint));
  for (const complaint of complaints) say(...complaint);
  if (complaints.length === 0) checkGiven(flow, credentials, path, say);
}

/** What to say of a flow that nobody knows. */
export function noFlow(name: string, known: readonly string[]): string {
  return `there is no flow of this name${didYouMean(name, known)}; known: ${known.join(', ')}`;
}

/** The parts of a flow that an account of it changes, checked as far as they are well-formed. `path`: of the account. */
export function overrides(flow: Flow, attach: unknown, budget: unknown, path: Path, say: Say): Partial<Flow> {
  const [attached, limited] = [attachSchema.safeParse(attach), budgetSchema.safeParse(budget)];
  if (attached.success) checkAttach(flow, attached.data, [...path, 'attach'], say);
  if (limited.success) checkBudget(flow, limited.data, [...path, 'budget'], say);
  return attached.success ? { attach: attached.data } : {};
}

function checkCredentials(flow: Flow, given: unknown, path: Path, sourceOf: SourceOf, say: Say): void {
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
    if (typeof flow === 'string' && !flows.has(flow)) say(['routes', index, 'accountFrom', 'flow'], noFlow(flow, [...flows.keys()]));
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
  const { host, port, socket } = record(listen);
  // A host beside a socket without a port has had its complaint.
  const reachable = (socket === undefined || port !== undefined) && typeof host === 'string' && !isLoopback(host);
  if (reachable && (callers ?? 'none') === 'none' && allowAnonymous !== true) {
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
  const { clientCertificate, clientCaFile, clientCrlFile } = record(record(record(raw)['listen'])['tls']);
  if (clientCertificate === 'required' && clientCaFile === undefined) say(['listen', 'tls', 'clientCertificate'], 'needs clientCaFile: without it no certificate can be checked');
  const crl: Path = ['listen', 'tls', 'clientCrlFile'];
  if (clientCrlFile !== undefined && clientCaFile === undefined) {
    say(crl, 'needs clientCaFile: without it no certificate is asked for');
  }
  const unusable = typeof clientCrlFile === 'string' && clientCrlFile !== '' ? whyNoCrl(clientCrlFile) : undefined;
  if (unusable !== undefined) say(crl, unusable);
  const { host, key, allowAnonymous } = record(record(raw)['operator']);
  if (typeof host === 'string' && !isLoopback(host) && key === undefined && allowAnonymous !== true) {
    say(['operator', 'host'], 'whoever reaches the operator port can spend logins of the accounts. Set operator.key, stay on 127.0.0.1, or say operator.allowAnonymous: true');
  }
  const { port: written, socket } = record(record(raw)['listen']);
  // With a socket there is no port unless it is named.
  const port = Number(written ?? (socket === undefined ? DEFAULT_PORT : 0));
  const other = Number(record(record(raw)['operator'])['port'] ?? DEFAULT_OPERATOR_PORT);
  if (port !== 0 && port === other) say(['operator', 'port'], 'is the same as listen.port');
}

/** Why a file is no revocation list; undefined: it looks like one. */
function whyNoCrl(path: string): string | undefined {
  try {
    readCrls(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return `the file ${error.message}`;
  }
}
