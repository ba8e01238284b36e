import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAX_STORED, MAX_STORED_BYTES, storedInputs, type Kind } from './engine/corpus.ts';
import { judge } from './engine/judge.ts';
import { TARGETS } from './targets/all.ts';
import { COVERS } from './targets/covers.ts';

const KINDS: readonly Kind[] = ['corpus', 'found'];

/** The folders of one kind; there is none before the first input is stored. */
function foldersOf(kind: Kind): string[] {
  try {
    return readdirSync(fileURLToPath(new URL(kind, import.meta.url)));
  } catch {
    return [];
  }
}

describe('the inputs of the fuzzer', () => {
  for (const [name, load] of Object.entries(TARGETS)) {
    it(`break no rule of the target ${name}, those that were found included`, async function () {
      this.timeout(60_000);
      const target = await load();
      assert.equal(target.name, name);
      const inputs = KINDS.flatMap((kind) => storedInputs(kind, name));
      assert.ok(inputs.length > 0, 'there are none');
      for (const { file, bytes } of inputs)
        await judge(target, bytes).catch((error: unknown) => {
          if (error instanceof Error) error.message = `${relative('', file)}: ${error.message}`;
          throw error;
        });
    });
  }

  it('are few and short, and each folder belongs to a target', () => {
    assert.deepEqual(Object.keys(COVERS), Object.keys(TARGETS));
    for (const kind of KINDS)
      for (const folder of foldersOf(kind)) assert.ok(Object.hasOwn(TARGETS, folder), `${kind}/${folder}`);
    for (const name of Object.keys(TARGETS)) {
      const inputs = storedInputs('corpus', name);
      assert.ok(inputs.length <= MAX_STORED, `${name}: ${inputs.length} inputs`);
      for (const { file, bytes } of inputs)
        assert.ok(bytes.length <= MAX_STORED_BYTES, `${name}/${basename(file)}: ${bytes.length} bytes`);
    }
  });
});
