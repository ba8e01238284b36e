import type { Flow } from '../flows/flow.ts';
import { checkAccounts } from './account-checks.ts';
import { accountsOfFolder } from './account-files.ts';
import { checkCallers } from './caller-checks.ts';
import { readDocument } from './document.ts';
import { earlyConfig } from './early.ts';
import type { Piece } from './expand.ts';
import { expandLeaves, type ExpansionOptions } from './expand-leaves.ts';
import { flowOfAccount } from './flow-of-account.ts';
import { accountsOfLines, NO_GENERATED, type GeneratedAccounts } from './generated-accounts.ts';
import { reportIssue } from './schema-issues.ts';
import { checkListenSocket, warnOfSocketFolders } from './listen-socket.ts';
import { checkListeners } from './listener-checks.ts';
import {
  configError,
  ConfigError,
  dotted,
  list,
  record,
  shownPath,
  type ConfigIssue,
  type ConfigWarning,
  type IssueCode,
  type Path,
  type Report,
} from './issues.ts';
import { collectFlows, type KnownFlows } from './own-flows.ts';
import { Recipes } from './recipes.ts';
import { checkRoutes, rawRouteName } from './route-checks.ts';
import { checkRouteHeaders } from './route-headers.ts';
import { ExpandedTexts } from './secrets.ts';
import { warnOfSlowWrites } from './slow-writes.ts';
import { warnOfSharedLogins } from './shared-logins.ts';
import { warnOfAnonymousStandIns } from './stand-in-warnings.ts';
import { warnOfGrpcPort } from './tracing-warnings.ts';
import { configSchema, type AccountConfig, type Config } from './schema.ts';
import type { Listener } from './schema/listen.ts';
import { SourceNotes, NO_SOURCE, type ConfigSource } from './source.ts';
import { readText, recordingReads } from './text-file.ts';

export { ConfigError, shortMessage, showIssue, type ConfigIssue, type ConfigWarning } from './issues.ts';

/** A checked configuration: the schema's values, and each account's flow with its overrides. */
export interface LoadedConfig extends Omit<Config, 'listen'> {
  /** `listen` as a list; at least one. */
  readonly listeners: readonly Listener[];
  readonly flowOf: ReadonlyMap<string, Flow>;
  /** Accounts of `accountsFrom.file`; those of `accountsFrom.directory` are among `accounts`. */
  readonly generated: GeneratedAccounts;
  /** The presets, the configuration's own flows, and the recipes that it names. */
  readonly knownFlows: ReadonlyMap<string, Flow>;
  /** Those of them that are recipes. */
  readonly recipes: ReadonlySet<string>;
  /** What is allowed but probably not intended; the messages repeat no value. */
  readonly warnings: readonly ConfigWarning[];
  /** By account: the credentials that come from files, which may be read again. Not those of `accountsFrom.file`. */
  readonly files: ReadonlyMap<string, Readonly<Record<string, readonly Piece[]>>>;
  /** By route: the names in its `headers` that hold a secret. */
  readonly secretHeaders: ReadonlyMap<string, readonly string[]>;
  /** Environment variables that secrets come from. */
  readonly secretVariables: readonly string[];
  /** The files that it was read from. */
  readonly source: ConfigSource;
}

/** An account with the flow it uses. */
interface FoundAccount {
  readonly settings: AccountConfig;
  readonly flow: Flow;
}

/** The account of this name, from the configuration or another file. */
export function findAccount(config: LoadedConfig, name: string): FoundAccount | undefined {
  const flow = config.flowOf.get(name);
  if (flow !== undefined) return { settings: config.accounts[name]!, flow };
  const generated = config.generated.byName.get(name);
  if (generated === undefined) return undefined;
  const [index, credentials] = generated;
  const profile = config.generated.profiles[index]!;
  return { settings: { ...profile.settings, credentials }, flow: profile.flow };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Some libraries obey the variable, so tokenward does not run with it. */
const UNVERIFIED =
  'the environment has NODE_TLS_REJECT_UNAUTHORIZED=0, with which certificates are not checked and ' +
  'tokens go to any server that responds: remove it. For an authority of your own, set caFile below tls, or ' +
  'NODE_EXTRA_CA_CERTS';

/** Reads, expands and checks a configuration file. Throws a ConfigError with every issue found. */
export function loadConfig(file: string, environment: Environment): LoadedConfig {
  const notes = new SourceNotes();
  try {
    const config = recordingReads(notes.note, () => readConfig(file, environment));
    const loaded = { ...config, source: notes.sourceOf(file, config) };
    writtenFlows.set(loaded, writtenFlows.get(config)!);
    return loaded;
  } catch (error) {
    if (error instanceof ConfigError) error.sources = notes.stamps;
    throw error;
  }
}

function readConfig(file: string, environment: Environment): LoadedConfig {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw configError(file, 'there is no such file; tokenward init writes one, or name one with -c FILE');
    throw configError(file, `the file cannot be read (${code ?? 'error'})`);
  }
  return parseConfig(text, environment, file);
}

