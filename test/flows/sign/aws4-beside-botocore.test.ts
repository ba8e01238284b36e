import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFrom } from '../../harness/random.ts';
import { requirePython } from '../../support/tools.ts';
import { fieldIn, NOW, request, sign } from './signing.ts';

/*
 * A second implementation: botocore, AWS's own for Python.
 */

/** Signs each request of stdin with botocore, at the time that the request says. */
const PROGRAM = `
import datetime, json, sys
import botocore.auth, botocore.compat
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

for line in sys.stdin:
    r = json.loads(line)
    botocore.auth.get_current_datetime = lambda: datetime.datetime.fromtimestamp(r['now'] / 1000, datetime.timezone.utc)
    auth = botocore.auth.S3SigV4Auth if r['service'] == 's3' else botocore.auth.SigV4Auth
    context = {'payload_signing_enabled': False} if r['body'] is None else {}
    body = None if r['body'] is None else bytes.fromhex(r['body'])
    request = AWSRequest(method=r['method'], url=r['url'], data=body, headers=dict(r['headers']))
    request.context.update(context)
    if r['body'] is None:
        request.headers['Content-MD5'] = 'AAAAAAAAAAAAAAAAAAAAAA=='
        request.context['has_streaming_input'] = True
    auth(Credentials(r['key'], r['secret'], r['sessionToken']), r['service'], r['region']).add_auth(request)
    print(json.dumps(request.headers['Authorization']))
`;

interface Case {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Hex; null: streamed. */
  readonly body: string | null;
  readonly service: string;
  readonly region: string;
  readonly key: string;
  readonly secret: string;
  readonly sessionToken: string | null;
  readonly now: number;
}

const CASES = 600;

describe('AWS signatures beside botocore', function () {
  // Python reads its library from a disk that may be cold.
  this.timeout(60_000);
  it(`${CASES} requests get the same signature`, async function () {
    const { python, env } = requirePython(this, 'botocore');
    const cases = Array.from({ length: CASES }, (_, seed) => caseOf(seed));
    const theirs = execFileSync(python, ['-c', PROGRAM], {
      env,
      encoding: 'utf8',
      input: cases.map((one) => `${JSON.stringify(one)}\n`).join(''),
      maxBuffer: 64 * 1024 * 1024,
    })
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    assert.equal(theirs.length, cases.length);
    for (const [i, one] of cases.entries()) {
      const { service, region, key, secret, sessionToken, body } = one;
      const signature = await sign(
        {
          ...{ sign: 'aws4', region, service, key, secret: '{secret}' },
          ...(sessionToken !== null && { sessionToken: '{sessionToken}' }),
        },
        request({
          ...one,
          headers: [
            ...one.headers.flat(),
            // Where botocore does not sign the content, it wants this field.
            ...(body === null ? ['Content-MD5', 'AAAAAAAAAAAAAAAAAAAAAA=='] : []),
          ],
          body: body === null ? null : Buffer.from(body, 'hex'),
        }),
        { secret, sessionToken },
      );
      assert.equal(fieldIn(signature, 'authorization'), theirs[i], JSON.stringify(one));
    }
  });
});

/** A request that both can sign: its target is encoded as AWS's libraries encode it. */
function caseOf(seed: number): Case {
  const { next, pick } = randomFrom(seed);
  const upTo = (most: number): number => Math.floor(next() * (most + 1));
  const chance = (share: number): boolean => next() < share;
  const text = (characters: readonly string[], length: number): string =>
    Array.from({ length }, () => pick(characters)).join('');
  const service = pick(['s3', 's3', 'execute-api', 'dynamodb', 'sts', 'es', 'service', 'aoss-x']);
  const unreserved = [...'abcXYZ019-._~'];
  const others = [...' !"#$%&\'()*+,;:=@[]{}|\\^`<>?äß€😀'];
  const encoded = (allowed: readonly string[], length: number): string =>
    Array.from(text(allowed, length), (character) =>
      unreserved.includes(character) || character === '/'
        ? character
        : encodeURIComponent(character).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    ).join('');
  const segment = (): string =>
    pick([() => encoded([...unreserved, ...others], 1 + upTo(8)), () => '', () => '.', () => '..', () => 'a'])();
  const path = `/${Array.from({ length: upTo(5) }, segment).join('/')}${chance(0.2) ? '/' : ''}`;
  const names = new Set<string>();
  const query = Array.from({ length: upTo(6) }, () => {
    let name = encoded([...unreserved, ...others], 1 + upTo(4));
    // S3 has no parameter twice.
    if (service === 's3') while (names.has(name)) name += 'x';
    names.add(name);
    return `${name}=${encoded([...unreserved, ...others], upTo(6))}`;
  });
  if (service !== 's3' && query.length > 0 && chance(0.4)) query.push(`${[...names][0]!}=${encoded(unreserved, 3)}`);
  const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const words = (): string =>
    Array.from({ length: 1 + upTo(3) }, () => text(visible, 1 + upTo(8))).join(pick([' ', '   ', '\t']));
  const headers: [string, string][] = [];
  if (chance(0.5)) headers.push([pick(['Content-Type', 'content-type']), words()]);
  for (const name of ['X-Amz-Target', 'x-amz-meta-a', 'X-AMZ-Meta-B', 'x-amz-acl'])
    if (chance(0.3)) headers.push([name, words()]);
  const port = pick(['', '', ':8443', ':9000']);
  return {
    method: pick(['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH']),
    url: `https://${pick(['bucket.s3.example', 'api.example'])}${port}${path}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    headers,
    body:
      service === 's3' && chance(0.3) ? null : Buffer.from(text([...unreserved, ...others], upTo(40))).toString('hex'),
    service,
    region: pick(['us-east-1', 'eu-central-1', 'auto', 'garage']),
    key: `AKIA${text([...'ABCDEFGHIJ234567'], 16)}`,
    secret: text([...visible, 'ä', '€'], 1 + upTo(60)),
    sessionToken: chance(0.3) ? text([...'abcXYZ019+/='], 1 + upTo(200)) : null,
    now: NOW + upTo(1_000_000_000) * 1000,
  };
}
