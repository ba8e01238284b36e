import assert from 'node:assert/strict';
import { load, mistakesOf } from '../support/config.ts';

const VALUE = {
  accounts: {
    shop: {
      flow: 'chatapp',
      credentials: { email: 'a@b.example', appId: '1', password: '"\\/\b\f\n\r\t\u00e4\u{1f511}</script>: #{}[]' },
    },
  },
  routes: [{ prefix: '/shop', upstream: 'https://shop.example', account: 'shop', maxConnections: 7, replay: false }],
};

describe('a configuration in JSON', () => {
  for (const [how, text] of [
    ['on one line', JSON.stringify(VALUE)],
    ['indented by spaces', JSON.stringify(VALUE, null, 2)],
    ['indented by tabs', JSON.stringify(VALUE, null, '\t')],
    [
      'escaped to ASCII',
      JSON.stringify(VALUE)
        .replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .replaceAll('/', '\\/'),
    ],
    ['with a byte order mark', `\ufeff${JSON.stringify(VALUE)}`],
    ['with the line ends of Windows', JSON.stringify(VALUE, null, 2).replaceAll('\n', '\r\n')],
  ] as const) {
    it(`is read as it is ${how}`, () => {
      const config = load(text);
      assert.equal(config.accounts['shop']!.credentials['password'], VALUE.accounts.shop.credentials.password);
      assert.equal(config.routes[0]!.maxConnections, 7);
    });
  }

  it('gets the line of a mistake as well', () => {
    const text = JSON.stringify({ ...VALUE, log: { level: 'loud' } }, null, 2);
    const line = text.split('\n').findIndex((one) => one.includes('"level"')) + 1;
    assert.deepEqual(
      mistakesOf(text).map((mistake) => [mistake.path, mistake.line]),
      [['log.level', line]],
    );
  });
});
