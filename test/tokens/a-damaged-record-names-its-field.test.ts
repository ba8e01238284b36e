import assert from 'node:assert/strict';
import { FormError, parseForm, writeForm } from '../../src/tokens/record-form.ts';

const TOKEN = {
  secret: 'access',
  obtainedAt: 1_000,
  refresh: 'refresh',
  expiresAt: 9_000,
  refreshExpiresAt: 90_000,
  values: { host: 'na1' },
};

/** Everything that a record of this version can hold. */
const WHOLE = {
  v: 1,
  identity: 'who',
  token: TOKEN,
  intent: { kind: 'refresh', startedAt: 5, attempt: 2, id: 'mine' },
  dead: { reason: 'no', since: 6, credentials: 'which' },
  failures: 3,
  retryAt: 7,
  refreshFailures: 2,
  gaveUpAt: 8,
  loggedInAt: 9,
  doubt: { since: 10, credentials: 'which' },
};

/** A change of the whole record that damages it, and what the error must name. */
const DAMAGES: readonly (readonly [change: Readonly<Record<string, unknown>>, names: RegExp])[] = [
  [{ v: -1 }, /version/],
  [{ v: '1' }, /version/],
  [{ identity: undefined }, /whom/],
  [{ identity: 7 }, /whom/],
  [{ token: null }, /its token is not an object/],
  [{ token: 'access' }, /its token is not an object/],
  [{ token: [] }, /its token is not an object/],
  [{ token: { ...TOKEN, secret: undefined } }, /a token that is not text/],
  [{ token: { ...TOKEN, secret: 7 } }, /a token that is not text/],
  [{ token: { ...TOKEN, secret: '', refresh: undefined } }, /a token that is not text/],
  [{ token: { ...TOKEN, refresh: '' } }, /a refresh token that is not text/],
  [{ token: { ...TOKEN, refresh: 7 } }, /a refresh token that is not text/],
  [{ token: { ...TOKEN, obtainedAt: undefined } }, /obtainedAt/],
  [{ token: { ...TOKEN, obtainedAt: '1' } }, /obtainedAt/],
  [{ token: { ...TOKEN, expiresAt: null } }, /\bexpiresAt/],
  [{ token: { ...TOKEN, refreshExpiresAt: 'soon' } }, /refreshExpiresAt/],
  [{ token: { ...TOKEN, values: 'none' } }, /the list of values of its token is not an object/],
  [{ token: { ...TOKEN, values: { host: 7 } } }, /a value beside its token is not text/],
  [{ intent: 'refresh' }, /its note of a renewal is not an object/],
  [{ intent: { ...WHOLE.intent, kind: 'logout' } }, /unknown kind/],
  [{ intent: { ...WHOLE.intent, startedAt: undefined } }, /startedAt/],
  [{ intent: { ...WHOLE.intent, attempt: 1.5 } }, /attempt/],
  [{ intent: { ...WHOLE.intent, attempt: -1 } }, /attempt/],
  [{ intent: { ...WHOLE.intent, id: 7 } }, /id is not text/],
  [{ dead: [] }, /its mark of a refusal is not an object/],
  [{ dead: { ...WHOLE.dead, reason: 7 } }, /incomplete/],
  [{ dead: { ...WHOLE.dead, credentials: undefined } }, /incomplete/],
  [{ dead: { ...WHOLE.dead, since: undefined } }, /since/],
  [{ failures: '3' }, /\bfailures/],
  [{ failures: -1 }, /\bfailures/],
  [{ failures: 1.5 }, /\bfailures/],
  [{ retryAt: 'soon' }, /retryAt/],
  [{ refreshFailures: null }, /refreshFailures/],
  [{ gaveUpAt: 'once' }, /gaveUpAt/],
  [{ loggedInAt: 'once' }, /loggedInAt/],
  [{ doubt: 7 }, /its doubt is not an object/],
  [{ doubt: { since: 10 } }, /doubt that is incomplete/],
  [{ doubt: { credentials: 'which' } }, /since/],
];

describe('the text of a record', () => {
  it('comes back whole: what is read is what was written', () => {
    const { fields, unknown } = parseForm(JSON.stringify(WHOLE));
    const { v: _, ...known } = WHOLE;
    assert.deepEqual(fields, known);
    assert.deepEqual(unknown, { record: {}, token: {} });
    assert.deepEqual(JSON.parse(writeForm(fields, 4, undefined)), WHOLE);
  });

  it('need not hold more than an identity; counts that are missing are 0, and need not be written', () => {
    const { fields } = parseForm('{"identity":"who","failures":0,"refreshFailures":0}');
    assert.deepEqual(fields, parseForm('{"identity":"who"}').fields);
    assert.deepEqual([fields.failures, fields.refreshFailures, fields.token], [0, 0, undefined]);
    assert.equal(writeForm(fields, 4, undefined), '{"v":1,"identity":"who"}');
  });

  it('may hold a note of a login, without an id as an earlier version wrote it', () => {
    const intent = { kind: 'login', startedAt: 5, attempt: 0 };
    assert.deepEqual(parseForm(JSON.stringify({ ...WHOLE, intent })).fields.intent, intent);
  });

  it('may hold a refresh token alone: its first use obtains an access token', () => {
    const { token } = parseForm(JSON.stringify({ ...WHOLE, token: { ...TOKEN, secret: '' } })).fields;
    assert.deepEqual([token?.secret, token?.refresh], ['', 'refresh']);
  });

  for (const [text, says] of [
    ['', /no JSON/],
    ['{', /no JSON/],
    ['null', /the record is not an object/],
    ['[]', /the record is not an object/],
    ['"identity"', /the record is not an object/],
  ] as const)
    it(`${text === '' ? 'that is empty' : text} is none, and the error says ${says.source}`, () => {
      assert.throws(
        () => parseForm(text),
        (error: unknown) => error instanceof FormError && says.test(error.message),
      );
    });

  for (const [change, names] of DAMAGES)
    it(`with ${JSON.stringify(change)} is refused, and the error says ${names.source}`, () => {
      const text = JSON.stringify({ ...WHOLE, ...change });
      assert.throws(
        () => parseForm(text),
        (error: unknown) => error instanceof FormError && names.test(error.message),
      );
    });
});
