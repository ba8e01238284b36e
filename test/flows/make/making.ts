import { makeSchema } from '../../../src/flows/make-schema.ts';
import { makeValues } from '../../../src/flows/make.ts';

/** 2030-01-01T00:00:00.789Z. */
export const NOW = Date.UTC(2030, 0, 1, 0, 0, 0, 789);

/** The made value of one entry, as a configuration writes it. */
export async function makeOne(entry: unknown, values: Record<string, unknown> = {}): Promise<string> {
  return (await makeValues(makeSchema.parse({ made: entry }), values, NOW))['made']!;
}

/** The header and the claims of a JWT, unverified. */
export function decoded(jwt: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = jwt
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  return { header: header!, claims: claims! };
}
