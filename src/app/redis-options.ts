import type { SecureContextOptions } from 'node:tls';
import type { LoadedConfig } from '../config/load.ts';
import { readTlsFiles } from '../http/tls.ts';
import type { RedisOptions } from '../tokens/stores/redis.ts';
import type { HostPort, RedisPlace } from '../tokens/stores/redis-topology.ts';

/** How to reach the configured Redis. Throws a TlsFileError. */
export function redisOptions(config: Extract<LoadedConfig['store'], { type: 'redis' }>): RedisOptions {
  const { url, sentinel, cluster, username, password, tls, keyPrefix, commandTimeout, waitReplicas } = config;
  const place: RedisPlace =
    sentinel !== undefined
      ? { kind: 'sentinel', name: sentinel.name, nodes: sentinel.nodes.map(hostAndPort), password: sentinel.password }
      : cluster !== undefined
        ? { kind: 'cluster', nodes: cluster.nodes.map(hostAndPort) }
        : { kind: 'single', url: url! };
  const files = tls && readTlsFiles({ ...tls, minVersion: 'TLSv1.2' });
  return { place, username, password, keyPrefix, commandTimeout, waitReplicas, tls: files && tlsOptions(files) };
}

function hostAndPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function tlsOptions({ ca, cert, key }: SecureContextOptions): NonNullable<RedisOptions['tls']> {
  return {
    ...(ca !== undefined && { ca: ca as Buffer }),
    ...(cert !== undefined && { cert: cert as Buffer }),
    ...(key !== undefined && { key: key as Buffer }),
  };
}
