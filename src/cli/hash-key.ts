import { randomBytes } from 'node:crypto';
import { keyDigest } from '../proxy/caller.ts';
import { print } from './options.ts';
import { readSecret } from './read-secret.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward hash-key`: the digest of a key from standard input, or of a new one. */
export async function hashKey(): Promise<void> {
  const input = await readSecret(process.stdin, process.stderr, 'Key (not shown; leave empty for a new one): ');
  let key = input?.replace(/\r?\n$/, '');
  if (key === undefined) throw new UsageError('no key was given');
  if (key === '') {
    key = randomBytes(32).toString('base64url');
    process.stderr.write(`New key, shown only now: ${key}\n`);
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(
      'a key is sent in a header, so it must be visible ASCII without spaces; an empty input makes a new one',
    );
  }
  if (key.length < 20) {
    process.stderr.write(
      'This key is short, and the digest of a short key can be guessed. An empty input makes a new one.\n',
    );
  }
  print(`${keyDigest(key)}\n`);
}
