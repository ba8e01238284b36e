import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fillForm, fillString, fillValue, MissingValueError } from '../../src/flows/template.ts';

describe('a template', () => {
  it('puts values in as they are, dollars and braces included', () => {
    assert.equal(fillString('Bearer {token}', { token: "$&$1$'$$" }), "Bearer $&$1$'$$");
    assert.equal(fillString('{a}{b}', { a: '{b}', b: '{a}' }), '{b}{a}');
    assert.equal(fillString('{a}-{a}', { a: 'x' }), 'x-x');
    assert.equal(fillString('no placeholder, {not one}, {}, {1}', {}), 'no placeholder, {not one}, {}, {1}');
  });

  it('whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (value) => {
        assert.equal(fillString('<{a}>', { a: value }), `<${value}>`);
        assert.deepEqual(fillValue({ x: ['{a}'] }, { a: value }), { x: [value] });
        assert.equal(new URLSearchParams(fillForm({ f: '{a}' }, { a: value })).get('f'), value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says which value is missing, and nothing else', () => {
    for (const values of [{}, { token: undefined }, { token: null }, { token: '' }, { other: 'secret' }]) {
      assert.throws(
        () => fillString('{token}', values),
        (error: unknown) => error instanceof MissingValueError && error.message === 'no value for {token}',
      );
    }
    assert.throws(() => fillValue({ a: { b: ['{token}'] } }, {}), MissingValueError);
    assert.throws(() => fillForm({ a: '{token}' }, {}), MissingValueError);
  });

  it('{name?} is left out, {name=default} has its default', () => {
    assert.equal(fillString('a{x?}b', {}), 'ab');
    assert.equal(fillString('{x=def ault}', {}), 'def ault');
    assert.equal(fillString('{x=}', {}), '');
    assert.equal(fillString('{x=def}', { x: 'given' }), 'given');
    assert.deepEqual(fillValue({ a: '{x?}', b: '{y?}', c: 1 }, { y: 2 }), { b: 2, c: 1 });
    assert.equal(fillForm({ a: '{x?}', b: '{y?}' }, { y: 'z' }), 'b=z');
    assert.deepEqual(fillValue({ a: '{x?}', b: '{y?}', c: '{z?}', d: 1 }, { x: '', y: null, z: 0 }), { c: 0, d: 1 });
  });

  it('a value alone in its string keeps its type; within a text it becomes text', () => {
    assert.deepEqual(
      fillValue(
        { ttl: '{ttl}', extra: '{extra}', text: 'ttl {ttl}', flag: '{flag}' },
        { ttl: 43_200, extra: { a: [1] }, flag: false },
      ),
      { ttl: 43_200, extra: { a: [1] }, text: 'ttl 43200', flag: false },
    );
  });

  it('leaves values that are no strings as they are', () => {
    assert.deepEqual(fillValue({ a: 1, b: null, c: true, d: [1, '{x}'] }, { x: 'y' }), {
      a: 1,
      b: null,
      c: true,
      d: [1, 'y'],
    });
  });

  it('does not take names from the prototype', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty'])
      assert.throws(() => fillString(`{${name}}`, {}), MissingValueError);
    assert.throws(() => fillValue('{constructor}', {}), MissingValueError);
    assert.equal(fillString('{constructor?}', {}), '');
  });

  it('a form is escaped', () => {
    assert.equal(fillForm({ client_secret: '{s}' }, { s: 'a&b=c d+é%' }), 'client_secret=a%26b%3Dc+d%2B%C3%A9%25');
  });
});
