import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { UnfillableError } from '../../../src/flows/template.ts';
import { fieldIn, request, sign } from './signing.ts';

const CONFIG = { sign: 'aws4', region: '{region}', service: '{service}', key: '{key}', secret: '{secret}' };
const VALUES = { region: 'us-east-1', service: 'service', key: 'AKIDEXAMPLE', secret: 'very-secret-text' };

describe('an AWS signature takes nothing from outside', () => {
  it('neither keys nor a region of the environment', () => {
    const script = `
      import { makeSigner } from './src/flows/sign/signer.ts';
      const signer = await makeSigner(
        { sign: 'aws4', region: 'eu-west-1', service: 'sqs', key: 'AK', secret: 'sk' }, {});
      const { headers } = signer({
        method: 'GET', origin: 'https://sqs.us-west-2.amazonaws.com', target: '/',
        headers: ['host', 'sqs.us-west-2.amazonaws.com'], body: Buffer.alloc(0), now: 1440938160000 });
      console.log(JSON.stringify(headers));`;
    const run = (env: Record<string, string>): string =>
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '', ...env },
      });
    const plain = run({});
    assert.match(plain, /Credential=AK\/20150830\/eu-west-1\/sqs\/aws4_request/);
    assert.doesNotMatch(plain, /security-token/);
    const others = { AWS_ACCESS_KEY_ID: 'OTHER', AWS_SECRET_ACCESS_KEY: 'other', AWS_SESSION_TOKEN: 'other' };
    assert.equal(run({ ...others, AWS_REGION: 'ap-south-1', AWS_DEFAULT_REGION: 'ap-south-1' }), plain);
  });

  for (const name of Object.keys(VALUES))
    it(`a missing or empty ${name} is an error, not a default`, async () => {
      await assert.rejects(sign(CONFIG, request(), { ...VALUES, [name]: '' }), UnfillableError);
      await assert.rejects(sign({ ...CONFIG, [name]: `{${name}?}` }, request(), { ...VALUES, [name]: undefined }), {
        message: `${name} of the signature is empty`,
      });
    });

  it('a value that the field cannot carry is named, and not repeated', async () => {
    for (const name of ['region', 'service', 'key'])
      for (const bad of ['a b', 'a/b', 'a,b', 'ä', 'a\nb', 'a\r\nx: y', 'a\0'])
        await assert.rejects(
          sign(CONFIG, request(), { ...VALUES, [name]: bad }),
          (error: unknown) =>
            error instanceof UnfillableError &&
            error.message === `${name} of the signature holds characters that an AWS credential cannot have`,
        );
    for (const bad of ['a\nb', ' a', 'ä'])
      await assert.rejects(sign({ ...CONFIG, sessionToken: '{t}' }, request(), { ...VALUES, t: bad }), {
        message: 'sessionToken of the signature holds characters that a header cannot carry',
      });
  });

  it('the client’s own signature is replaced, and its other fields are not signed', async () => {
    const headers = [
      ...['Authorization', 'AWS4-HMAC-SHA256 Credential=dummy', 'X-Amz-Date', '20000101T000000Z'],
      ...[
        'User-Agent',
        'a',
        'Accept',
        'b',
        'X-Amz-Target',
        'DynamoDB.ListTables',
        'x-amz-meta-a',
        '1',
        'X-Amz-Meta-A',
        ' 2  3 ',
      ],
    ];
    const signature = await sign(CONFIG, request({ headers }), VALUES);
    assert.equal(fieldIn(signature, 'x-amz-date'), '20150830T123600Z');
    assert.match(fieldIn(signature, 'authorization')!, /SignedHeaders=host;x-amz-date;x-amz-meta-a;x-amz-target, /);
  });

  it('a target that is no percent-encoded UTF-8 is refused where it would be decoded', async () => {
    const s3 = { ...VALUES, service: 's3' };
    for (const target of ['/%ff', '/a?b=%ff', '/a?%c3=1'])
      await assert.rejects(sign(CONFIG, request({ url: `https://s3.example${target}` }), s3), UnfillableError);
    await sign(CONFIG, request({ url: 'https://api.example/%ff' }), VALUES);
  });
});
