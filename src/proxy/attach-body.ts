import { TokenwardError } from '../errors.ts';
import type { BodyField } from '../flows/attach.ts';
import { setMember } from '../flows/json-member.ts';
import type { RequestBody } from '../http/message.ts';
import type { InboundRequest } from '../http/server/exchange.ts';

/**
 * The body with these fields set. A request without a body stays without one. Throws a TokenwardError for a body that
 * was not kept because it is too large, or that is not of the form that the fields need.
 */
export function attachToBody(body: RequestBody, fields: readonly BodyField[], request: InboundRequest): RequestBody {
  if (body.kind === 'none' || (body.kind === 'buffered' && body.length === 0)) return body;
  if (body.kind === 'streamed')
    throw new TokenwardError('body_too_large', {
      detail: 'the token goes into the body, which is possible only up to maxReplayBody',
    });
  if (request.field('content-encoding') !== undefined) throw unfit('a body with a Content-Encoding');
  let text = Buffer.concat(body.chunks).toString('utf8');
  for (const { kind, at, value } of fields) {
    const changed = kind === 'json' ? setMember(text, at, value) : setField(text, at, value, request);
    if (changed === undefined)
      throw unfit(kind === 'json' ? 'a body that is no JSON object' : 'a body that is no form');
    text = changed;
  }
  const bytes = Buffer.from(text, 'utf8');
  return { kind: 'buffered', chunks: [bytes], length: bytes.length, release: () => undefined };
}

function setField(text: string, name: string, value: string, request: InboundRequest): string | undefined {
  const type = request.field('content-type');
  if (typeof type !== 'string' || !/^application\/x-www-form-urlencoded\b/i.test(type)) return undefined;
  const others = text.split('&').filter((pair) => pair !== '' && nameOf(pair) !== name);
  return [...others, new URLSearchParams({ [name]: value }).toString()].join('&');
}

function nameOf(pair: string): string | undefined {
  return [...new URLSearchParams(pair).keys()][0];
}

function unfit(what: string): TokenwardError {
  return new TokenwardError('request_malformed', { detail: `the token goes into the body, and this is ${what}` });
}
