import { Agent, request } from 'node:http';

/** Clients that call every route all the while, as legacy applications do. */
export interface Traffic {
  /** What has been answered since the last `clear`: by route, how often with which status. */
  summary(): string;
  clear(): void;
  /** Ends the clients; resolves when no request is in flight. */
  stop(): Promise<void>;
}

const TARGETS = ['/softline/v1/order/2001', '/crm/v1/licenses', '/twin/iam/api/v1/users/me'];
/** Between two requests of one client. ms. */
const EVERY = 200;
/** A response that takes longer counts as none. ms. */
const PATIENCE = 10_000;

export function startTraffic(url: string): Traffic {
  const agent = new Agent({ keepAlive: true });
  const counts = new Map<string, Map<string, number>>();
  let stopped = false;
  const client = async (target: string): Promise<void> => {
    while (!stopped) {
      const status = await statusOf(url, target, agent);
      const route = `/${target.split('/')[1]!}`;
      const ofRoute = counts.get(route) ?? new Map<string, number>();
      counts.set(route, ofRoute.set(status, (ofRoute.get(status) ?? 0) + 1));
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  };
  const clients = TARGETS.map(client);
  return {
    summary: () =>
      [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([route, statuses]) => `${route} ${[...statuses].map(([status, n]) => `${status} ${n}×`).join(' and ')}`)
        .join(', '),
    clear: () => counts.clear(),
    async stop() {
      stopped = true;
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

function statusOf(url: string, target: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(new URL(target, url), { agent, timeout: PATIENCE }, (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
      response.on('error', () => resolve('broken'));
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve('no response'));
    outgoing.end();
  });
}
