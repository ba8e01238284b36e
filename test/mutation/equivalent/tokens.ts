import type { Equivalent } from './equivalent.ts';

const NO_REACH = 'Only a failed outcome has a reach; the condition tells the compiler.';
const UNDEFINED = 'A comparison with undefined is false, as the condition is; it tells the compiler.';
const COUNTED = 'A login has a time at which it was counted if and only if there is a budget; both tell the compiler.';

export const TOKENS_EQUIVALENT: readonly Equivalent[] = [
  {
    file: 'src/tokens/account-cache.ts',
    at: 'return rejected.size > 0 && rejected.has(account);',
    was: 'rejected.size > 0',
    now: 'true',
    reason: 'An empty set has nothing: the size is looked at because it costs less.',
  },
  {
    file: 'src/tokens/account-cache.ts',
    at: 'return rejected.size > 0 && rejected.has(account);',
    was: 'rejected.size > 0',
    now: 'rejected.size >= 0',
    reason: 'An empty set has nothing: the size is looked at because it costs less.',
  },
  {
    file: 'src/tokens/account-cache.ts',
    at: 'if (room === 0 || this.count.inMemory <= declared.length) return declared;',
    was: 'room === 0',
    now: 'false',
    reason: 'Without room none of the others is taken: this saves the walk over all states.',
  },
  {
    file: 'src/tokens/backoff.ts',
    at: 'if (token.refreshExpiresAt !== undefined && now >= token.refreshExpiresAt) return false;',
    was: 'token.refreshExpiresAt !== undefined',
    now: 'true',
    reason: UNDEFINED,
  },
  {
    file: 'src/tokens/backoff.ts',
    at: "if (outcome.kind === 'failed' && outcome.reach === 'unsent') return UNSENT_BACKOFF_MS;",
    was: "outcome.kind === 'failed'",
    now: 'true',
    reason: NO_REACH,
  },
  {
    file: 'src/tokens/backoff.ts',
    at: 'return loggedInAt !== undefined && now >= loggedInAt && now - loggedInAt < RECENT_LOGIN_MS;',
    was: 'loggedInAt !== undefined',
    now: 'true',
    reason: UNDEFINED,
  },
  {
    file: 'src/tokens/lifetime.ts',
    at: 'if (expiresAt === undefined) return false;',
    was: 'expiresAt === undefined',
    now: 'false',
    reason: 'What is left is NaN then, and NaN is less than nothing.',
  },
  {
    file: 'src/tokens/pending-writes.ts',
    at: 'cancelDeadline?.();',
    was: 'cancelDeadline?.()',
    now: 'cancelDeadline()',
    reason: 'It is the last statement of work whose end is waited for, and whose error nobody reads.',
  },
  {
    file: 'src/tokens/pending-writes.ts',
    at: 'const deadline = { passed: false };',
    was: '{ passed: false }',
    now: '{}',
    reason: 'Undefined counts as not passed.',
  },
  {
    file: 'src/tokens/pending-writes.ts',
    at: 'left > 0 && this.#work.isClosing() === wasClosing',
    was: 'left > 0',
    now: 'left >= 0',
    reason: 'One more sleep, of 0 ms, after a pause that is a multiple of the longest sleep.',
  },
  {
    file: 'src/tokens/pending-writes.ts',
    at: '...(key !== undefined && { key })',
    was: 'key !== undefined',
    now: 'true',
    reason: 'A record that was read has its key; the type says less, for records that are made.',
  },
  {
    file: 'src/tokens/records.ts',
    at: 'if (key === account) this.#beside.delete(account);',
    was: 'key === account',
    now: 'false',
    reason: 'An account without an entry has its own name for a key: the entry only takes memory.',
  },
  {
    file: 'src/tokens/recovery.ts',
    at: '#reconcileAgain = false;',
    was: 'false',
    now: 'true',
    reason: '`begin` sets it before anything reads it.',
  },
  {
    file: 'src/tokens/renewal-call.ts',
    at: 'if (isNewer && stored.identity === credential.identity) {',
    was: 'stored.identity === credential.identity',
    now: 'true',
    reason: 'What is read has no token of another identity.',
  },
  {
    file: 'src/tokens/renewal-failures.ts',
    at: "const unsent = outcome.kind === 'failed' && outcome.reach === 'unsent';",
    was: "outcome.kind === 'failed'",
    now: 'true',
    reason: NO_REACH,
  },
  {
    file: 'src/tokens/renewal.ts',
    at: "const maybeSpent = outcome.kind === 'failed' && outcome.maybeSpent;",
    was: "outcome.kind === 'failed'",
    now: 'true',
    reason: 'Nothing but a failed outcome may have been spent; the condition tells the compiler.',
  },
  {
    file: 'src/tokens/renewal.ts',
    at: "const answered = outcome.kind === 'failed' && outcome.reach === 'answered';",
    was: "outcome.kind === 'failed'",
    now: 'true',
    reason: NO_REACH,
  },
  {
    file: 'src/tokens/renewal.ts',
    at: "(outcome.kind === 'failed' && outcome.reach === 'unsent');",
    was: "outcome.kind === 'failed'",
    now: 'true',
    reason: NO_REACH,
  },
  {
    file: 'src/tokens/renewal.ts',
    at: 'if (state.pendingWrite !== undefined) await this.#pendingWrites.save(state);',
    was: 'state.pendingWrite !== undefined',
    now: 'true',
    reason: 'Without a pending write `save` does nothing; the condition is for the reader.',
  },
  ...['false', 'this.#ownLogins.size >= this.#sweepAt'].map((now) => ({
    file: 'src/tokens/budget.ts',
    at: 'if (this.#ownLogins.size < this.#sweepAt) return;',
    was: 'this.#ownLogins.size < this.#sweepAt',
    now,
    reason: 'It frees memory sooner, at the price of time.',
  })),
  ...(
    [
      ['budget === undefined', 'false'],
      ['at === undefined', 'false'],
      ['budget === undefined || at === undefined', 'budget === undefined && at === undefined'],
    ] as const
  ).map(([was, now]) => ({
    file: 'src/tokens/renewal-call.ts',
    at: 'if (budget === undefined || at === undefined) return;',
    was,
    now,
    reason: COUNTED,
  })),
];
