import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, isIP, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { trustStore } from '../../src/authority/pkcs12.ts';
import type { Authority } from '../../src/authority/authority.ts';
import type { KeyedCertificate, Signer } from '../../src/authority/sign.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { requireTool } from '../support/tools.ts';
import { forgeBelow, forgeCommonName, forgeLeaf, forgeNames } from './forge.ts';
import { freshAuthorities, stolenSigner } from './world.ts';

/** A server with a certificate, and the host as which a client calls it. */
interface Case {
  readonly title: string;
  readonly host: string;
  readonly make: (authority: Authority, stolen: Signer) => KeyedCertificate | Promise<KeyedCertificate>;
  readonly expected: 'accepted' | 'refused';
}

const own = (host: string): Case => ({
  title: `${host}, which it covers`,
  host,
  make: (authority) => authority.certificateFor(host),
  expected: 'accepted',
});
const forged = (
  title: string,
  host: string,
  make: (stolen: Signer, host: string) => Promise<KeyedCertificate>,
): Case => ({
  title,
  host,
  make: (_, stolen) => make(stolen, host),
  expected: 'refused',
});
const forgedFor = (host: string, what: string): Case => forged(`${host}, ${what}`, host, forgeLeaf);

/** Hosts of an authority, and what its key can be used for. */
const STAGES: readonly { readonly hosts: readonly string[]; readonly cases: readonly Case[] }[] = [
  {
    hosts: ['api.vendor.example', 'login.other.example'],
    cases: [
      own('api.vendor.example'),
      own('login.other.example'),
      forgedFor('api.stranger.example', 'another host'),
      forgedFor('vendor.example', 'the domain above'),
      forgedFor('www.vendor.example', 'a name beside it'),
      forgedFor('xapi.vendor.example', 'a name that ends alike'),
      forgedFor('eu.api.vendor.example', 'a name below'),
      forgedFor('127.0.0.1', 'an IPv4 address'),
      forgedFor('::1', 'an IPv6 address'),
      forged('www.vendor.example by a wildcard', 'www.vendor.example', (stolen) =>
        forgeLeaf(stolen, '*.vendor.example'),
      ),
      forged('eu.api.vendor.example by a wildcard', 'eu.api.vendor.example', (stolen) =>
        forgeLeaf(stolen, '*.api.vendor.example'),
      ),
      forged('another host in the common name only', 'api.stranger.example', forgeCommonName),
      forged('another host beside one that it covers', 'api.stranger.example', (stolen, host) =>
        forgeNames(stolen, ['api.vendor.example', host]),
      ),
      forged('another host by an authority below', 'api.stranger.example', forgeBelow),
      forged('even a covered host by an authority below', 'api.vendor.example', forgeBelow),
    ],
  },
  {
    hosts: ['127.0.0.1', '::1'],
    cases: [
      own('127.0.0.1'),
      own('::1'),
      forgedFor('127.0.0.2', 'another IPv4 address'),
      forgedFor('::2', 'another IPv6 address'),
      forgedFor('api.stranger.example', 'a name, where it covers addresses only'),
    ],
  },
  {
    hosts: ['api.vendor.example', 'eu.api.vendor.example', '127.0.0.1'],
    cases: [
      own('api.vendor.example'),
      own('eu.api.vendor.example'),
      own('127.0.0.1'),
      forgedFor('x.eu.api.vendor.example', 'a name below the lower one'),
      forgedFor('::1', 'an address of the other family'),
    ],
  },
];

interface Stage {
  /** Files with the certificate that clients trust. */
  readonly pem: string;
  readonly pkcs12: string;
  readonly cases: readonly (Case & { readonly port: number; readonly leaf: string; readonly issuer: string })[];
}

