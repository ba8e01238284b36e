import { TokenwardError } from '../errors.ts';
import type { BodyField } from '../flows/attach.ts';
import { setMember } from '../flows/json-member.ts';
import { setElement } from '../flows/xml-element.ts';
import type { RequestBody } from '../http/message.ts';
import type { InboundRequest } from '../http/server/exchange.ts';

/**
 * The body with these fields set. A request without a body stays without one. Throws a TokenwardError for a body that
 * was not kept because it is too large, or that is not of the form that the fields need.
 */
export function attachToBody(body: RequestBody, fields: readonly BodyField[], request: InboundRequest): RequestBody {
  if (body.kind === 'none' || (body.kind === 'buffered' && body.length === 0)) return body;
  if (body.kind !== 'buffered')
    throw new TokenwardError('body_too_large', {
      detail: 'the token goes into the body, which is possible only up to maxReplayBody',
    });
  if (request.field('content-encoding') !== undefined) throw unfit('a body with a Content-Encoding');
  // One character for each byte: what is not UTF-8 stays as it is.
  let text = Buffer.concat(body.chunks).toString('latin1');
  for (const field of fields) {
    const changed = withField(text, field, request);
    if (changed === undefined) throw unfit(UNFIT[field.kind]);
    text = changed;
  }
  const bytes = Buffer.from(text, 'latin1');
  return { kind: 'buffered', chunks: [bytes], length: bytes.length, release: () => undefined };
}

const UNFIT: Readonly<Record<BodyField['kind'], string>> = {
  json: 'a body that has no JSON object at that place, or has the member too often',
  form: 'a body that is no form',
  xml: 'a body that is no XML, or does not have the element at that place (it may be empty), or has it too often',
};

function withField(text: string, { kind, at, value }: BodyField, request: InboundRequest): string | undefined {
  switch (kind) {
    case 'json':
      return setMember(text, at, value);
    case 'form':
      return setField(text, at, value, request);
    case 'xml':
      return setElement(text, at, value);
  }
}

function setField(text: string, name: string, value: string, request: InboundRequest): string | undefined {
  const type = request.field('content-type');
  if (typeof type !== 'string' || !/^application\/x-www-form-urlencoded\b/i.test(type)) return undefined;
  const wanted = Buffer.from(name, 'utf8').toString('latin1');
  const others = text.split('&').filter((pair) => pair !== '' && nameOf(pair) !== wanted);
  others.push(new URLSearchParams({ [name]: value }).toString());
  return others.join('&');
}

/** The name of a field of a form, one character for each byte. */
function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals === -1 ? pair : pair.slice(0, equals);
  if (!ENCODED.test(name)) return name;
  return name
    .replaceAll('+', ' ')
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

const ENCODED = /[%+]/;

function unfit(what: string): TokenwardError {
  return new TokenwardError('request_malformed', { detail: `the token goes into the body, and this is ${what}` });
}
