import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

describe('the names of a listener', () => {
  it('are host names without a port, or "*"', () => {
    assert.deepEqual(load(smallest({ top: 'listen: { hosts: [proxy, tools.internal, "*"] }' })).listeners[0]!.hosts, [
      'proxy',
      'tools.internal',
      '*',
    ]);
    for (const wrong of ['proxy:8080', 'https://proxy', '*.internal', '']) {
      assert.deepEqual(
        said(smallest({ top: `listen: { hosts: ["${wrong}"] }` })),
        ['listen.hosts.0: must be a host name without a port, or "*"'],
        wrong,
      );
    }
  });

  it('and the header it requires is one that no browser sends unasked', () => {
    assert.equal(
      load(smallest({ top: 'listen: { requireHeader: X-Our-Request }' })).listeners[0]!.requireHeader,
      'X-Our-Request',
    );
    for (const wrong of ['Accept', 'content-type', 'User-Agent', 'Sec-Fetch-Mode', 'Origin', 'Range']) {
      assert.match(
        said(smallest({ top: `listen: { requireHeader: ${wrong} }` })).join(),
        /^listen\.requireHeader: every client or browser sends this header/,
        wrong,
      );
    }
    assert.deepEqual(said(smallest({ top: 'listen: { requireHeader: "X Our" }' })), [
      'listen.requireHeader: must be the name of a header',
    ]);
  });
});
