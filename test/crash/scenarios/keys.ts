import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedStore } from '../../../src/tokens/stores/embedded.ts';
import type { StoredRecord } from '../../../src/tokens/store.ts';
import { DidNotStart } from '../../harness/child.ts';
import { mark } from '../join.ts';
import { MODES } from '../modes.ts';
import { messageOf, type Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';

const newKey = (): string => randomBytes(32).toString('base64');

/**
 * Keys that change, keys that are wrong, records that are torn or somebody else's: opened rightly or refused and kept,
 * never overwritten.
 */
export async function keys(tally: Tally): Promise<void> {
  const run = async (what: string, act: (stage: Stage, key: string) => Promise<string | undefined>): Promise<void> => {
    const key = newKey();
    const wrong = await Stage.with(MODES[0]!, { change: (config) => withKeys(config, key) }, async (stage) => {
      const first = await stage.send();
      if (first.outcome !== 'answered') return `the first request came to ${first.code ?? first.outcome}`;
      await stage.kill();
      return act(stage, key);
    }).catch(messageOf);
    tally.count(`keys: ${what}`, wrong);
  };

  await run('rekey with the earlier key retired; then the new one alone opens', async (stage, key) => {
    const next = newKey();
    stage.change((config) => withKeys(config, next, [key]));
    const said = rekey(stage);
    if (!said.includes('1 records, 1 sealed again')) return `rekey said: ${said}`;
    stage.change((config) => withKeys(config, next));
    return startsWithItsToken(stage);
  });
  await run('a second rekey has nothing to do', async (stage, key) => {
    stage.change((config) => withKeys(config, key));
    const said = rekey(stage);
    return said.includes('1 records, 0 sealed again') ? startsWithItsToken(stage) : `rekey said: ${said}`;
  });
  await run('a wrong key refuses to start and to rekey, and keeps what is there', async (stage, key) => {
    const before = await recordOf(stage);
    stage.change((config) => withKeys(config, newKey()));
    const wrong =
      (await refusesToStart(stage, /sealed with another key/)) ??
      (rekeyFails(stage) ? undefined : 'rekey went through');
    if (wrong !== undefined) return wrong;
    if (!same(before, await recordOf(stage))) return 'the record was changed';
    stage.change((config) => withKeys(config, key));
    return startsWithItsToken(stage);
  });
  for (const [name, spoil] of Object.entries(SPOILT)) {
    await run(`${name} concerns its account only, and is kept as it is`, async (stage) => {
      const good = await recordOf(stage);
      const bad = { ...good, revision: good.revision + 1, sealed: spoil(good.sealed) };
      await inStore(stage, async (store) => {
        if (!(await store.replace('main', good.revision, bad))) throw new Error('could not be spoilt');
      });
      const wrong = await servesNone(stage);
      if (wrong !== undefined) return wrong;
      return same(bad, await recordOf(stage)) ? undefined : 'it was overwritten';
    });
  }
  await run('the record of another account does not open', async (stage) => {
    const { revision, generation, sealed } = await recordOf(stage);
    await inStore(stage, async (store) => void (await store.replace('other', 0, { revision, generation, sealed })));
    stage.change((config) => {
      const accounts = config['accounts'] as Record<string, Record<string, unknown>>;
      const credentials = {
        ...(accounts['main']!['credentials'] as Record<string, unknown>),
        email: 'other@example.com',
      };
      return {
        ...config,
        accounts: { ...accounts, other: { ...accounts['main'], credentials } },
        routes: [
          ...(config['routes'] as unknown[]),
          { prefix: '/other', upstream: stage.sandbox.urls.chatapp, account: 'other' },
        ],
      };
    });
    const before = await inStore(stage, (store) => store.read('other'));
    const wrong = await startsWithItsToken(stage);
    if (wrong !== undefined) return `the account beside it: ${wrong}`;
    return same(before!, (await inStore(stage, (store) => store.read('other')))!) ? undefined : 'it was overwritten';
  });
  await run('a file that was cut off refuses to start, and stays as it is', async (stage) => {
    const file = join(stage.data, 'tokens.mdb');
    const whole = readFileSync(file);
    // A cut may take what is free anyway; then all is there and it starts. What must not be: starting with less.
    for (const part of [0.05, 0.2, 0.4, 0.6, 0.8]) {
      writeFileSync(file, whole);
      truncateSync(file, Math.floor(whole.length * part));
      const cut = readFileSync(file);
      const wrong = await refusesToStart(stage, /cannot be opened|left unchanged/);
      if (wrong === undefined) {
        if (!readFileSync(file).equals(cut)) return 'the file was changed';
        continue;
      }
      const started = await startsWithItsToken(stage);
      if (started !== undefined) return `cut to ${part}: ${started}`;
    }
    writeFileSync(file, whole);
    return startsWithItsToken(stage);
  });
}

const SPOILT: Readonly<Record<string, (sealed: Buffer) => Buffer>> = {
  'a torn record': (sealed) => sealed.subarray(0, sealed.length >> 1),
  'a record of one byte': (sealed) => sealed.subarray(0, 1),
  'an empty record': () => Buffer.alloc(0),
  'a record with one bit turned': (sealed) => {
    const other = Buffer.from(sealed);
    other[other.length - 1]! ^= 1;
    return other;
  },
  'a foreign record': (sealed) => randomBytes(sealed.length),
};

function withKeys(
  config: Record<string, unknown>,
  key: string,
  retiredKeys: readonly string[] = [],
): Record<string, unknown> {
  return { ...config, store: { ...(config['store'] as object), key, retiredKeys } };
}

async function startsWithItsToken(stage: Stage): Promise<string | undefined> {
  const since = mark(stage.ledger);
  await stage.start();
  const { outcome, code } = await stage.send();
  const calls = stage.tokenCalls(since);
  await stage.kill();
  return outcome === 'answered' && calls === 0 ? undefined : `${code ?? outcome}, ${calls} token calls`;
}

/** It starts; the account of the record gets our own error, and nobody logs in for it. */
async function servesNone(stage: Stage): Promise<string | undefined> {
  const since = mark(stage.ledger);
  await stage.start();
  const { outcome, code, status } = await stage.send();
  const calls = stage.tokenCalls(since);
  await stage.kill();
  return outcome === 'ours' && status === 503 && calls === 0
    ? undefined
    : `${code ?? outcome} ${String(status)}, ${calls} token calls`;
}

async function refusesToStart(stage: Stage, words: RegExp): Promise<string | undefined> {
  try {
    await stage.start();
  } catch (error) {
    if (!(error instanceof DidNotStart)) throw error;
    return words.test(error.output) ? undefined : `it says: ${error.output.slice(-300)}`;
  }
  await stage.kill();
  return 'it started';
}

function rekey(stage: Stage): string {
  return execFileSync(process.execPath, [resolve('dist/main.js'), 'rekey', '-c', stage.config], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function rekeyFails(stage: Stage): boolean {
  try {
    rekey(stage);
    return false;
  } catch {
    return true;
  }
}

/** Opens the store of a process that has ended. */
async function inStore<T>(stage: Stage, act: (store: EmbeddedStore) => Promise<T>): Promise<T> {
  const store = EmbeddedStore.open(stage.data, { ownerIsGone: () => true, now: Date.now });
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}

function recordOf(stage: Stage): Promise<StoredRecord> {
  return inStore(stage, async (store) => {
    const record = await store.read('main');
    if (record === undefined) throw new Error('the record is gone');
    return record;
  });
}

function same(a: StoredRecord, b: StoredRecord): boolean {
  return a.revision === b.revision && a.generation === b.generation && a.sealed.equals(b.sealed);
}
