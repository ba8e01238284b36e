import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { Authority, CLOCK_SLACK_MS, LEAF_LIFETIME_MS } from '../../src/authority/authority.ts';
import { AuthorityError } from '../../src/authority/authority-error.ts';
import { readAuthority } from '../../src/authority/record.ts';
import { FakeClock } from '../support/clock.ts';
import { freshAuthorities } from './world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HOST = 'api.vendor.example';

describe("the authority's certificate for a server", () => {
  const clock = new FakeClock();
  const make = async (hosts: readonly string[] = [HOST], days = 30): Promise<Authority> =>
    (await freshAuthorities(clock).authorities.make({ hosts, days })).authority;
  const issued = async (authority: Authority, host = HOST): Promise<X509Certificate> =>
    new X509Certificate((await authority.certificateFor(host)).cert);

  it('is for one host by its alternative name, for servers, and signed by the issuer that follows it', async () => {
    const authority = await make();
    const { key, cert } = await authority.certificateFor(HOST);
    const [leaf, issuer] = cert
      .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g)!
      .map((text) => new X509Certificate(text));
    assert.deepEqual(
      [leaf!.subject, leaf!.subjectAltName, leaf!.keyUsage, leaf!.ca],
      [undefined, `DNS:${HOST}`, ['1.3.6.1.5.5.7.3.1'], false],
    );
    assert.ok(leaf!.verify(issuer!.publicKey));
    assert.ok(issuer!.verify(new X509Certificate(authority.certificate).publicKey));
    assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
  });

  it('is valid from before it was made, for some days, and not longer than the authority', async () => {
    const long = await issued(await make());
    assert.ok(Date.parse(long.validFrom) <= clock.wall() - CLOCK_SLACK_MS);
    assert.ok(Math.abs(Date.parse(long.validTo) - clock.wall() - LEAF_LIFETIME_MS) < 2_000);
    const short = await make([HOST], 1);
    assert.equal(Date.parse((await issued(short)).validTo), short.notAfter);
  });

  it('is made once, also for requests at the same time, and has a key of its own for each host', async () => {
    const authority = await make([HOST, 'b.example']);
    const all = await Promise.all(Array.from({ length: 20 }, async () => authority.certificateFor(HOST)));
    assert.equal(new Set(all).size, 1);
    // From memory it comes at once.
    assert.equal(authority.certificateFor(HOST), all[0]);
    assert.notEqual((await authority.certificateFor('b.example')).key, all[0]!.key);
  });

  it('is the same whichever way the host is written', async () => {
    const authority = await make([HOST, '::1']);
    assert.equal(await authority.certificateFor('API.Vendor.Example.'), authority.certificateFor(HOST));
    assert.equal(await authority.certificateFor('[0:0:0:0:0:0:0:1]'), authority.certificateFor('::1'));
  });

  it('is made again before it ends, and when the clock was set back before its beginning', async () => {
    const authority = await make();
    const first = await authority.certificateFor(HOST);
    clock.pass(LEAF_LIFETIME_MS - DAY_MS - HOUR_MS);
    assert.equal(authority.certificateFor(HOST), first);
    clock.pass(2 * HOUR_MS);
    const second = await authority.certificateFor(HOST);
    assert.notEqual(second, first);
    clock.jump(-2 * LEAF_LIFETIME_MS);
    assert.notEqual(await authority.certificateFor(HOST), second);
  });

  it('is not made again and again in the last hours of the authority', async () => {
    const authority = await make([HOST], 1);
    const first = await authority.certificateFor(HOST);
    clock.pass(DAY_MS - HOUR_MS);
    assert.equal(authority.certificateFor(HOST), first);
  });

  it('is refused for a host that is not covered, and after the end of the authority', async () => {
    const authority = await make([HOST], 1);
    const wrong = ['vendor.example', 'x.api.vendor.example', '*.vendor.example', '127.0.0.1', '', 'fe80::1%eth0', '..'];
    assert.deepEqual(authority.missing(wrong), wrong);
    for (const host of wrong) assert.throws(() => authority.certificateFor(host), AuthorityError);
    clock.pass(DAY_MS + 1_000);
    assert.equal(authority.isValid(), false);
    assert.throws(() => authority.certificateFor(HOST), /expired.*tokenward ca renew/);
  });

  it('leaves memory where there are too many', async () => {
    const { authorities, records } = freshAuthorities(clock);
    await authorities.make({ hosts: ['a.example', 'b.example', 'c.example'] });
    const authority = new Authority((await readAuthority(records))!, { clock, maxLeaves: 2 });
    const first = await authority.certificateFor('a.example');
    await authority.certificateFor('b.example');
    await authority.certificateFor('c.example');
    assert.notEqual(await authority.certificateFor('a.example'), first);
  });

  it('gives no key away when the authority is printed', async () => {
    const authority = await make();
    const { key } = await authority.certificateFor(HOST);
    const printed = inspect(authority, { depth: 10, showHidden: true }) + JSON.stringify(authority);
    assert.ok(!printed.includes('PRIVATE KEY') && !printed.includes(key.split('\n')[1]!));
  });
});
