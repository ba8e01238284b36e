import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STORE_WRITE_MS } from '../../src/deadlines.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { DiskProbe } from '../../src/tokens/stores/disk-probe.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { commitError, inodeOf, UNKNOWN } from '../../src/tokens/stores/lmdb-file.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

/** What LMDB and the disk do, as the test says. */
class Disk {
  readonly time = new VirtualTime();
  readonly rows = new Map<string, string>();
  inode: string | undefined = 'first';
  /** Why the file beside the store, and the store itself, cannot be written. */
  probeError: Error | undefined;
  commitError: Error | undefined;
  readError: unknown;
  /** Writes wait for it. */
  lock: Promise<void> = Promise.resolve();
  roomChecks = 0;
  writes = 0;
  closed: string[] = [];

  readonly store = EmbeddedStore.over(
    {
      path: '/data/tokens.mdb',
      db: {
        get: (key: string) => {
          if (this.readError !== undefined) throw this.readError;
          return this.rows.get(key);
        },
        putSync: (key: string, value: string) => void this.rows.set(key, value),
        removeSync: (key: string) => void this.rows.delete(key),
        resetReadTxn: () => undefined,
        transaction: async (change: () => void) => {
          await this.lock;
          if (this.commitError !== undefined) throw this.commitError;
          this.writes += 1;
          change();
        },
        close: async () => void this.closed.push('store'),
      } as never,
      inode: () => this.inode,
      probe: {
        write: async () => {
          if (this.probeError !== undefined) throw this.probeError;
        },
        requireRoomCheck: () => void (this.roomChecks += 1),
        close: async () => void this.closed.push('probe'),
      },
    },
    {
      ownerIsGone: () => false,
      now: () => this.time.clock.wall(),
      times: { monotonic: () => this.time.clock.monotonic(), after: this.time.timers.after, random: () => 0.5 },
    },
  );
}

const write = ({ store }: Disk): Promise<boolean> =>
  store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') });
const says = (message: RegExp | string) => (error: unknown) =>
  error instanceof StoreError &&
  (typeof message === 'string' ? error.message === message : message.test(error.message));

describe('a look at the embedded store', () => {
  it('proves by a write that it can be written, at most every ten seconds while that goes well', async () => {
    const disk = new Disk();
    await disk.store.check();
    assert.equal(disk.writes, 1);
    assert.ok(Number(disk.rows.get('check')) > 1_700_000_000_000);
    disk.time.clock.pass(9_999);
    await disk.store.check();
    assert.equal(disk.writes, 1);
    disk.time.clock.pass(1);
    await disk.store.check();
    assert.equal(disk.writes, 2);
  });

  it('needs no write of its own after another one', async () => {
    const disk = new Disk();
    assert.equal(await write(disk), true);
    await disk.store.check();
    assert.equal(disk.writes, 1);
  });

  it('proves it anew at once after a write that failed', async () => {
    const disk = new Disk();
    await disk.store.check();
    disk.commitError = new Error('MDB_MAP_FULL');
    await assert.rejects(write(disk));
    disk.commitError = undefined;
    await disk.store.check();
    assert.equal(disk.writes, 2);
  });

  it('says so where another process holds the lock for too long; several looks make one write', async () => {
    const disk = new Disk();
    let unlock!: () => void;
    disk.lock = new Promise((resolve) => (unlock = resolve));
    const looks = [disk.store.check(), disk.store.check()].map((look) =>
      assert.rejects(look, says(/^The store cannot be written: a write has not ended within \d+ s\. Another process/)),
    );
    await disk.time.advance(STORE_WRITE_MS);
    await Promise.all(looks);
    const third = disk.store.check();
    unlock();
    await third;
    assert.equal(disk.writes, 1);
    disk.time.clock.pass(10_000);
    await disk.store.check();
    assert.equal(disk.writes, 2);
  });

  it('waits for a write as long as it may take', async () => {
    const disk = new Disk();
    let unlock!: () => void;
    disk.lock = new Promise((resolve) => (unlock = resolve));
    const look = disk.store.check();
    await disk.time.advance(STORE_WRITE_MS - 1);
    unlock();
    await look;
    // The limit of a write that has ended is none any more.
    await disk.time.advance(STORE_WRITE_MS);
  });

  it('says so where it cannot be read', async () => {
    const disk = new Disk();
    disk.readError = new Error('MDB_CORRUPTED');
    await assert.rejects(disk.store.check(), says('The store cannot be read: MDB_CORRUPTED.'));
    await assert.rejects(disk.store.read('crm'), says('The store cannot be read: MDB_CORRUPTED.'));
    disk.readError = 'no error object';
    await assert.rejects(disk.store.check(), says('The store cannot be read: no error object.'));
  });
});

