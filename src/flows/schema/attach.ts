import { z } from 'zod';
import { signSchema, textsOfSign, type Sign } from '../sign/schema.ts';
import { placeholdersIn } from '../template.ts';
import { headerName } from './rules.ts';

const PLACEHOLDER = /\{[A-Za-z][A-Za-z0-9_]*(\?|=[^{}]*)?\}/;
const NEEDS_VALUE = 'must contain a {name}: {token}, a credential, or a value of an answer';
const attached = z.string().regex(PLACEHOLDER, NEEDS_VALUE);
const cookieName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a cookie name');

/** One place where a value travels on a request. */
const part = z.union([
  z.strictObject({
    header: headerName,
    value: attached.regex(/^[\x20-\x7e]*$/, 'must be ASCII, without control characters').default('Bearer {token}'),
  }),
  z.strictObject({
    // Any other character is sent percent-encoded, as in key[] or $token.
    query: z
      .string()
      .regex(
        /^[A-Za-z0-9._~$[\]!*'(),;:@/-]+$/,
        'must be the name of a parameter, such as key or auth[key], not percent-encoded',
      ),
    value: attached.default('{token}'),
  }),
  z.strictObject({ cookie: cookieName, value: attached.default('{token}') }),
  z.strictObject({
    cookies: attached.describe(
      'Several cookies, such as all that an answer has set: {jar}, if answer has jar: cookies.',
    ),
  }),
  z.strictObject({
    basic: attached.describe('User and password for HTTP Basic authentication, such as {user}:{password}.'),
  }),
  z.strictObject({
    path: attached
      .regex(/^\/[^?#\s]*$/, 'must be a path that begins with /')
      .describe("Put before the path of the request, such as /bot{token}; behind the path of the route's upstream."),
  }),
  z.strictObject({
    json: z
      .string()
      .regex(/^(\/[^/*]+)+$/, 'must be a JSON pointer such as /token')
      .describe('Set in the JSON object that a request has as its body.'),
    value: attached.default('{token}'),
  }),
  z.strictObject({
    xml: z
      .string()
      .regex(/^(\/[^/@*\s:]+)+$/, 'must be a path of elements without prefixes, such as /Envelope/Header/session')
      .describe(
        'The content of that element, which must be there, in the XML document that a request has as its body.',
      ),
    value: attached.default('{token}'),
  }),
  z.strictObject({
    form: z.string().min(1).describe('Set in the form that a request has as its body.'),
    value: attached.default('{token}'),
  }),
  signSchema,
]);

export const attach = z
  .union([part, z.array(part).min(1)])
  .transform((value): readonly AttachPart[] => (Array.isArray(value) ? value : [value]))
  .describe('How the token travels on a request. A list: all of them.');

export type AttachPart = z.infer<typeof part>;
/** A place whose value is the same for every request. */
export type FixedPart = Exclude<AttachPart, Sign>;
export type Attach = z.infer<typeof attach>;

/** The texts of a place that hold placeholders, and the keys that lead to them. */
export function textsOf(part: AttachPart): readonly AttachedText[] {
  if ('sign' in part)
    return textsOfSign(part).map(({ at: [path, text], names }) => ({ path: path.map(String), text, names }));
  const key = ['cookies', 'basic', 'path'].find((one) => one in part) ?? 'value';
  return [{ path: [key], text: (part as Readonly<Record<string, string>>)[key]!, names: [] }];
}

/** `names`: what it may use besides the values of the flow. */
interface AttachedText {
  readonly path: readonly string[];
  readonly text: string;
  readonly names: readonly string[];
}

/** The names that a place uses. */
export function namesIn(part: AttachPart): string[] {
  return textsOf(part).flatMap(({ text, names }) =>
    placeholdersIn(text).flatMap(({ name }) => (names.includes(name) ? [] : [name])),
  );
}
