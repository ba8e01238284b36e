import { ownerIsGone } from '../../src/app/process-identity.ts';
import type { TokenStore } from '../../src/tokens/store.ts';
import { BroadcastingStore } from '../../src/tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { LmdbDisk, LmdbSimulation } from './lmdb.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import { RedisServer } from './redis-server.ts';
import type { Scheduler } from './scheduler.ts';

const COMMAND_TIMEOUT_MS = 500;
const DAMAGE = Buffer.from('not what it was').toString('base64');

/** The store of a simulation, as its processes open it and as it is in truth. */
export class Stored {
  readonly redis: RedisServer | undefined;
  readonly disk: LmdbDisk | undefined;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #listeners = new Map<Process, (account: string) => void>();
  readonly #files = new Map<Process, LmdbSimulation>();

  /** `lostReply`: Redis has carried out a write, and its reply does not arrive. */
  constructor(kind: 'redis' | 'embedded', scheduler: Scheduler, random: Random, lostReply: (owner: object) => void) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.redis = kind === 'redis' ? new RedisServer(scheduler, random, lostReply) : undefined;
    this.disk = kind === 'redis' ? undefined : new LmdbDisk();
  }

  /** The real store code over the simulated server or disk. */
  async open(process: Process): Promise<TokenStore> {
    const times = {
      monotonic: () => process.host.monotonic(),
      after: process.timers.after,
      random: () => this.#random.next(),
    };
    if (this.redis !== undefined) {
      return RedisStore.open(
        {
          place: { kind: 'single', url: 'redis://simulated' },
          username: undefined,
          password: undefined,
          tls: undefined,
          keyPrefix: 'simulated',
          commandTimeout: COMMAND_TIMEOUT_MS,
          waitReplicas: 0,
        },
        { open: this.redis.openerFor(process), times },
      );
    }
    const disk = this.disk!;
    const file = new LmdbSimulation(disk, this.#scheduler, this.#random, process);
    this.#files.set(process, file);
    const store = EmbeddedStore.over(
      {
        path: 'simulated',
        db: file as never,
        inode: () => disk.inode,
        probe: {
          write: async () => {
            if (disk.full) throw new Error('no space left on device');
          },
          requireRoomCheck: () => undefined,
          close: async () => undefined,
        },
      },
      {
        ownerIsGone: (owner) => ownerIsGone(owner, process.machine),
        now: () => process.host.wall(),
        running: () => process.host.bootTime(),
        times,
      },
    );
    return new BroadcastingStore(store, {
      announce: (account) => {
        for (const [other, listener] of this.#listeners)
          if (other !== process) this.#scheduler.at(2, other, () => listener(account));
      },
      listen: (listener) => void this.#listeners.set(process, listener),
    });
  }

  /** The process is gone: what it was writing to a file is written, or never. */
  ended(process: Process): void {
    this.#files.get(process)?.kill();
    this.#files.delete(process);
    this.#listeners.delete(process);
  }

  /** How often this process has asked the store for something. */
  requestsOf(process: Process): number {
    return this.redis?.commands.get(process) ?? this.#files.get(process)?.reads ?? 0;
  }

  /** Undefined: there is no record. */
  generation(account: string): number | undefined {
    if (this.disk !== undefined) return this.disk.generation(`record/${account}`);
    const value = this.redis!.data.peek(`simulated:record:{${account}}`);
    return value instanceof Map ? Number(value.get('generation')) : undefined;
  }

  /** Who has the lease by the store's own word. It may have ended by its clock. */
  leaseHolder(account: string): string | undefined {
    if (this.disk !== undefined) {
      const row = this.disk.rows.get(`lease/${account}`);
      return row === undefined ? undefined : (JSON.parse(row) as { owner: string }).owner;
    }
    const value = this.redis!.data.peek(`simulated:lease:{${account}}`);
    return typeof value === 'string' ? value : undefined;
  }

  /** Whether what is sealed in the record was overwritten. */
  isDamaged(account: string): boolean {
    if (this.disk !== undefined) return this.disk.rows.get(`record/${account}`)?.includes(DAMAGE) ?? false;
    const value = this.redis!.data.peek(`simulated:record:{${account}}`);
    return value instanceof Map && value.get('sealed') === DAMAGE;
  }

  /** Overwrites what is sealed in an account's record. False: there is none. */
  damage(account: string): boolean {
    if (this.generation(account) === undefined) return false;
    const sealed = DAMAGE;
    if (this.disk !== undefined) {
      const row = JSON.parse(this.disk.rows.get(`record/${account}`)!) as object;
      this.disk.rows.set(`record/${account}`, JSON.stringify({ ...row, sealed }));
    } else {
      const key = `simulated:record:{${account}}`;
      const fields = this.redis!.data.entry(key)!.value as Map<string, string>;
      this.redis!.data.put(key, new Map([...fields, ['sealed', sealed]]));
    }
    return true;
  }
}
