import { HELP_OPTION, parseValues, UsageError } from '../harness/options.ts';

export const HELP = `npm run verify:oauth -- [options]

Runs a tokenward before an API and a real authorization server (oidc-provider), which rotates refresh tokens and revokes
a family when a spent one comes again. For each kind of account (refresh token, with a grace time, beside a login, and
bound by DPoP; client credentials, private_key_jwt, DPoP, client certificate): the access token ends, and 100 requests
meet it at once; the same with the connection of the token request cut before the server has looked at it, and after it
has carried it out. Judges by what the server counted.

  --only a,b     only accounts with one of these texts in their name
  --callers N    so many requests at once (default 100)
  --keycloak     before a real Keycloak instead; needs Java 17
  --download     lets Maven bring Keycloak (160 MB) where it is not there yet
  --help         show this
`;

export interface Options {
  readonly help: boolean;
  readonly callers: number;
  readonly keycloak: boolean;
  readonly download: boolean;
  runs(account: string): boolean;
}

export function parseOptions(args: string[]): Options {
  const { help, only, callers, keycloak, download } = parseValues(args, {
    only: { type: 'string' },
    callers: { type: 'string', default: '100' },
    keycloak: { type: 'boolean', default: false },
    download: { type: 'boolean', default: false },
    ...HELP_OPTION,
  });
  const number = Number(callers);
  if (!Number.isInteger(number) || number < 1) throw new UsageError('--callers must be a whole number from 1');
  const texts = only?.split(',').map((text) => text.trim());
  return {
    help,
    callers: number,
    keycloak,
    download,
    runs: (account) => texts === undefined || texts.some((text) => account.includes(text)),
  };
}
