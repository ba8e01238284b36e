import { describeChanges } from '../config/changes.ts';
import { ConfigError, showIssue, type ConfigIssue, type LoadedConfig } from '../config/load.ts';
import { keysThatNeedRestart, RestartNeededError } from '../config/reloadable.ts';
import { describeFault, type Logger } from '../log.ts';
import type {
  ConfigControl,
  ConfigState,
  ReloadIssue,
  ReloadOutcome,
  ReloadTrigger,
} from '../operator/config-status.ts';

/** Changes in one log line. */
const MAX_LOGGED = 50;

/** What can take another configuration into use. */
export interface ReloadTarget {
  /** Keys that it cannot change while it serves, such as `listen.port`. Default: those of one process. */
  keysThatNeedRestart?(present: LoadedConfig, next: LoadedConfig): string[];
  /** Takes it into use as a whole. Rejects with an error that says why not; then nothing has changed. */
  apply(next: LoadedConfig): Promise<void>;
}

interface ReloaderParts {
  /** The configuration in use. */
  readonly config: LoadedConfig;
  /** Reads the configuration again. Throws a ConfigError. */
  readonly read: () => LoadedConfig;
  readonly log: Logger;
  /** The message of an error that a person can correct; undefined: it is a fault. */
  readonly explain: (error: unknown) => string | undefined;
  readonly now?: () => number;
}

/** Reloads the configuration: whole, or not at all. One at a time. */
export class Reloader implements ConfigControl {
  readonly #parts: ReloaderParts;
  readonly #now: () => number;
  #config: LoadedConfig;
  #state: ConfigState;
  #resolveTarget!: (target: ReloadTarget) => void;
  /** Requests wait until the start is over. */
  readonly #target = new Promise<ReloadTarget>((resolve) => (this.#resolveTarget = resolve));
  #running: Promise<unknown> = Promise.resolve();
  /** A reload that has not begun: it will read what is there then, so one is enough for all that ask meanwhile. */
  #waiting: Promise<ReloadOutcome> | undefined;
  /** Called after every reload, with the stamps of what it has read. */
  onReload: ((stamps: ReadonlyMap<string, string>) => void) | undefined;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#config = parts.config;
    const { file, hash } = parts.config.source;
    this.#state = { file, hash, since: this.#now() };
  }

  get state(): ConfigState {
    return this.#state;
  }

  get config(): LoadedConfig {
    return this.#config;
  }

  /** The start is over: reloads that were asked for meanwhile begin now. */
  begin(target: ReloadTarget): void {
    this.#resolveTarget(target);
  }

  reload(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    if (this.#waiting !== undefined) return this.#waiting;
    const reload = this.#running.then(async () => {
      const target = await this.#target;
      this.#waiting = undefined;
      return this.#reload(target, trigger);
    });
    this.#waiting = reload;
    this.#running = reload;
    return reload;
  }

  async #reload(target: ReloadTarget, trigger: ReloadTrigger): Promise<ReloadOutcome> {
    const { log } = this.#parts;
    let next: LoadedConfig | undefined;
    let stamps = this.#config.source.stamps;
    try {
      next = this.#parts.read();
      stamps = next.source.stamps;
      const present = this.#config;
      const keys = (target.keysThatNeedRestart ?? keysThatNeedRestart)(present, next);
      if (keys.length > 0) throw new RestartNeededError(keys);
      const changes = describeChanges(present, next);
      await target.apply(next);
      this.#config = next;
      const at = this.#now();
      const { file, hash } = next.source;
      this.#state = { file, hash, since: at, lastReload: { at, ok: true, trigger, changes } };
      for (const warning of next.warnings)
        log.warn('the configuration is probably not as intended', { file, detail: showIssue(warning) });
      log.info('the configuration was reloaded', { file, trigger, hash, detail: logged(changes) });
      return { ok: true, changes };
    } catch (error) {
      // The mistake may be in a file that the configuration in use does not have, and be corrected there.
      if (error instanceof ConfigError) stamps = new Map([...stamps, ...error.sources]);
      return this.#failed(error, trigger);
    } finally {
      this.onReload?.(stamps);
    }
  }

  #failed(error: unknown, trigger: ReloadTrigger): ReloadOutcome {
    const { log, explain } = this.#parts;
    const message = explain(error);
    if (message === undefined) log.error('unexpected fault while reloading', { detail: describeFault(error) });
    // A ConfigError's message holds no value of the configuration.
    const text = message ?? 'an unexpected fault; see the log';
    const { file } = this.#state;
    this.#state = { ...this.#state, lastReload: { at: this.#now(), ok: false, trigger, error: text } };
    log.error('the configuration was not reloaded; nothing has changed', { file, trigger, detail: text });
    const errors = error instanceof ConfigError ? error.issues.map((issue) => issueOf(issue, error.file)) : undefined;
    return { ok: false, error: text, errors: errors ?? [{ message: text }] };
  }
}

function logged(changes: readonly string[]): string {
  if (changes.length === 0) return 'nothing has changed';
  const more = changes.length - MAX_LOGGED;
  return `${changes.slice(0, MAX_LOGGED).join('; ')}${more > 0 ? `; and ${more} more changes` : ''}`;
}

function issueOf({ file, line, path, message }: ConfigIssue, configFile: string): ReloadIssue {
  return {
    file: file ?? configFile,
    ...(line !== undefined && { line }),
    ...(path !== '' && { path }),
    message,
  };
}