/** The same for a text. */
export function parseConfig(
  text: string,
  environment: Environment,
  file = 'configuration',
  recipes = new Recipes(),
): LoadedConfig {
  const document = readDocument(text, file);
  const issues: ConfigIssue[] = [];
  const unexpanded = new Set<string>();
  let missingFiles = 0;
  const noteMissing = (): void => void (missingFiles += 1);
  const placed = (path: Path, message: string, code: IssueCode | undefined): ConfigIssue => ({
    path: dotted(path),
    place: shownPath(path, (list, index) => nameOfItem(document.value, list, index)),
    ...document.at(path, code),
    code,
    message,
  });
  const report: Report = (path, message, code) => {
    // A text that could not be expanded has been reported; further issues of it would be noise.
    if (!unexpanded.has(dotted(path))) issues.push(placed(path, message, code));
  };

  const texts = new ExpandedTexts();
  const expanded = expandLeaves(document.value ?? {}, [], {
    environment,
    note: texts.note,
    noteMissing,
    report(path, message, code) {
      report(path, message, code);
      unexpanded.add(dotted(path));
    },
  });
  const result = configSchema.safeParse(expanded);
  for (const issue of result.error?.issues ?? []) {
    // An own flow is checked with what it extends.
    if (issue.path[0] !== 'flows' || issue.path.length < 2 || issue.code === 'invalid_key') {
      reportIssue(issue, expanded, report);
    }
  }
  const flows = collectFlows(expanded, recipes, document.lineOf, report);
  checkAccounts(expanded, flows, document.sourceOf, report);
  const external = loadExternalAccounts(expanded, flows, { environment, note: texts.note, noteMissing }, issues);
  const elsewhere = {
    size: Object.keys(external.folder).length + external.generated.byName.size,
    has: (name: string) => Object.hasOwn(external.folder, name) || external.generated.byName.has(name),
    get(name: string) {
      if (Object.hasOwn(external.folder, name)) return external.folder[name]!.flow;
      const generated = external.generated.byName.get(name);
      return generated && external.generated.profiles[generated[0]]!.settings.flow;
    },
  };
  checkRoutes(expanded, flows, elsewhere, report);
  checkRouteHeaders(expanded, flows, external, report);
  checkCallers(expanded, report);
  checkListeners(expanded, report);
  checkListenSocket(expanded, report);
  issues.push(...recipes.issues);
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    issues.push({ path: '', line: undefined, code: 'environment', message: UNVERIFIED });
  }
  if (issues.length > 0 || !result.success) {
    const failure = new ConfigError(
      file,
      issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    );
    if (issues.length === missingFiles) failure.early = earlyConfig(record(expanded));
    throw failure;
  }

  const { listen, ...data } = result.data;
  const listeners = Array.isArray(listen) ? listen : [listen];
  const config = { ...data, listeners, accounts: { ...data.accounts, ...external.folder } };
  const flowOf = new Map(
    Object.entries(config.accounts).map(([name, account]) => [name, flowOfAccount(flows.get(account.flow)!, account)]),
  );
  const warnings: ConfigWarning[] = [];
  const warn: Report = (path, message, code = 'unusual') => {
    // An account from another file has no line in this one.
    const elsewhere = path[0] === 'accounts' && path.length > 1 && !Object.hasOwn(result.data.accounts, path[1]!);
    const warning = placed(path, message, code);
    warnings.push(elsewhere ? { path: warning.path, line: undefined, code, message } : warning);
  };
  warnOfSharedLogins({ accounts: config.accounts, flowOf, generated: external.generated }, warn);
  texts.warn(flowOf, warn);
  warnOfSocketFolders(expanded, listeners, warn);
  warnOfSlowWrites(config, warn);
  warnOfGrpcPort(config, warn);
  warnOfAnonymousStandIns(
    config,
    ({ account, accountFrom }) =>
      flowOf.get(account ?? '') ?? (accountFrom === undefined ? undefined : flows.get(accountFrom.flow)),
    warn,
  );
  const loaded: LoadedConfig = {
    ...config,
    generated: external.generated,
    knownFlows: flows.all(),
    recipes: flows.recipes,
    flowOf,
    warnings,
    files: texts.filesOf(),
    secretHeaders: texts.secretHeaders(result.data.routes),
    secretVariables: texts.variables(flowOf),
    source: NO_SOURCE,
  };
  writtenFlows.set(loaded, flows);
  return loaded;
}

/** The name of an item of a list, for people: a route's, a caller's. */
function nameOfItem(value: unknown, part: string, index: number): string | undefined {
  const item = list(record(value)[part])[index];
  if (part === 'routes') return rawRouteName(item);
  const { name } = record(item);
  return part === 'callers' && typeof name === 'string' ? name : undefined;
}

/** Not a part of the configuration, which is sent to other processes. */
const writtenFlows = new WeakMap<LoadedConfig, KnownFlows>();

/** Where a part of a flow is written, for messages. `config`: one that this process has loaded. */
export function placeInFlow(config: LoadedConfig, flow: string, place: readonly (string | number)[]): string {
  return writtenFlows.get(config)?.placeOf(flow, place) ?? `flows.${flow}`;
}

/** The accounts of `accountsFrom`. Their issues, which name their file, are added to `issues`. */
function loadExternalAccounts(
  expanded: unknown,
  flows: KnownFlows,
  { environment, note, noteMissing }: Pick<ExpansionOptions, 'environment' | 'note' | 'noteMissing'>,
  issues: ConfigIssue[],
): { folder: Record<string, AccountConfig>; generated: GeneratedAccounts } {
  const { directory, file } = record(record(expanded)['accountsFrom']);
  const taken = new Set(Object.keys(record(record(expanded)['accounts'])));
  let folder: Record<string, AccountConfig> = {};
  let generated = NO_GENERATED;
  try {
    if (typeof directory === 'string' && directory !== '') {
      folder = accountsOfFolder(directory, flows, { environment, noteMissing, ...(note && { note }) }, taken);
    }
    if (typeof file === 'string' && file !== '') {
      generated = accountsOfLines(file, flows, environment, new Set([...taken, ...Object.keys(folder)]));
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const issue of error.issues) issues.push({ file: error.file, ...issue });
  }
  return { folder, generated };
}
