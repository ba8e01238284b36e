import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from './stage.ts';

/** One stop of the tour. Returns what was observed, or throws what was not. */
interface Stop {
  readonly title: string;
  visit(stage: Stage): Promise<string>;
}

interface TourResponse {
  readonly status: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true });

/**
 * The results come from the sandbox's ledger: from what reached the upstream and the token endpoint. The process is
 * killed early: what it counted since the last scrape is lost with it, and no panel shows it.
 */
const STOPS: readonly Stop[] = [
  {
    title: 'A first request on each route',
    async visit(stage) {
      const routes = [
        '/softline/v1/order/2001',
        '/crm/v1/licenses',
        '/twin/iam/api/v1/users/me',
        '/twin/analyse/api/v1/search/cis/sessions',
      ];
      for (const target of routes) expect((await call(stage, target)).status === 200, `${target} did not get a 200`);
      const logins = stage.sandbox.ledger.count({ kind: 'login' });
      expect(logins === 3, `${logins} logins instead of 3`);
      return '4 routes answered, 3 logins: the two TWIN hosts share a token';
    },
  },
  {
    title: 'A restart after kill -9',
    async visit(stage) {
      stage.sandbox.ledger.clear();
      await stage.restart();
      for (const target of ['/softline/v1/order/2001', '/crm/v1/licenses', '/twin/cis/api/v1/users/me'])
        expect((await call(stage, target)).status === 200, `${target} did not get a 200`);
      const calls = stage.sandbox.ledger.count({ where: (entry) => entry.kind !== 'api' });
      expect(calls === 0, `${calls} token requests`);
      return 'all routes answered with the stored tokens, 0 logins';
    },
  },
  {
    title: 'A token revoked under 200 concurrent requests',
    async visit({ sandbox, ...stage }) {
      sandbox.chatapp.set({ deadTokenDelayMs: { min: 0, max: 1_000 } });
      sandbox.chatapp.revokeCurrent();
      sandbox.ledger.clear();
      const target = '/crm/v1/licenses/5120/messengers/grWhatsApp/chats/79001234567@c.us/messages/text';
      const sent = Array.from({ length: 200 }, (_, index) => ({
        id: `tour-${index}`,
        body: JSON.stringify({ text: `message ${index} ${randomBytes(40).toString('hex')}` }),
      }));
      const responses = await Promise.all(
        sent.map(({ id, body }) =>
          call(stage, target, {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json', 'x-request-id': id },
          }),
        ),
      );
      sandbox.chatapp.set({ deadTokenDelayMs: { min: 0, max: 0 } });
      const succeeded = responses.filter(({ status }) => status === 200).length;
      const calls = sandbox.ledger.count({ vendor: 'chatapp', where: (entry) => entry.kind !== 'api' });
      const once = sent.filter(({ id, body }) => {
        const arrivals = sandbox.ledger.entries({ requestId: id });
        return (
          arrivals.filter((entry) => entry.applied).length === 1 &&
          arrivals.every((entry) => entry.bodySha256 === sha256(body))
        );
      }).length;
      expect(
        succeeded === 200 && calls === 1 && once === 200,
        `${succeeded} good responses, ${calls} token requests, ${once} sent exactly once`,
      );
      return '200 of 200 answered, 1 refresh, each message sent exactly once';
    },
  },
  {
    title: 'A rejection hidden in a 200',
    async visit({ sandbox, ...stage }) {
      sandbox.chatapp.set({ deadTokenStatus: 200 });
      sandbox.chatapp.revokeCurrent();
      sandbox.ledger.clear();
      const response = await call(stage, '/crm/v1/licenses');
      sandbox.chatapp.set({ deadTokenStatus: 403 });
      const seen = sandbox.ledger.entries({ vendor: 'chatapp' }).map((entry) => `${entry.kind} ${entry.outcome}`);
      expect(
        response.status === 200 &&
          !response.body.includes('ApiInvalidTokenError') &&
          seen.join() === 'api dead-token,refresh ok,api ok',
        `the upstream saw ${seen.join(', ')}`,
      );
      return 'rejected in a 200, refreshed, replayed; the client got the real response';
    },
  },
  {
    title: 'A 403 that is not about the token',
    async visit({ sandbox, ...stage }) {
      sandbox.chatapp.set({
        apiOverride: {
          status: 403,
          headers: { 'content-type': 'application/json' },
          body: '{"success":false,"error":{"code":"ApiPermissionError"}}',
          count: 1,
        },
      });
      sandbox.ledger.clear();
      const response = await call(stage, '/crm/v1/licenses');
      expect(response.status === 403 && sandbox.ledger.entries({}).length === 1, 'it was not relayed unchanged');
      return 'relayed unchanged, no renewal';
    },
  },
  {
    title: 'An upload with a rejected token',
    async visit({ sandbox, ...stage }) {
      sandbox.softline.revokeCurrent();
      sandbox.ledger.clear();
      const body = randomBytes(700 * 1024);
      const response = await call(stage, '/softline/v1/sandbox/echo', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/octet-stream' },
      });
      const arrivals = sandbox.ledger.entries({ vendor: 'softline', kind: 'api' });
      expect(
        response.status === 200 &&
          arrivals.length === 2 &&
          arrivals.every((entry) => entry.bodySha256 === sha256(body)),
        `${arrivals.length} arrivals, status ${response.status}`,
      );
      return '700 KiB arrived twice byte for byte: rejected once, accepted once';
    },
  },
  {
    title: 'What an operator sees',
    async visit(stage) {
      const ready = await call({ url: stage.operatorUrl }, '/readyz');
      const metrics = await call({ url: stage.operatorUrl }, '/metrics');
      expect(ready.status === 200, `/readyz says ${ready.status}`);
      const generation = metrics.body.match(/^tokenward_token_generation\{account="crm".*\} (\d+)$/m)?.[1];
      expect(generation === '3', `the crm token's generation is ${generation ?? 'missing'} instead of 3`);
      return 'ready; crm is at its 3rd token, with 79 of 80 logins left today';
    },
  },
];

/**
 * Visits all stops and prints a table. Resolves with the number of failed ones. `pauseMs`: rests so long after each
 * stop; a Prometheus that scrapes as often sees every one of them, and dashboards have data of all.
 */
export async function walkTour(stage: Stage, print: (line: string) => void, pauseMs = 0): Promise<number> {
  const width = Math.max(...STOPS.map(({ title }) => title.length));
  let failed = 0;
  for (const { title, visit } of STOPS) {
    const start = performance.now();
    let mark = 'ok    ';
    let seen: string;
    try {
      seen = await visit(stage);
    } catch (error) {
      failed += 1;
      mark = 'FAILED';
      seen = error instanceof Error ? error.message : String(error);
    }
    print(`${mark}  ${title.padEnd(width)}  ${seen}  (${Math.round(performance.now() - start)} ms)`);
    await sleep(pauseMs);
  }
  agent.destroy();
  print(`tour: ${STOPS.length - failed} passed, ${failed} failed`);
  return failed;
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function call(
  { url }: { url: string },
  target: string,
  options: { method?: string; body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<TourResponse> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const length = options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) };
    const outgoing = request(
      {
        agent,
        host: hostname,
        port,
        path: target,
        method: options.method ?? 'GET',
        headers: { ...options.headers, ...length },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('latin1') }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}
