import { randomBytes } from 'node:crypto';
import { TokenwardError } from '../../../src/errors.ts';
import type { Credential, Outcome } from '../../../src/tokens/credential.ts';
import { TokenManager, type TokenObserver } from '../../../src/tokens/manager.ts';
import type { RenewalKind } from '../../../src/tokens/record-marks.ts';
import { Records, type CredentialRecord } from '../../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../../src/tokens/seal.ts';
import type { StoredRecord, TokenStore } from '../../../src/tokens/store.ts';
import type { Token } from '../../../src/tokens/token.ts';
import { Endpoint } from './endpoint.ts';
import { Disk, StoreLine } from './store.ts';
import { settle, Timeline } from './timeline.ts';

export const ACCOUNT = 'main';
const SEAL = new Seal(sealingKey(randomBytes(32).toString('base64')));
const SILENT: TokenObserver = {
  renewed: () => undefined,
  suppressed: () => undefined,
  changed: () => undefined,
  storeFailed: () => undefined,
};
/** No pause is longer, so a later "not before" comes from a clock that was set back. ms. */
const PAUSE_MOST = 375_000;

export interface WorldOptions {
  /** ms; 0: strict rotation. */
  readonly grace: number;
  readonly renew: 'early' | 'on-demand';
  /** Seconds. */
  readonly lifetime: number | undefined;
  readonly budget: boolean;
}

/** What the model forbids has happened. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** One process: a manager with its own way to the store, and whoever waits there. */
export class Process {
  readonly line: StoreLine;
  readonly manager: TokenManager;
  readonly name: string;
  ready = false;
  alive = true;
  /** Calls to the endpoint under way. */
  calls = 0;
  /** For each caller who waits: the generation he wants a newer one than. */
  readonly waiting: number[] = [];
  generation = 0;
  /** The newest generation the upstream has refused to one of its callers. */
  refused = 0;
  /** The same, while their successors are being fetched. */
  readonly provedDead: number[] = [];

  constructor(world: World, name: string, credentials: string) {
    this.name = name;
    const { time, disk, options } = world;
    this.line = new StoreLine(disk, time, this);
    const credential: Credential = {
      account: ACCOUNT,
      flow: 'model',
      identity: 'who',
      credentialsFingerprint: credentials,
      staticToken: undefined,
      renew: options.renew,
      canLogin: true,
      canRefresh: true,
      budget: options.budget ? { key: 'logins', logins: 6, window: 86_400_000, reserve: 2 } : undefined,
      rotationGrace: options.grace,
      login: () => world.call(this, 'login', undefined),
      refresh: (token) => world.call(this, 'refresh', token),
    };
    this.manager = new TokenManager([credential], {
      store: this.line,
      records: new Records(this.line, SEAL, time),
      clock: time,
      observer: SILENT,
      owner: name,
      maxAccounts: 2,
      random: () => 0.5,
      timers: time.timersOf(this),
    });
    this.manager.load().then(
      () => (this.ready = true),
      () => (this.ready = this.alive),
    );
  }
}

