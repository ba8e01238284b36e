import type { TemplateValues } from '../../../src/flows/template.ts';
import type { RequestToSign, Signature } from '../../../src/flows/sign/request-to-sign.ts';
import { signSchema } from '../../../src/flows/sign/schema.ts';
import { makeSigner } from '../../../src/flows/sign/signer.ts';

/** 2015-08-30T12:36:00Z, the time of AWS's test suite. */
export const NOW = Date.UTC(2015, 7, 30, 12, 36, 0);

/** A request: a GET without content, unless said otherwise. */
export function request({
  method = 'GET',
  url = 'https://api.example/',
  headers = [],
  body = '',
  now = NOW,
}: {
  readonly method?: string;
  /** Its authority becomes the field Host. */
  readonly url?: string;
  readonly headers?: readonly string[];
  /** null: streamed. */
  readonly body?: string | Buffer | null;
  readonly now?: number;
} = {}): RequestToSign {
  const [, origin, host, target] = /^(https?:\/\/([^/]+))(.*)$/s.exec(url)!;
  return {
    method,
    origin: origin!,
    target: target!,
    headers: ['Host', host!, ...headers],
    body: body === null ? undefined : Buffer.from(body),
    now,
  };
}

/** Signs a request with a signature as a configuration writes it. */
export async function sign(
  config: unknown,
  toSign: RequestToSign = request(),
  values: TemplateValues = {},
  nonce = 'nonce',
): Promise<Signature> {
  const parsed = signSchema.parse(config);
  if (parsed.sign === 'digest') throw new Error('Digest has sessions');
  return (await makeSigner(parsed, values, () => nonce))(toSign);
}

/** The value of one field of a signature. */
export function fieldIn({ headers }: Signature, name: string): string | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text === name);
  return at === -1 ? undefined : headers[at + 1];
}
