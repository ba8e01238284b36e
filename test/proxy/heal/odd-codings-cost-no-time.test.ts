import assert from 'node:assert/strict';
import { JsonSniffer } from '../../../src/proxy/json-sniffer.ts';

describe('the Content-Encoding of a response that may reject the token', () => {
  it('is read in time in proportion to its length', () => {
    // No-break spaces: no white space to HTTP, but to regular expressions. An upstream may send 64 KiB of them.
    const coding = `${'\xa0'.repeat(60_000)}x`;
    const before = process.cpuUsage();
    for (let times = 0; times < 10; times += 1)
      assert.equal(new JsonSniffer(coding).sniff([Buffer.from('{}')]), 'other');
    assert.ok(process.cpuUsage(before).user < 2_000_000);
  });

  it('may be identity, with blanks around it, or nothing but blanks', () => {
    for (const coding of ['', ' ', 'identity', ' Identity\t'])
      assert.equal(new JsonSniffer(coding).sniff([Buffer.from('{}')]), 'json', coding);
  });
});