describe('a write of the embedded store', () => {
  it('is not tried where the file beside it cannot be written', async () => {
    const disk = new Disk();
    disk.probeError = new Error('EROFS: read-only file system');
    await assert.rejects(write(disk), says('The store cannot be written: EROFS: read-only file system.'));
    assert.deepEqual([disk.writes, disk.roomChecks, disk.rows.size], [0, 0, 0]);
  });

  it("that fails although that file can be written asks for more room next time, and tells LMDB's own reason", async () => {
    const disk = new Disk();
    disk.commitError = Object.assign(new Error('Commit failed'), { commitError: Promise.reject(new Error('ENOSPC')) });
    await assert.rejects(write(disk), says('The store cannot be written: ENOSPC.'));
    assert.equal(disk.roomChecks, 1);
    disk.commitError = new Error('Commit failed');
    await assert.rejects(write(disk), says('The store cannot be written: Commit failed.'));
  });

  for (const [name, inode] of [
    ['removed', undefined],
    ['replaced by another one', 'second'],
  ] as const) {
    it(`is not made to a file that was ${name}, and a look says so, until it is back`, async () => {
      const disk = new Disk();
      await disk.store.check();
      disk.inode = inode;
      const gone = says(new RegExp(`^The store's file /data/tokens.mdb was ${name} while tokenward was using it`));
      await assert.rejects(write(disk), gone);
      await assert.rejects(disk.store.check(), gone);
      assert.equal(disk.writes, 1);
      disk.inode = 'first';
      await disk.store.check();
      assert.equal(disk.writes, 2, 'it is proved at once');
    });
  }

  it('is made where nothing is known of the file', async () => {
    const disk = new Disk();
    disk.inode = UNKNOWN;
    assert.equal(await write(disk), true);
  });
});

describe('the embedded store, closed', () => {
  it('closes the file beside it first, and once', async () => {
    const disk = new Disk();
    await disk.store.close();
    await disk.store.close();
    assert.deepEqual(disk.closed, ['probe', 'store']);
    await assert.rejects(write(disk), says('The store is closed.'));
    await assert.rejects(disk.store.check(), says('The store is closed.'));
    await assert.rejects(disk.store.read('crm'), says('The store is closed.'));
  });
});

describe('the file beside the embedded store', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-probe-'));
    file = join(folder, 'probe');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is written in place, and only its owner can read it', async () => {
    const probe = new DiskProbe(file);
    await probe.write();
    await probe.write();
    const { size, mode } = statSync(file);
    assert.deepEqual([size, mode & 0o777], [512, 0o600]);
    await probe.close();
  });

  it('shows once whether there is room for more, and is small again', async () => {
    writeFileSync(file, 'x'.repeat(1_000));
    const probe = new DiskProbe(file);
    await probe.write();
    assert.equal(statSync(file).size, 1_000);
    probe.requireRoomCheck();
    await probe.write();
    assert.equal(statSync(file).size, 512);
    writeFileSync(file, 'x'.repeat(1_000));
    await probe.write();
    assert.equal(statSync(file).size, 1_000);
    await probe.close();
  });

  it('takes no write once it is closed, and is closed after those under way', async () => {
    const probe = new DiskProbe(file);
    probe.requireRoomCheck();
    const work = probe.write();
    await probe.close();
    assert.equal(statSync(file).size, 512);
    await work;
    await assert.rejects(probe.write(), /^Error: closed$/);
  });
});

describe("a file's identity", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-inode-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('stays when it is moved, and is another one for another file', () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(a, '');
    writeFileSync(b, '');
    const identity = inodeOf(a);
    assert.notEqual(inodeOf(b), identity);
    renameSync(a, b);
    assert.equal(inodeOf(b), identity);
    assert.deepEqual(readdirSync(folder), ['b']);
  });

  it('is none where there is no file, and not known where it cannot be told', () => {
    writeFileSync(join(folder, 'file'), '');
    assert.equal(inodeOf(join(folder, 'none')), undefined);
    assert.equal(inodeOf(join(folder, 'file', 'below')), undefined);
    assert.equal(inodeOf(join(folder, 'x'.repeat(5_000))), UNKNOWN);
  });
});

describe("LMDB's reason for a failed commit", () => {
  it('is in a promise of its error, which may say nothing', async () => {
    const cause = new Error('cause');
    assert.equal(await commitError({ commitError: Promise.reject(cause) }), cause);
    assert.equal(await commitError(new Error('without one')), undefined);
    let said: unknown = 'nothing';
    void commitError({ commitError: new Promise(() => undefined) }).then((value) => (said = value));
    await settled();
    await settled();
    assert.equal(said, undefined);
  });
});
