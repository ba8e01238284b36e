import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startApp, type App } from '../src/app/app.ts';
import { loadConfig } from '../src/config/load.ts';
import { createLogger } from '../src/log.ts';

/*
 * What a hundred thousand accounts cost: how long tokenward needs until it serves, how much memory each takes that is
 * in use, and how long it takes to find a token that is in memory, and one that is only in the store. Run with `npm run
 * bench:accounts`; the token endpoint is played in this process, so nothing of it is measured.
 */

const HELP = `Usage: npm run bench:accounts [-- --accounts N] [-- --used N]

  --accounts N  accounts in the generated file (default 100000)
  --used N      of these, how many log in and stay in memory (default 20000)
`;

/** Token calls so far. */
let calls = 0;

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '100000' },
    used: { type: 'string', default: '20000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await main(Number(values.accounts), Number(values.used));

async function main(accounts: number, used: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-accounts-'));
  try {
    const file = join(folder, 'accounts.jsonl');
    writeFileSync(
      file,
      Array.from({ length: accounts }, (_, index) =>
        JSON.stringify({
          name: `shop-${index}`,
          flow: 'chatapp',
          baseUrl: 'http://127.0.0.1:9',
          credentials: { email: `shop-${index}@example.com`, password: `password-${index}`, appId: `app_${index}_1` },
        }),
      ).join('\n'),
    );
    const config = join(folder, 'proxy.config.yaml');
    writeFileSync(
      config,
      `listen: { port: 0 }\noperator: { port: 0 }\nstore: { type: embedded, path: ${JSON.stringify(join(folder, 'store'))} }\naccountsFrom: { file: ${JSON.stringify(file)} }\nroutes: [{ prefix: /shops, upstream: "http://127.0.0.1:9", accountFrom: { flow: chatapp, header: X-Account } }]\nlimits: { accountsInMemory: ${Math.max(100, used)} }\nlog: { level: silent }\n`,
    );
    const rows: [string, string][] = [];
    // The store and its key are made by the first start; every later one finds them.
    await startAndStop(config);

    const before = await memory();
    const processor = cpu();
    const { app, seconds } = await start(config);
    const processorUsed = cpu() - processor;
    const started = await memory();
    rows.push([
      'start, until it serves',
      `${(seconds * 1000).toFixed(0)} ms (${(processorUsed * 1000).toFixed(0)} ms of CPU time)`,
    ]);
    rows.push(['memory of an account never used', `${perAccount(started.heap - before.heap, accounts)} heap`]);

    const names = Array.from({ length: used }, (_, index) => `shop-${index}`);
    const logins = performance.now();
    for (let from = 0; from < used; from += 200)
      await Promise.all(names.slice(from, from + 200).map(async (name) => app.tokens.get(name)));
    rows.push(['login, played, stored durably', `${((performance.now() - logins) / used).toFixed(2)} ms each`]);
    const warm = await memory();
    rows.push([
      'memory of an account in use',
      `${perAccount(warm.heap - started.heap, used)} heap, ${perAccount(warm.rss - started.rss, used)} resident`,
    ]);

    const rounds = 2_000_000;
    let found = 0;
    for (let warmUp = 0; warmUp < 2; warmUp += 1)
      for (let index = 0; index < 200_000; index += 1)
        if (!(app.tokens.get(names[index % used]!) instanceof Promise)) found += 1;
    found = 0;
    const cached = cpu();
    for (let index = 0; index < rounds; index += 1)
      if (!(app.tokens.get(names[(index * 7919) % used]!) instanceof Promise)) found += 1;
    rows.push([
      'get, in memory',
      `${(((cpu() - cached) / rounds) * 1e9).toFixed(0)} ns of CPU time (${found === rounds ? 'all' : found} without an await)`,
    ]);
    await app.stop();

    const again = await start(config);
    const cold = performance.now();
    for (const name of names) await again.app.tokens.get(name);
    rows.push(['get, from the store', `${(((performance.now() - cold) / used) * 1000).toFixed(0)} µs`]);
    rows.push(['logins after the restart', String(calls - used)]);
    await again.app.stop();

    const wide = Math.max(...rows.map(([name]) => name.length));
    process.stdout.write(
      `${accounts} accounts, ${used} in use; Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}\n`,
    );
    for (const [name, value] of rows) process.stdout.write(`  ${name.padEnd(wide)}  ${value}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startAndStop(config: string): Promise<void> {
  const { app } = await start(config);
  await app.stop();
}

/** Reads the configuration and starts, as `tokenward serve` does. */
async function start(file: string): Promise<{ app: App; seconds: number }> {
  const from = performance.now();
  const config = loadConfig(file, {});
  const app = await startApp(config, {
    log: createLogger('silent'),
    owner: randomBytes(9).toString('hex'),
    ownerIsGone: () => true,
    async sendTokenCall() {
      calls += 1;
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          success: true,
          data: {
            accessToken: randomBytes(16).toString('hex'),
            refreshToken: randomBytes(16).toString('hex'),
            accessTokenEndTime: Math.floor(Date.now() / 1000) + 86_400,
            refreshTokenEndTime: Math.floor(Date.now() / 1000) + 864_000,
          },
        }),
      };
    },
  });
  return { app, seconds: (performance.now() - from) / 1000 };
}

/** Seconds of CPU time so far: what others do on the machine is not in it. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Once what is over has been thrown away: sockets and stores are let go of a few turns after they close. */
async function memory(): Promise<{ heap: number; rss: number }> {
  for (let round = 0; round < 5; round += 1) {
    await sleep(50);
    globalThis.gc?.();
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

function perAccount(bytes: number, accounts: number): string {
  return `${(bytes / accounts / 1024).toFixed(2)} KiB`;
}
