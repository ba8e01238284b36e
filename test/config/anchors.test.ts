import assert from 'node:assert/strict';
import { load, mistakesOf, said, smallest } from '../support/config.ts';

describe('anchors and aliases', () => {
  it('stand for whole values', () => {
    const text = `${smallest({ route: 'timeouts: &slow { firstByte: 5m }' })}\n  - { prefix: /b, upstream: https://b.example, timeouts: *slow }`;
    assert.deepEqual(
      load(text).routes.map(({ timeouts }) => timeouts.firstByte),
      [300_000, 300_000],
    );
  });

  it('are enough for hundreds of routes', () => {
    const more = Array.from(
      { length: 500 },
      (_, index) => `  - { prefix: /r${index}, upstream: https://b.example, timeouts: *slow }`,
    );
    assert.equal(
      load([smallest({ route: 'timeouts: &slow { firstByte: 5m }' }), ...more].join('\n')).routes.length,
      501,
    );
  });

  it('bring mistakes with the line of the alias', () => {
    const text = `${smallest({ route: 'timeouts: &slow { firstByte: never }' })}\n  - { prefix: /b, upstream: https://b.example, timeouts: *slow }`;
    assert.deepEqual(
      mistakesOf(text).map(({ path, line }) => [path, line]),
      [
        ['routes.0.timeouts.firstByte', 4],
        ['routes.1.timeouts.firstByte', 5],
      ],
    );
  });

  it('make no merge keys', () => {
    const complaint = 'merge keys are not supported; write the values out, or use an alias for a whole value';
    assert.deepEqual(
      said(
        `${smallest({ route: 'timeouts: &slow { firstByte: 5m }' })}\n  - { prefix: /b, upstream: https://b.example, timeouts: { <<: *slow, idle: 0 } }`,
      ),
      [`routes.1.timeouts.<<: ${complaint}`],
    );
    assert.deepEqual(said(smallest({ credentials: '<<: { token: x }, token: y' })), [
      `accounts.shop.credentials.<<: ${complaint}`,
    ]);
  });

  it('that go in circles are refused', () => {
    assert.deepEqual(said('accounts: &a { shop: *a }\nroutes: []'), [
      'accounts.shop: an alias inside the value it refers to',
    ]);
    assert.deepEqual(said('accounts: &a\n  shop:\n    flow: [x, *a]\nroutes: []'), [
      'accounts.shop.flow.1: an alias inside the value it refers to',
    ]);
  });

  it('that would explode are refused at once', () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `l${level}: &l${level} [${Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ')}]`,
    );
    const start = performance.now();
    assert.deepEqual(said([...levels, smallest({})].join('\n')), ['more than 1000 uses of YAML aliases']);
    assert.ok(performance.now() - start < 1_000);
  });
});
