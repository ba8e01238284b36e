import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { call } from '../../support/call.ts';
import { Authority } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { requireTool } from '../../support/tools.ts';
import { headerValues } from '../../support/world.ts';

const SET = [
  'plain=1; Path=/',
  'XSRF-TOKEN=abc; path=/; domain=.vendor.example; secure',
  'session=s1; Domain=vendor.example; Path=/; Secure; HttpOnly; SameSite=None; Partitioned',
  '__Secure-a=2; Secure; Path=/',
  '__Host-b=3; Secure; Path=/; HttpOnly',
  '__host-c=4; secure; path=/',
  'below=5; Path=/v1/x',
  'elsewhere=6; Path=/outside',
  'here=7',
] as const;

describe('cookies of an upstream, kept by a real client (curl)', () => {
  const close = closing();
  const folder = freshFolder();

  /** What the upstream gets at each of these targets, by a curl that has called `/login` of it before. */
  async function kept(
    context: Mocha.Context,
    {
      scheme,
      upstreamPath = '',
      prefix = '/crm',
      set = SET,
      targets,
    }: {
      scheme: 'http' | 'https';
      upstreamPath?: string;
      prefix?: string;
      set?: readonly string[];
      targets: readonly string[];
    },
  ): Promise<(string[] | undefined)[]> {
    const curl = requireTool(context, 'curl');
    const [upstream, other] = [
      await close(
        fakeUpstream((request, response) =>
          response
            .writeHead(
              200,
              request.url?.endsWith('/login') === true ? set.flatMap((cookie) => ['Set-Cookie', cookie]) : [],
            )
            .end(),
        ),
      ),
      await close(fakeUpstream()),
    ];
    const authority = new Authority(context, folder());
    const { certFile, keyFile } = authority.issue({ cn: 'proxy.example', names: [['DNS', 'proxy.example']] });
    const proxy = await close(
      startCustomProxy({
        ...(scheme === 'https' && { listen: { tls: { certFile, keyFile } } }),
        routes: [
          { prefix, upstream: `${upstream.url}${upstreamPath}`, account: 'fixed', setCookie: 'pass' },
          { prefix: '/v1', upstream: other.url },
          { prefix: '/other', upstream: other.url },
        ],
      }),
    );
    const { port } = new URL(proxy.url);
    const jar = join(folder(), 'jar');
    // By a name: an address of this machine counts as safe with curl, whatever the scheme.
    const ask = async (target: string): Promise<void> =>
      void (await promisify(execFile)(curl, [
        '-sS',
        '--resolve',
        `proxy.example:${port}:127.0.0.1`,
        '--cacert',
        authority.caFile,
        '-b',
        jar,
        '-c',
        jar,
        `${scheme}://proxy.example:${port}${target}`,
      ]));
    await ask(`${prefix}/login`);
    const got: (string[] | undefined)[] = [];
    for (const target of targets) {
      const before = [upstream.seen.length, other.seen.length];
      await ask(target);
      const seen = upstream.seen[before[0]!] ?? other.seen[before[1]!]!;
      got.push(
        headerValues(seen.rawHeaders, 'cookie')
          .flatMap((value) => value.split('; '))
          .sort(),
      );
    }
    return got;
  }

  const everywhere = ['XSRF-TOKEN=abc', '__Host-b=3', '__Secure-a=2', '__host-c=4', 'here=7', 'plain=1', 'session=s1'];

  for (const scheme of ['http', 'https'] as const) {
    it(`${scheme}: come back to the upstream by the names it gave, and to no other route`, async function () {
      const got = await kept(this, { scheme, targets: ['/crm/v1/x', '/crm/v1/xy', '/crm', '/other/a', '/v1/x'] });
      assert.deepEqual(got, [[...everywhere, 'below=5'].sort(), everywhere, everywhere, [], []]);
    });
  }

  it("a path of the upstream below which the route leads is the route's own", async function () {
    const set = [
      'a=1; Path=/',
      'b=2; Path=/api',
      'c=3; Path=/api/v2',
      'd=4; Path=/api/v2/',
      'e=5; Path=/api/v2/x/',
      'f=6; Path=/api/v3',
      'g=7; Path=/ap',
      'h=8; Path=/x',
      'i=9; Path=/a; Path=/api/v2/y',
      'j=0; Path=x',
    ];
    const got = await kept(this, {
      scheme: 'http',
      upstreamPath: '/api/v2',
      set,
      targets: ['/crm/x/1', '/crm/y', '/crm/z'],
    });
    assert.deepEqual(got, [
      ['a=1', 'b=2', 'c=3', 'd=4', 'e=5', 'j=0'],
      ['a=1', 'b=2', 'c=3', 'd=4', 'i=9', 'j=0'],
      ['a=1', 'b=2', 'c=3', 'd=4', 'j=0'],
    ]);
  });
});

