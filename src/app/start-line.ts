import type { LoadedConfig } from '../config/load.ts';
import type { LogFields } from '../log.ts';
import { VERSION } from '../version.ts';
import { engineOf } from './front.ts';

/** Fields of the log line "tokenward is up". Nothing secret: of a store only its type and place. */
export function describeStart(
  config: Pick<LoadedConfig, 'accounts' | 'generated' | 'routes' | 'store' | 'listeners'>,
  file: string,
): LogFields {
  return {
    version: VERSION,
    file,
    accounts: Object.keys(config.accounts).length + config.generated.byName.size,
    routes: config.routes.length,
    engine: engineOf(config.listeners),
    store: placeOf(config.store),
  };
}

function placeOf(store: LoadedConfig['store']): string {
  if (store.type === 'embedded') return `embedded in ${store.path}`;
  if (store.sentinel !== undefined) return `redis ${store.sentinel.name} behind ${store.sentinel.nodes.join(', ')}`;
  if (store.cluster !== undefined) return `redis cluster ${store.cluster.nodes.join(', ')}`;
  // The URL may carry a password.
  return `redis at ${new URL(store.url!).host}`;
}
