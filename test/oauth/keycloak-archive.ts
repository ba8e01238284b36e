import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CannotRun } from '../harness/options.ts';
import { findTool } from '../support/tools.ts';

const VERSION = '26.5.6';
const ARTIFACT = `org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`;
/** How long Maven may take for it. ms. */
const DOWNLOAD_MS = 900_000;

/** Where Maven keeps it. */
function archive(): string {
  const name = `keycloak-quarkus-dist-${VERSION}.zip`;
  return join(homedir(), '.m2/repository/org/keycloak/keycloak-quarkus-dist', VERSION, name);
}

/** Unpacks Keycloak into a folder and returns its own folder; or a text, why it cannot be had. */
export function unpackKeycloak(into: string, download: boolean): { readonly home: string } | string {
  for (const tool of ['java', 'unzip']) if (findTool(tool) === undefined) return `${tool} is not installed`;
  const zip = archive();
  if (!existsSync(zip)) {
    const command = ['-q', '-B', 'dependency:get', `-Dartifact=${ARTIFACT}`, '-Dtransitive=false'];
    const shown = `mvn ${command.slice(2).join(' ')}`;
    if (!download) return `${zip} is not there; --download lets Maven bring it: ${shown}`;
    if (findTool('mvn') === undefined) return 'mvn is not installed';
    const { status } = spawnSync('mvn', command, { stdio: 'inherit', timeout: DOWNLOAD_MS });
    if (status !== 0 || !existsSync(zip)) return `${shown} did not bring it`;
  }
  execFileSync('unzip', ['-q', zip, '-d', into], { stdio: 'pipe' });
  const home = join(into, `keycloak-${VERSION}`);
  if (!existsSync(home)) throw new CannotRun(`${zip} holds no keycloak-${VERSION}`);
  return { home };
}