describe('cookies of an upstream, by the letter', () => {
  const close = closing();

  async function answered(cookie: string, target: string, route: object = {}): Promise<readonly string[]> {
    const upstream = await close(
      fakeUpstream((_request, response) => response.writeHead(200, ['Set-Cookie', cookie]).end()),
    );
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/crm', upstream: upstream.url, account: 'fixed', setCookie: 'pass', ...route }],
      }),
    );
    return headerValues((await call(proxy.url, target)).rawHeaders, 'set-cookie');
  }

  it('lose what an http client could not use, and nothing else', async () => {
    assert.deepEqual(
      await answered(
        'a=b=c; Max-Age=60; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly; SameSite=Lax; Priority=High',
        '/crm/x',
      ),
      ['a=b=c; Max-Age=60; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly; SameSite=Lax; Priority=High'],
    );
    assert.deepEqual(await answered('a=1;DOMAIN = x ;SECURE;samesite = None ;Partitioned;httponly', '/crm/x'), [
      'a=1;httponly',
    ]);
    assert.deepEqual(await answered('a=domain; Secure-Not; Domains=x; Path=/q', '/crm/x'), [
      'a=domain; Secure-Not; Domains=x; Path=/crm/q',
    ]);
  });

  it('without a path are for the folder of the request, never for more than the route', async () => {
    assert.deepEqual(await answered('a=1', '/crm/x/y'), ['a=1']);
    for (const target of ['/crm', '/crm?x=/crm/']) assert.deepEqual(await answered('a=1', target), ['a=1; Path=/crm']);
    assert.deepEqual(await answered('a=1; Path=', '/crm'), ['a=1; Path=/crm']);
    assert.deepEqual(await answered('a=1', '/x', { prefix: '/' }), ['a=1']);
    assert.deepEqual(await answered('a=1; Path=/x', '/x', { prefix: '/' }), ['a=1; Path=/x']);
  });

  it('of a name that wants what they do not have are left to be refused', async () => {
    assert.deepEqual(await answered('__Secure-a=1; Path=/', '/crm/x'), ['__Secure-a=1; Path=/crm']);
    assert.deepEqual(await answered('__Host-a=1; Secure; Path=/; Domain=x.example', '/crm/x'), [
      '__Host-a=1; Path=/crm',
    ]);
    assert.deepEqual(await answered('__Host-a=1; Secure; Path=/', '/crm/x'), ['tokenward-__Host-a=1; Path=/crm']);
  });

  it("come back by the upstream's names where they pass, and the account's own is there once", async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        accounts: { own: { flow: 'static', credentials: { token: 'ours' }, attach: { cookie: '__Host-sid' } } },
        routes: [
          { prefix: '/pass', upstream: upstream.url, account: 'own', setCookie: 'pass' },
          { prefix: '/drop', upstream: upstream.url, account: 'fixed' },
        ],
      }),
    );
    const cookie =
      'a=tokenward-__Host-x; tokenward-__Host-sid=his;tokenward-__Secure-b=2; tokenward-c=3; x-tokenward-__Host-d=4';
    await call(proxy.url, '/pass/a', { headers: { cookie } });
    await call(proxy.url, '/drop/a', { headers: { cookie } });
    assert.deepEqual(
      upstream.seen.map(({ rawHeaders }) => headerValues(rawHeaders, 'cookie')),
      [['a=tokenward-__Host-x; __Secure-b=2; tokenward-c=3; x-tokenward-__Host-d=4; __Host-sid=ours'], [cookie]],
    );
  });
});