/** Processes over one store before one endpoint, and the rules that must hold whatever happens. */
export class World {
  readonly time = new Timeline();
  readonly disk = new Disk();
  readonly endpoint: Endpoint;
  readonly options: WorldOptions;
  readonly processes: Process[] = [];
  /** Tokens callers have had, newest last. */
  readonly held: Token[] = [];
  readonly #secretOf = new Map<number, string>();
  /** What has broken a rule; looked at after every step. */
  readonly #violations: string[] = [];
  readonly #checks: Promise<void>[] = [];
  credentials = 'first';
  /**
   * The lease was lost or could not be prolonged: two holders are possible, and only the store's comparison protects.
   */
  leaseInDoubt = false;
  operatorActed = false;
  reserveSpent = false;
  #started = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.endpoint = new Endpoint(this.time, options.grace, options.lifetime);
    this.disk.onReplace = (before, after) => this.#replaced(before, after);
  }

  start(at: number): void {
    this.#started += 1;
    this.processes[at] = new Process(this, `process-${this.#started}`, this.credentials);
  }

  crash(at: number, fate: () => 'lost' | 'happened' | 'late', leaseFreed: boolean): void {
    const process = this.processes[at]!;
    process.alive = false;
    process.line.crash(fate);
    this.time.bury(process);
    // A store of this host sees that the holder is gone; another one has to wait for the lease to end.
    if (leaseFreed && this.disk.lease?.owner === process.name) this.disk.lease = undefined;
    this.start(at);
  }

  /** The machine sleeps. What it had put on the wire arrives all the same. */
  async sleep(ms: number): Promise<void> {
    for (const one of [...this.time.pending]) if (one.owner === this.endpoint) await this.time.now(one);
    this.time.sleep(ms);
  }

  /** A caller asks for a token. */
  get(process: Process): void {
    this.#ask(process, () => process.manager.get(ACCOUNT));
  }

  /** A caller comes back with a token that the upstream has refused. */
  refuse(process: Process, token: Token): void {
    this.endpoint.liveAccess.delete(token.reveal());
    process.provedDead.push(token.generation);
    process.refused = Math.max(process.refused, token.generation);
    this.#ask(
      process,
      () => process.manager.renew(ACCOUNT, token),
      token.generation,
      () => {
        process.provedDead.splice(process.provedDead.indexOf(token.generation), 1);
      },
    );
  }

  renewNow(process: Process, useReserve: boolean): void {
    this.operatorActed = true;
    if (useReserve) this.reserveSpent = true;
    this.#ask(process, () => process.manager.renewNow(ACCOUNT, { useReserve }));
  }

  /** One call to the endpoint, and everything that must be true when it is made. */
  async call(process: Process, kind: RenewalKind, token: Token | undefined): Promise<Outcome> {
    process.calls += 1;
    if (process.calls > 1) this.#wrong('two renewals at once in one process');
    const others = this.processes.filter((other) => other !== process && other.calls > 0);
    if (others.length > 0 && !this.leaseInDoubt && !this.time.jumped)
      this.#wrong('two renewals at once under one lease');
    const wall = this.time.wall();
    const byOperator = this.operatorActed;
    const wanted = Math.max(process.refused, ...process.waiting);
    this.#inspect(this.disk.record, (record) => {
      // Somebody else may have gone on from the intent while this process could not; then it is too late for these.
      if (this.leaseInDoubt || this.time.jumped) return;
      if (record?.intent?.kind !== kind) this.#wrong(`a ${kind} without a stored intent`);
      if (kind === 'refresh' && record?.generation !== token!.generation) this.#wrong('an old refresh token is spent');
      if (record?.dead?.credentials === this.credentials) this.#wrong('a dead credential is tried again');
      const { token: stored } = record ?? {};
      const lives =
        stored !== undefined &&
        (stored.expiresAt === undefined || (stored.expiresAt > wall && stored.deadline > this.time.monotonic()));
      if (lives && stored.generation > wanted && this.options.renew === 'on-demand' && !byOperator)
        this.#wrong('a call for a token that is there already');
      const wait = (record?.retryAt ?? 0) - wall;
      if (wait > 0 && wait <= PAUSE_MOST && !byOperator) this.#wrong(`called ${wait} ms before the pause was over`);
    });
    if (kind === 'login' && this.options.budget) this.#checkBudget();
    const outcome = await this.endpoint.call(process, kind, token?.revealRefresh());
    process.calls -= 1;
    return outcome;
  }

  /** After every step: promises settle, checks are done, broken rules are thrown. */
  async look(): Promise<void> {
    await settle();
    await Promise.all(this.#checks.splice(0));
    for (const process of this.processes) {
      const { generation } = process.manager.status()[0]!;
      if (generation < process.generation) this.#wrong('a process fell back to an older token');
      process.generation = generation;
    }
    const most = this.options.grace > 0 ? 2 : 1;
    for (const { commits } of this.endpoint.refreshTokens.values())
      if (commits > most) this.#wrong(`a refresh token was spent ${commits} times`);
    // A clock that was set while a repeat was allowed makes its age unknowable.
    if (this.endpoint.familiesRevoked > 0 && !(this.options.grace > 0 && this.time.jumped))
      this.#wrong('a family of tokens was revoked');
    if (this.#violations.length > 0) throw new Violation(this.#violations.join('; '));
  }

  durable(): Promise<CredentialRecord | undefined> {
    return decode(this.disk.record, this.time);
  }

  #ask(process: Process, ask: () => Token | Promise<Token>, newerThan = 0, done: () => void = () => undefined): void {
    let answer: Token | Promise<Token>;
    try {
      answer = ask();
    } catch (error) {
      done();
      return this.#refusal(error);
    }
    if (!(answer instanceof Promise)) {
      done();
      if (process.provedDead.some((generation) => generation >= answer.generation))
        this.#wrong('a token proved dead was given out while its successor was being fetched');
      return this.#handedOut(process, answer, newerThan);
    }
    process.waiting.push(newerThan);
    answer
      .then(
        (token) => this.#handedOut(process, token, newerThan),
        (error: unknown) => this.#refusal(error),
      )
      .finally(() => {
        done();
        process.waiting.splice(process.waiting.indexOf(newerThan), 1);
      });
  }

  #handedOut(process: Process, token: Token, newerThan: number): void {
    if (!process.alive) return;
    if (token.generation <= newerThan) this.#wrong('a refused token was given out as its own successor');
    this.held.push(token);
    if (this.held.length > 8) this.held.shift();
    const unsaved = process.manager.status()[0]!.problem === 'the new token could not be stored yet';
    if (unsaved) return;
    if ((this.disk.record?.generation ?? 0) < token.generation) this.#wrong('a token was given out that is not stored');
    const known = this.#secretOf.get(token.generation);
    if (known === undefined) this.#secretOf.set(token.generation, token.reveal());
    else if (known !== token.reveal()) this.#wrong('one generation means two tokens');
  }

  #refusal(error: unknown): void {
    if (!(error instanceof TokenwardError) || error.code === 'internal')
      this.#wrong(`a caller was refused with ${String(error)}`);
  }

  #replaced(before: StoredRecord | undefined, after: StoredRecord): void {
    if (before === undefined) return;
    if (after.generation < before.generation) this.#wrong('the stored generation decreased');
    this.#checks.push(
      Promise.all([decode(before, this.time), decode(after, this.time)]).then(([old, fresh]) => {
        if (
          old!.token !== undefined &&
          fresh!.generation === old!.generation &&
          fresh!.token?.reveal() !== old!.token.reveal()
        )
          this.#wrong('a token was replaced by something that is no newer token');
        if (issueOf(fresh!) < issueOf(old!)) this.#wrong('a newer token was overwritten with an older one');
        if (fresh!.generation > old!.generation && fresh!.token === undefined)
          this.#wrong('a generation without a token');
      }),
    );
  }

  #checkBudget(): void {
    const now = this.time.wall();
    const used = this.disk.debits.filter((at) => at > now - 86_400_000).length;
    if (used > (this.reserveSpent ? 6 : 4) && !this.time.jumped) this.#wrong(`${used} logins were debited`);
    if (this.endpoint.arrivals.login + 1 > this.disk.debits.length) this.#wrong('a login that was not debited first');
  }

  #inspect(record: StoredRecord | undefined, check: (record: CredentialRecord | undefined) => void): void {
    this.#checks.push(decode(record, this.time).then(check));
  }

  #wrong(what: string): void {
    this.#violations.push(what);
  }
}

/** Which of the endpoint's pairs it is, in order of issue. */
function issueOf({ token }: CredentialRecord): number {
  return Number(token?.reveal().split('-').at(-1) ?? 0);
}

function decode(record: StoredRecord | undefined, time: Timeline): Promise<CredentialRecord | undefined> {
  if (record === undefined) return Promise.resolve(undefined);
  const shelf: Pick<TokenStore, 'read'> = { read: async () => record };
  return new Records(shelf as TokenStore, SEAL, time).read(ACCOUNT);
}
