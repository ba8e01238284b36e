import { rmSync } from 'node:fs';
import { CannotRun } from '../harness/options.ts';
import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { findTool } from '../support/tools.ts';
import type { AuthorizationServer, Certificates } from './authorization-server.ts';
import { makeCertificates } from './certificates.ts';
import { unpackKeycloak } from './keycloak-archive.ts';
import { Keycloak } from './keycloak.ts';
import { OidcProvider } from './oidc-provider.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { prove, PROOFS } from './proofs.ts';
import { Stage } from './stage.ts';

/** Every proof with every account; the exit code. */
async function main(options: Options): Promise<number> {
  const openssl = findTool('openssl');
  if (openssl === undefined) throw new CannotRun('openssl is not installed (Debian: apt install openssl)');
  const folder = temporaryFolder();
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const certificates = makeCertificates(openssl, folder);
  const server = options.keycloak
    ? await startKeycloak(folder, certificates, options)
    : await OidcProvider.start(certificates);
  if (server === undefined) return 0;
  const tally = new Tally();
  for (const account of server.accounts.filter(({ name }) => options.runs(name))) {
    const [start, before] = [performance.now(), tally.failed];
    for (const proof of PROOFS) {
      const what = `${account.name}, ${proof.name}`;
      await tally.attempt(what, () =>
        Stage.with(server, account, certificates, async (stage) =>
          tally.count(what, await prove(proof, stage, options.callers)),
        ),
      );
    }
    const well = PROOFS.length - (tally.failed - before);
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(`${server.name}, ${account.name}: ${well} of ${PROOFS.length} proofs (${seconds} s)`);
  }
  await server.close();
  return tally.close('oauth');
}

/** Undefined: there is none to be had here, and it was said why. */
async function startKeycloak(
  folder: string,
  certificates: Certificates,
  { download }: Options,
): Promise<AuthorizationServer | undefined> {
  const unpacked = unpackKeycloak(folder, download);
  if (typeof unpacked !== 'string') return Keycloak.start(unpacked.home, certificates);
  if (process.env['CI'] === 'true') throw new CannotRun(`no Keycloak, and CI must not skip it: ${unpacked}`);
  console.log(`skipped, no Keycloak: ${unpacked}`);
  return undefined;
}

await runProgram('verify:oauth', HELP, parseOptions, main);
