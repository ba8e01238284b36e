import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { Connection, reason, type RedisSession } from '../../src/tokens/stores/redis-connection.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

const TIMEOUT = 1_000;

interface FakeSession extends RedisSession {
  readonly sent: string[];
  destroyed: boolean;
  /** Its connection breaks. */
  readonly lose: () => void;
}

/** A server of which every session and every reply is made by the test. */
class Server {
  readonly time = new VirtualTime();
  readonly sessions: FakeSession[] = [];
  /** When a session was asked for, virtual ms from the start. */
  readonly attempts: number[] = [];
  /** Undefined: sessions open. */
  refusal: Error | undefined;
  reply: (command: string) => unknown = (command) => `reply to ${command}`;
  subscribed: string[] = [];
  reopened = 0;
  random = 0.5;
  /** Those that were not cancelled. */
  readonly timers = new Set<object>();
  readonly #start = this.time.clock.monotonic();
  readonly times = {
    monotonic: () => this.time.clock.monotonic(),
    after: (ms: number, action: () => void) => {
      const timer = {};
      this.timers.add(timer);
      const cancel = this.time.timers.after(ms, action);
      return () => {
        this.timers.delete(timer);
        cancel();
      };
    },
    random: () => this.random,
  };

  readonly open = async (lost: () => void): Promise<RedisSession> => {
    this.attempts.push(this.time.clock.monotonic() - this.#start);
    if (this.refusal !== undefined) throw this.refusal;
    const session: FakeSession = {
      sent: [],
      destroyed: false,
      lose: lost,
      send: async (_key, args) => {
        session.sent.push(args[0]!);
        return this.reply(args[0]!);
      },
      keys: async (pattern) => [pattern],
      sendToMasters: async (args) => args,
      subscribe: async (channel) => void this.subscribed.push(channel),
      destroy: () => void (session.destroyed = true),
    };
    this.sessions.push(session);
    return session;
  };

  start(): Promise<Connection> {
    return Connection.start(this.open, () => (this.reopened += 1), this.times);
  }
}

const refusal = (message: string, code?: string): Error => Object.assign(new Error(message), code && { code });

/** What a promise came to, without waiting. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: 'waits' };
  promise.then(
    (value) => (watched.outcome = value),
    (error: unknown) => {
      assert.ok(error instanceof StoreError);
      watched.outcome = error.message;
    },
  );
  return watched;
}

describe('the connection to Redis', () => {
  let server: Server;
  beforeEach(() => {
    server = new Server();
  });

  describe('at the start', () => {
    it('is tried again after pauses that double, up to a second, for six seconds; then the last reason is told', async () => {
      server.refusal = refusal('connect', 'ECONNREFUSED');
      let message = '';
      const started = server.start().catch((error: unknown) => (message = reason(error)));
      await server.time.advance(5_999);
      assert.equal(message, '');
      await server.time.advance(1);
      await started;
      assert.deepEqual(server.attempts, [0, 50, 150, 350, 750, 1_550, 2_550, 3_550, 4_550, 5_550]);
      assert.equal(message, 'ECONNREFUSED');
      await server.time.advance(5_000);
      assert.equal(server.attempts.length, 10);
    });

    for (const final of [
      refusal('WRONGPASS invalid username-password pair'),
      refusal('NOAUTH Authentication required'),
      refusal('NOPERM this user has no permissions'),
      refusal('self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      refusal('first', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    ]) {
      it(`is not tried again after ${reason(final)}: it stays so`, async () => {
        server.refusal = final;
        await assert.rejects(server.start(), final);
        assert.equal(server.attempts.length, 1);
      });
    }

    it('is tried again after pauses that are spread out', async () => {
      server.refusal = refusal('connect', 'ECONNREFUSED');
      server.random = 0.9;
      const failed = assert.rejects(server.start());
      await server.time.advance(6_000);
      await failed;
      assert.deepEqual(server.attempts.slice(0, 3), [0, 70, 210]);
    });

    it('is tried again after errors that only look like those', async () => {
      server.refusal = refusal('NOPERMS');
      const started = watch(server.start());
      await settled();
      server.refusal = refusal('x', 'NOT_UNABLE_TO_CONNECT');
      await server.time.advance(50);
      server.refusal = refusal('x', 'E_NOAUTH');
      await server.time.advance(100);
      server.refusal = undefined;
      await server.time.advance(200);
      await settled();
      assert.ok(started.outcome instanceof Connection);
      assert.equal(server.reopened, 0);
    });

    it('that nobody answers ends after six seconds, and what comes later is closed', async () => {
      let opened!: (session: RedisSession) => void;
      const late = new Promise<RedisSession>((resolve) => (opened = resolve));
      const started = Connection.start(
        () => late,
        () => undefined,
        server.times,
      );
      const failed = assert.rejects(started, /^Error: no answer$/);
      await server.time.advance(6_000);
      await failed;
      const session = (await server.open(() => undefined)) as FakeSession;
      opened(session);
      await settled();
      assert.equal(session.destroyed, true);
    });
  });

  describe('while it is well', () => {
    it('takes commands, and leaves no timer behind', async () => {
      const connection = await server.start();
      assert.equal(await connection.send('key', ['GET'], TIMEOUT), 'reply to GET');
      assert.deepEqual(await connection.keys('a*', TIMEOUT), ['a*']);
      assert.deepEqual(await connection.sendToMasters(['INFO'], TIMEOUT), ['INFO']);
      assert.equal(server.timers.size, 0);
      await server.time.advance(10 * TIMEOUT);
      assert.deepEqual([server.sessions.length, server.sessions[0]!.destroyed], [1, false]);
    });

    it('stays after a refused command, which is told by its first word', async () => {
      const connection = await server.start();
      server.reply = () => {
        throw new Error('OOM command not allowed, key=secret');
      };
      await assert.rejects(connection.send('key', ['SET'], TIMEOUT), {
        name: 'StoreError',
        message: 'Redis refused or lost a command: OOM.',
      });
      assert.deepEqual([server.sessions.length, server.sessions[0]!.sent], [1, ['SET']]);
    });
  });

  describe('that a command gets no answer from', () => {
    it('is replaced: the command fails at its time limit, and is not sent again', async () => {
      const connection = await server.start();
      server.reply = () => new Promise(() => undefined);
      const command = watch(connection.send('key', ['SET'], TIMEOUT));
      await server.time.advance(TIMEOUT - 1);
      assert.equal(command.outcome, 'waits');
      await server.time.advance(1);
      await settled();
      assert.equal(command.outcome, `Redis refused or lost a command: no answer within ${TIMEOUT} ms.`);
      const [first, second] = server.sessions;
      assert.deepEqual([first!.destroyed, second!.destroyed, second!.sent], [true, false, []]);
      assert.equal(server.reopened, 1);
    });
  });

  describe('to a master that is none any more', () => {
    it('is replaced, and the command is sent once more, to the new one', async () => {
      const connection = await server.start();
      server.reply = () => {
        if (server.sessions.length === 1) throw new Error("READONLY You can't write against a read only replica.");
        return 'written';
      };
      assert.equal(await connection.send('key', ['SET'], TIMEOUT), 'written');
      assert.deepEqual(
        server.sessions.map(({ sent, destroyed }) => [sent.length, destroyed]),
        [
          [1, true],
          [1, false],
        ],
      );
    });

    it('fails the command if the new one is none either', async () => {
      const connection = await server.start();
      server.reply = () => {
        throw new Error('READONLY');
      };
      await assert.rejects(connection.send('key', ['SET'], TIMEOUT), /READONLY/);
      await settled();
      assert.deepEqual(
        server.sessions.map(({ sent }) => sent.length),
        [1, 1, 0],
      );
    });
  });

  describe('that breaks', () => {
    it('is replaced at once, with its subscriptions, and that is told', async () => {
      const connection = await server.start();
      await connection.subscribe('channel', () => undefined, TIMEOUT);
      server.sessions[0]!.lose();
      await settled();
      assert.deepEqual([server.sessions.length, server.reopened], [2, 1]);
      assert.deepEqual(server.subscribed, ['channel', 'channel']);
      assert.equal(server.sessions[0]!.destroyed, true);
      server.sessions[0]!.lose();
      await settled();
      assert.equal(server.sessions.length, 2, 'an old one that breaks again concerns nobody');
    });

    it('lets commands wait for the next one, for as long as their time limit allows', async () => {
      const connection = await server.start();
      server.refusal = refusal('connect', 'ECONNREFUSED');
      server.sessions[0]!.lose();
      const waits = watch(connection.send('key', ['GET'], TIMEOUT));
      const gives = watch(connection.send('key', ['SET'], 100));
      await server.time.advance(100);
      await settled();
      assert.deepEqual([waits.outcome, gives.outcome], ['waits', 'Redis refused or lost a command: ECONNREFUSED.']);
      server.refusal = undefined;
      await server.time.advance(400);
      await settled();
      assert.equal(waits.outcome, 'reply to GET');
      assert.deepEqual([server.sessions[1]!.sent, server.reopened], [['GET'], 1]);
    });

    it('for longer than a command may take fails the next command at once, while it goes on being tried', async () => {
      const connection = await server.start();
      server.refusal = refusal('connect', 'ECONNREFUSED');
      server.sessions[0]!.lose();
      await server.time.advance(TIMEOUT);
      const last = watch(connection.send('key', ['GET'], TIMEOUT));
      await settled();
      assert.equal(last.outcome, 'waits');
      await server.time.advance(1);
      const command = watch(connection.send('key', ['GET'], TIMEOUT));
      await settled();
      assert.equal(command.outcome, 'Redis refused or lost a command: ECONNREFUSED.');
      server.refusal = undefined;
      await server.time.advance(1_000);
      assert.equal(await connection.send('key', ['GET'], TIMEOUT), 'reply to GET');
    });

    it('while its subscriptions are made anew is none: another one is opened', async () => {
      const connection = await server.start();
      await connection.subscribe('channel', () => undefined, TIMEOUT);
      let broken: FakeSession | undefined;
      const [first] = server.sessions;
      const subscribe = server.subscribed.push.bind(server.subscribed);
      server.subscribed.push = (...channels) => {
        if (broken === undefined) {
          broken = server.sessions.at(-1);
          broken!.lose();
        }
        return subscribe(...channels);
      };
      first!.lose();
      await server.time.advance(50);
      await settled();
      assert.equal(server.sessions.length, 3);
      assert.deepEqual([broken!.destroyed, server.sessions[2]!.destroyed], [true, false]);
      assert.equal(server.reopened, 1);
    });
  });

  describe('that was closed', () => {
    it('ends its session, takes no command, and opens no other one', async () => {
      const connection = await server.start();
      connection.close();
      assert.equal(server.sessions[0]!.destroyed, true);
      await assert.rejects(connection.send('key', ['GET'], TIMEOUT), { message: 'The store is closed.' });
      assert.equal(server.sessions.length, 1);
    });

    it('while it is tried again: ends the pause, and what waits', async () => {
      const connection = await server.start();
      server.refusal = refusal('connect', 'ECONNREFUSED');
      server.sessions[0]!.lose();
      const command = watch(connection.send('key', ['GET'], TIMEOUT));
      await settled();
      connection.close();
      await settled();
      assert.equal(command.outcome, 'The store is closed.');
      const { length } = server.attempts;
      await server.time.advance(10_000);
      assert.equal(server.attempts.length, length);
    });

    it('while a command is under way: the command fails for that reason', async () => {
      const connection = await server.start();
      let fail!: (error: Error) => void;
      server.reply = () => new Promise((_, reject) => (fail = reject));
      const command = watch(connection.send('key', ['GET'], TIMEOUT));
      await settled();
      connection.close();
      fail(refusal('reset', 'ECONNRESET'));
      await settled();
      assert.equal(command.outcome, 'The store is closed.');
    });
  });

  it('tells an error by its code, its first word, or its class; never by what it quotes', () => {
    assert.equal(reason(refusal('x', 'ECONNRESET')), 'ECONNRESET');
    assert.equal(reason(new Error('NOAUTH Authentication required')), 'NOAUTH');
    assert.equal(reason(new TypeError('A secret')), 'TypeError');
    assert.equal(reason(new TypeError('the ABC')), 'TypeError');
    assert.equal(reason(new StoreError('redis.example is closed.')), 'redis.example is closed');
    assert.equal(reason('a secret'), 'unknown');
  });
});
