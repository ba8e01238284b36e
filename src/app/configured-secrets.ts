import type { LoadedConfig } from '../config/load.ts';
import { hasSecretName, isFixedToken } from '../config/secrets.ts';

/** A shorter one would mask the numbers and versions of which paths are made. Characters. */
const MIN_LENGTH = 4;

/**
 * Whether a text is a secret of the configuration: of the accounts that it lists, of the routes' header fields, of the
 * store. Not those of `accountsFrom.file`: a hundred thousand of them are not kept twice for a log.
 */
export function configuredSecrets({
  accounts,
  flowOf,
  routes,
  secretHeaders,
  store,
}: Pick<LoadedConfig, 'accounts' | 'flowOf' | 'routes' | 'secretHeaders' | 'store'>): (text: string) => boolean {
  const secrets = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(add);
    else if ((typeof value === 'string' || typeof value === 'number') && String(value).length >= MIN_LENGTH)
      secrets.add(String(value));
  };
  for (const [account, { credentials }] of Object.entries(accounts))
    for (const [name, value] of Object.entries(credentials))
      if (hasSecretName(name) || isFixedToken(name, flowOf.get(account))) add(value);
  for (const { name, headers } of routes)
    for (const field of secretHeaders.get(name) ?? []) {
      const value = headers?.[field];
      add(value);
      // Without its scheme.
      if (typeof value === 'string') add(value.slice(value.indexOf(' ') + 1));
    }
  const { key, retiredKeys, password, sentinel }: StoreSecrets = store;
  add([key, retiredKeys, password, sentinel?.password]);
  return (text) => secrets.has(text);
}

interface StoreSecrets {
  readonly key?: string | undefined;
  readonly retiredKeys?: readonly string[];
  readonly password?: string | undefined;
  readonly sentinel?: { readonly password?: string | undefined } | undefined;
}
