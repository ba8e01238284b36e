import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { runTokenward, startTokenward } from './built-program.ts';
import { cpuSeconds, find, machine } from './machine.ts';
import { spread } from './measure.ts';
import { BenchError, freePort } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';
import { smallOptions, writeFigures } from './small-program.ts';
import { openConnection, type Connection, type Way } from './tunnel/connection.ts';
import { nginxCommon, nginxFrame, startUpstream } from './upstream.ts';

const HELP = `npm run bench:tunnel -- [options]

What a small request costs by the way in which it comes: through a tunnel that ends in tokenward, through its TLS listener
to a route with a host, and without TLS to a route with a prefix. CPU time of the built program per request, by that of
nginx with a TLS listener before the same upstream. Connections are open before anything is measured.

  --rounds N     bursts of each (12)
  --requests N   requests of a burst (5000)
  --json FILE    write the figures
  --help         show this
`;

const HOST = 'api.bench.example';
const TOKEN = 'Bearer a-live-token-of-forty-eight-letters-or-so-0123456';
const CONNECTIONS = 32;
/** All others are compared with it. It comes twice, which says what a ratio is worth. */
const REFERENCE = 'nginx, TLS';

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly way: Way;
}

const { numbers, json } = smallOptions(HELP, { rounds: 12, requests: 5000 });

runProgram('tunnel', async (session) => {
  const { processes, folder } = session;
  const upstream = await startUpstream({ processes, folder, cpu: undefined, token: TOKEN });
  const loadBefore = loadavg()[0]!;
  const contenders = [...(await startNginx(session, upstream.port)), ...(await startOurs(session, upstream.port))];
  const connections = new Map<Contender, readonly Connection[]>();
  for (const contender of contenders) {
    const opened = Array.from({ length: CONNECTIONS }, () => openConnection(contender.way));
    connections.set(contender, await Promise.all(opened));
  }
  const { rounds, requests } = numbers;
  const micros = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    progress(`round ${round + 1}`);
    // Each second round the other way round, so that none always runs behind the same one.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const before = cpuSeconds([contender.pid]);
      await burst(connections.get(contender)!, requests);
      // The first round warms up.
      if (round >= 0) micros.get(contender.name)!.push(((cpuSeconds([contender.pid]) - before) / requests) * 1e6);
    }
  }
  progress('');
  for (const connection of [...connections.values()].flat()) connection.close();
  const reference = micros.get(REFERENCE)!;
  const figures = contenders.map(({ name }) => {
    const own = micros.get(name)!;
    return { name, micros: spread(own), ratio: spread(own.map((value, round) => value / reference[round]!)) };
  });
  process.stdout.write(
    `Node ${process.version}, ${machine().model}, load ${loadBefore.toFixed(1)} before, upstream ${upstream.about}; ` +
      `CPU per request, median (quartiles) of ${rounds} paired bursts\n`,
  );
  for (const { name, micros: own, ratio } of figures)
    process.stdout.write(
      `  ${name.padEnd(26)}${`${own.median.toFixed(0)} µs`.padStart(8)}   ` +
        `${ratio.median.toFixed(2)} × ${REFERENCE} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})\n`,
    );
  writeFigures(json, { loadBefore, figures });
  return 0;
});

/** So many requests, one at a time on each connection. */
async function burst(connections: readonly Connection[], requests: number): Promise<void> {
  let left = requests;
  await Promise.all(
    connections.map(async (connection) => {
      while (left > 0) {
        left -= 1;
        await connection.ask();
      }
    }),
  );
}

async function startNginx({ processes, folder }: Session, upstream: number): Promise<Contender[]> {
  const nginx = find('nginx');
  if (nginx === undefined) throw new BenchError('nginx is not installed');
  const place = join(folder, 'nginx');
  mkdirSync(place);
  // The same kind of key as that of the authority's certificates.
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  const files = ['-keyout', join(place, 'tls.key'), '-out', join(place, 'tls.crt')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const made = spawnSync('openssl', ['req', '-x509', ...key, ...subject, ...files], { encoding: 'utf8' });
  if (made.status !== 0) throw new BenchError(`openssl made no certificate: ${made.stderr ?? 'it is not installed'}`);
  const [plain, secure] = [await freePort(), await freePort()];
  writeFileSync(
    join(place, 'nginx.conf'),
    `${nginxFrame()}
http {
${nginxCommon(place)}
  upstream api {
    server 127.0.0.1:${upstream};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${plain};
    listen 127.0.0.1:${secure} ssl;
    ssl_certificate ${join(place, 'tls.crt')};
    ssl_certificate_key ${join(place, 'tls.key')};
    ssl_protocols TLSv1.3;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "${TOKEN}";
    }
  }
}
`,
  );
  const started = processes.start(nginx, ['-p', place, '-c', join(place, 'nginx.conf'), '-e', 'stderr']);
  await started.accepts(secure);
  const tls = { servername: HOST, ca: readFileSync(join(place, 'tls.crt'), 'utf8') };
  const { pid } = started;
  const way = { port: secure, host: HOST, path: '/crm/v1/chats', tls };
  return [
    { name: REFERENCE, pid, way },
    { name: `${REFERENCE}, once more`, pid, way },
    { name: 'nginx, no TLS', pid, way: { ...way, port: plain, tls: undefined } },
  ];
}

/** One process with two listeners. */
async function startOurs(session: Session, upstream: number): Promise<Contender[]> {
  const [forward, secure] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${upstream}`;
  const config = {
    listen: [
      { host: '127.0.0.1', port: forward, forward: true },
      { host: '127.0.0.1', port: secure, tls: { authority: true } },
    ],
    accounts: { main: { flow: 'static', credentials: { token: TOKEN.slice('Bearer '.length) } } },
    routes: [
      { host: HOST, upstream: url, account: 'main' },
      { prefix: '/api', upstream: url, account: 'main' },
    ],
  };
  const authority = join(session.folder, 'ca.pem');
  await runTokenward(session, config, ['ca', 'make']);
  await runTokenward(session, config, ['ca', 'export', '-o', authority]);
  const { pid } = await startTokenward(session, config);
  const tls = { servername: HOST, ca: readFileSync(authority, 'utf8') };
  const way = { port: forward, host: HOST, path: '/crm/v1/chats', tls };
  return [
    { name: 'a tunnel that ends here', pid, way: { ...way, tunnel: true } },
    { name: 'a host, TLS listener', pid, way: { ...way, port: secure } },
    { name: 'a prefix, no TLS', pid, way: { ...way, host: '127.0.0.1', path: '/api/crm/v1/chats', tls: undefined } },
  ];
}
