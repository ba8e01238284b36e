import type { RequestSigner } from 'aws4';
import { hashOf } from '../digests.ts';
import { UnfillableError, type TemplateValues } from '../template.ts';
import { checkVisible, fieldOf, filledOptional, filledText, hostOf, knownBody, splitTarget } from './parts.ts';
import { UnsignableRequestError, type RequestToSign, type Signature, type Signer } from './request-to-sign.ts';
import type { SignAws4 } from './schema.ts';

/*
 * AWS Signature Version 4, with the library aws4 for the canonical form and the keys. It gets all it needs: what is
 * missing it would take from the environment, from the host's name, or from a default region. It does not get the
 * target, which it would parse with Node's limit of 1000 parameters, and decode where that loses bytes.
 */

/** Of a request's own fields these are signed, and no others: a proxy on the way may change those. */
const SIGNED = /^(?:content-type|content-md5|x-amz-.*)$/;
/** Services that need the hash of the content as a field. */
const NEED_CONTENT_HASH = /^(?:s3|aoss)$/;
/** The content is in chunks that are not signed: this is what AWS's own libraries send over HTTPS. */
const UNSIGNED_CHUNKS = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly region: string;
  readonly service: string;
}

/** What requests are signed with. Throws an UnfillableError for what a signature cannot carry. */
export function checkAws4(config: SignAws4, values: TemplateValues): Credentials {
  const credentialPart = (name: 'key' | 'region' | 'service'): string => {
    const text = filledText(config[name], name, values);
    // They stand in one field, between slashes and commas.
    if (!/^[\x21-\x2b\x2d.\x30-\x7e]+$/.test(text))
      throw new UnfillableError(`${name} of the signature holds characters that an AWS credential cannot have`);
    return text;
  };
  const [accessKeyId, region, service] = [credentialPart('key'), credentialPart('region'), credentialPart('service')];
  const secretAccessKey = filledText(config.secret, 'secret', values);
  // Permanent keys have none.
  const sessionToken = filledOptional(config.sessionToken, values) || undefined;
  checkVisible(sessionToken ?? '', 'sessionToken');
  return { accessKeyId, secretAccessKey, sessionToken, region, service };
}

export async function aws4Signer(config: SignAws4, values: TemplateValues): Promise<Signer> {
  const { accessKeyId, secretAccessKey, sessionToken, region, service } = checkAws4(config, values);
  const { default: aws4 } = await import('aws4');
  return (request) => {
    const contentHash = contentHashOf(request, service);
    const datetime = new Date(request.now).toISOString().replaceAll(/[:-]|\.\d{3}/g, '');
    const added = new Map([['x-amz-date', datetime]]);
    if (sessionToken !== undefined) added.set('x-amz-security-token', sessionToken);
    if (NEED_CONTENT_HASH.test(service) || fieldOf(request, 'x-amz-content-sha256') !== undefined)
      added.set('x-amz-content-sha256', contentHash);
    const [path, query] = splitTarget(request.target);
    const signer = new aws4.RequestSigner(
      {
        method: request.method,
        service,
        region,
        headers: { ...signedFields(request), ...Object.fromEntries(added), host: hostOf(request) },
        ...(request.body !== undefined && { body: request.body }),
      },
      { accessKeyId, secretAccessKey },
    );
    signer.parsedPath = { path, query: parametersOf(query) };
    signer.datetime = datetime;
    return signature(signer, added);
  };
}

function signature(signer: RequestSigner, added: Map<string, string>): Signature {
  try {
    return { headers: [...[...added].flat(), 'authorization', signer.authHeader()], query: [] };
  } catch {
    // For S3 the library decodes the path.
    throw new UnsignableRequestError('its path is not percent-encoded UTF-8');
  }
}

function signedFields(request: RequestToSign): Record<string, string> {
  const names = new Set(request.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  return Object.fromEntries(
    [...names].filter((name) => SIGNED.test(name)).map((name) => [name, fieldOf(request, name) ?? '']),
  );
}

/** What stands for the content. A client that streams may have stated it. */
function contentHashOf(request: RequestToSign, service: string): string {
  const stated = fieldOf(request, 'x-amz-content-sha256') ?? '';
  if (stated === UNSIGNED_CHUNKS) return stated;
  if (stated.startsWith('STREAMING-'))
    throw new UnsignableRequestError('its content is signed in chunks, with the key of the client');
  if (request.body === undefined) {
    if (/^[0-9a-f]{64}$/.test(stated)) return stated;
    if (service === 's3') return 'UNSIGNED-PAYLOAD';
  }
  return hashOf('sha256', knownBody(request)).toString('hex');
}

/** The parameters as the library wants them. Without a name, one is not signed. */
function parametersOf(query: string | undefined): Record<string, string | string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of (query ?? '').split('&')) {
    const mark = pair.indexOf('=');
    const name = decoded(mark === -1 ? pair : pair.slice(0, mark));
    const value = mark === -1 ? '' : decoded(pair.slice(mark + 1));
    const before = parameters.get(name);
    if (before === undefined) parameters.set(name, [value]);
    else before.push(value);
  }
  return Object.fromEntries(parameters);
}

/** AWS decodes the query and encodes it again; a "+" in it is a blank. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new UnsignableRequestError('its query is not percent-encoded UTF-8');
  }
}
