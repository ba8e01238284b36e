import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountAsKubelet } from '../support/kubelet-mount.ts';

/** A rendered configuration outside a cluster: its file, and the environment in which it can be read. */
export interface InPod {
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Writes what the pod would get from its Secrets and ConfigMaps: every variable, and every file in another place. */
export function asInPod(config: string, folder: string): InPod {
  const environment = Object.fromEntries(
    [...config.matchAll(/\$\{([A-Z][A-Z0-9_]*)\}/g)].map(([, name]) => [name!, standIn(name!)]),
  );
  const file = join(folder, 'proxy.config.yaml');
  for (const place of ['secrets', 'accounts', 'jwks']) mkdirSync(join(folder, place));
  for (const [, name] of config.matchAll(/\$\{file:\/etc\/tokenward\/secrets\/([^}]+)\}/g))
    writeFileSync(join(folder, 'secrets', name!), standIn(name!));
  writeFileSync(join(folder, 'jwks', 'jwks.json'), '{ "keys": [] }');
  mountAsKubelet(join(folder, 'accounts'), {
    'more.yaml': '{ more: { flow: static, credentials: { token: t } } }',
  });
  writeFileSync(file, config.replaceAll('/etc/tokenward/', `${folder}/`));
  return { file, environment };
}

function standIn(name: string): string {
  if (/key$/i.test(name)) return Buffer.alloc(32, 7).toString('base64');
  return /url$/i.test(name) ? 'redis://redis:6379' : 'stand-in';
}
