import { HELP_OPTION, parseValues, partsOf } from '../harness/options.ts';

export const HELP = `npm run verify:flows -- [options]

Runs every recipe of the folder flows, and the further ways of logging in of docs/logins.md, in a real tokenward, before
an imitation of its API that knows from a table what the vendor's documentation demands: which call brings what, where a
request carries it, how signatures are made, and in which words a token is rejected, a login refused or throttled. Plays
for each: a first call, a token that ends, a rotated refresh token, a throttled token endpoint, a block page, refused
credentials, and an API that repeats secrets.

  --only a,b   only these
  --help       show this
`;

export interface Options {
  readonly help: boolean;
  runs(recipe: string): boolean;
}

export function parseOptions(args: string[], recipes: readonly string[]): Options {
  const { help, only } = parseValues(args, { only: { type: 'string' }, ...HELP_OPTION });
  return { help, runs: partsOf(only, recipes) };
}
