import { sign as signWith, type KeyObject } from 'node:crypto';
import { hashOf, hmacOf, type HashName } from '../digests.ts';
import { readPrivateKey } from '../private-key.ts';
import { UnfillableError, type TemplateValues } from '../template.ts';
import {
  checkVisible,
  fieldOf,
  filledOptional,
  filledText,
  hostOf,
  knownBody,
  percentEncoded,
  splitTarget,
} from './parts.ts';
import type { RequestToSign, Signer } from './request-to-sign.ts';
import type { SignOauth1 } from './schema.ts';

/** A parameter, both parts encoded. */
type Parameter = readonly [name: string, value: string];

/** Signs as RFC 5849 says, in the field Authorization. */
export function oauth1Signer(config: SignOauth1, values: TemplateValues, nonce: () => string): Signer {
  const { method } = config;
  const consumerKey = filledText(config.consumerKey, 'consumerKey', values);
  const token = filledOptional(config.token, values);
  const realm = filledOptional(config.realm, values);
  checkVisible(realm, 'realm');
  const signText = signerOf(config, values);

  return (request) => {
    const isForm = /^application\/x-www-form-urlencoded(?:$|[\s;])/i.test(fieldOf(request, 'content-type') ?? '');
    const own: Parameter[] = [
      ['oauth_consumer_key', consumerKey],
      ['oauth_nonce', nonce()],
      ['oauth_signature_method', method],
      ['oauth_timestamp', String(Math.floor(request.now / 1000))],
    ];
    if (token !== '') own.push(['oauth_token', token]);
    if (config.version) own.push(['oauth_version', '1.0']);
    if (config.bodyHash && !isForm)
      own.push(['oauth_body_hash', hashOf(hashNameOf(method), knownBody(request)).toString('base64')]);
    const encodedOwn = own.map(([name, value]): Parameter => [name, percentEncoded(value)]);
    const text = method === 'PLAINTEXT' ? '' : baseString(request, encodedOwn, isForm);
    const parameters = [...encodedOwn, ['oauth_signature', percentEncoded(signText(text))] as const]
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ');
    const start = realm === '' ? 'OAuth' : `OAuth realm="${realm.replaceAll(/["\\]/g, '\\$&')}",`;
    return { headers: ['authorization', `${start} ${parameters}`], query: [] };
  };
}

/** The signature base string (RFC 5849 §3.4.1). `own`: the encoded parameters of the field. */
export function baseString(request: RequestToSign, own: readonly Parameter[], isForm: boolean): string {
  const [path, query = ''] = splitTarget(request.target);
  const content = isForm ? knownBody(request).toString('latin1') : '';
  const parameters = [...formParameters(query), ...own, ...formParameters(content)]
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map((parameter) => parameter.join('='))
    .join('&');
  const scheme = new URL(request.origin).protocol;
  const port = scheme === 'https:' ? ':443' : ':80';
  const host = hostOf(request).toLowerCase();
  const authority = host.endsWith(port) ? host.slice(0, -port.length) : host;
  return [request.method.toUpperCase(), `${scheme}//${authority}${path}`, parameters].map(percentEncoded).join('&');
}

/** The parameters of a form or query, encoded anew, byte for byte: they need not be UTF-8. */
function formParameters(form: string): Parameter[] {
  const recoded = (text: string): string =>
    percentEncoded(
      Buffer.from(
        text
          .replaceAll('+', ' ')
          .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      ),
    );
  return form
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const mark = pair.indexOf('=');
      return mark === -1 ? [recoded(pair), ''] : [recoded(pair.slice(0, mark)), recoded(pair.slice(mark + 1))];
    });
}

/** By bytes: encoded text is ASCII. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function hashNameOf(method: SignOauth1['method']): HashName {
  return method.endsWith('SHA512') ? 'sha512' : method.endsWith('SHA256') ? 'sha256' : 'sha1';
}

/** Signs a base string (RFC 5849 §3.4.2 to §3.4.4). */
function signerOf(config: SignOauth1, values: TemplateValues): (text: string) => string {
  const { method } = config;
  const hash = hashNameOf(method);
  if (method.startsWith('RSA')) {
    const key = rsaKey(filledText(config.privateKey ?? '', 'privateKey', values), method);
    return (text) => signWith(hash, Buffer.from(text), key).toString('base64');
  }
  const secrets = [config.consumerSecret, config.tokenSecret]
    .map((template) => percentEncoded(filledOptional(template, values)))
    .join('&');
  return method === 'PLAINTEXT' ? () => secrets : (text) => hmacOf(hash, Buffer.from(secrets), text).toString('base64');
}

function rsaKey(text: string, method: string): KeyObject {
  const key = readPrivateKey(text)?.key;
  if (key?.asymmetricKeyType !== 'rsa')
    throw new UnfillableError(`privateKey of the signature is no private key for ${method}`);
  return key;
}