describe("an authority's key is of use for its hosts only", function () {
  this.timeout(180_000);
  const folder = temporaryFolder();
  const servers: Server[] = [];
  const stages: Stage[] = [];

  before(async () => {
    for (const [index, { hosts, cases }] of STAGES.entries()) {
      const { authorities, records } = freshAuthorities();
      const { authority } = await authorities.make({ hosts });
      const stolen = await stolenSigner(records);
      const [pem, pkcs12] = [join(folder, `${index}.pem`), join(folder, `${index}.p12`)];
      writeFileSync(pem, authority.certificate);
      writeFileSync(pkcs12, trustStore(authority.certificate, 'tokenward', 'changeit'));
      const started: Stage['cases'][number][] = [];
      for (const [number, item] of cases.entries()) {
        const { key, cert } = await item.make(authority, stolen);
        const server = createServer({ key, cert }, (socket) => socket.end()).on('tlsClientError', () => undefined);
        servers.push(server.listen(0, '127.0.0.1'));
        await once(server, 'listening');
        const [leaf, ...above] = cert.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g)!;
        const base = join(folder, `${index}-${number}`);
        writeFileSync(`${base}.leaf.pem`, leaf);
        writeFileSync(`${base}.issuer.pem`, above.join(''));
        const { port } = server.address() as AddressInfo;
        started.push({ ...item, port, leaf: `${base}.leaf.pem`, issuer: `${base}.issuer.pem` });
      }
      stages.push({ pem, pkcs12, cases: started });
    }
  });
  after(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** `verdicts`: by port, "accepted" or why it was refused. */
  const judge = ({ cases }: Stage, verdicts: ReadonlyMap<number, string>): void => {
    assert.equal(verdicts.size, cases.length, 'not all cases were tried');
    const wrong = cases
      .map(({ title, port, expected }) => ({ title, expected, verdict: verdicts.get(port)! }))
      .filter(({ expected, verdict }) => (verdict === 'accepted') !== (expected === 'accepted'));
    assert.deepEqual(wrong, []);
  };

  /** The verdicts of a program of verifiers/: a line "PORT accepted" or "PORT refused …" for each PORT=HOST. */
  const verdictsOf = async (
    command: readonly [string, ...string[]],
    roots: string,
    { cases }: Stage,
  ): Promise<Map<number, string>> => {
    const [program, ...args] = [...command, roots, ...cases.map(({ port, host }) => `${port}=${host}`)];
    const { code, stdout, stderr } = await finished(program, args);
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split('\n');
    return new Map(lines.map((line) => [Number.parseInt(line, 10), line.replace(/^\d+ /, '')]));
  };

  for (const [index, { hosts }] of STAGES.entries()) {
    describe(`for ${hosts.join(', ')}`, () => {
      it('Node', async () => {
        const stage = stages[index]!;
        const verdicts = new Map<number, string>();
        for (const { port, host } of stage.cases)
          verdicts.set(port, await nodeVerdict(port, host, readable(stage.pem)));
        judge(stage, verdicts);
      });

      it('OpenSSL, connecting', async function () {
        const openssl = requireTool(this, 'openssl');
        const stage = stages[index]!;
        const verdicts = new Map<number, string>();
        for (const { port, host } of stage.cases) {
          const name = isIP(host) === 0 ? ['-servername', host, '-verify_hostname', host] : ['-verify_ip', host];
          const { code, stdout, stderr } = await finished(openssl, [
            ...['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', stage.pem, '-no-CApath', '-no-CAstore'],
            ...['-verify_return_error', '-x509_strict', '-brief', ...name],
          ]);
          verdicts.set(port, code === 0 && stderr.includes('Verification: OK') ? 'accepted' : stdout + stderr);
        }
        judge(stage, verdicts);
      });

      it('OpenSSL, given the certificates', async function () {
        const openssl = requireTool(this, 'openssl');
        const stage = stages[index]!;
        const verdicts = new Map<number, string>();
        for (const { port, host, leaf, issuer } of stage.cases) {
          const { code, stdout, stderr } = await finished(openssl, [
            ...['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', stage.pem, '-no-CApath', '-no-CAstore'],
            ...['-untrusted', issuer, isIP(host) === 0 ? '-verify_hostname' : '-verify_ip', host, leaf],
          ]);
          verdicts.set(port, code === 0 ? 'accepted' : stdout + stderr);
        }
        judge(stage, verdicts);
      });

      it('Python', async function () {
        const python = requireTool(this, 'python3');
        const stage = stages[index]!;
        judge(stage, await verdictsOf([python, program('verify.py')], stage.pem, stage));
      });

      it('Go', async function () {
        const go = requireTool(this, 'go');
        const stage = stages[index]!;
        judge(stage, await verdictsOf([go, 'run', program('verify.go')], stage.pem, stage));
      });

      it('Java', async function () {
        const java = requireTool(this, 'java');
        const stage = stages[index]!;
        judge(stage, await verdictsOf([java, program('Verify.java')], stage.pkcs12, stage));
      });
    });
  }
});

function program(name: string): string {
  return resolve('test/authority/verifiers', name);
}

function readable(file: string): string {
  return readFileSync(file, 'utf8');
}

function nodeVerdict(port: number, host: string, ca: string): Promise<string> {
  return new Promise((found) => {
    const names = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ socket: connectPlain(port, '127.0.0.1'), host, ca, ...names });
    socket.once('secureConnect', () => {
      socket.destroy();
      found('accepted');
    });
    socket.once('error', ({ message }: Error) => found(message));
  });
}

function finished(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((found) => {
    const child = execFile(command, args, { encoding: 'utf8' }, (error, stdout, stderr) => {
      found({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.end();
  });
}
