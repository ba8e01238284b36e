import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { ALERTMANAGER, type Labels } from './inhibition.ts';

export interface Alertmanager {
  /** Sends alerts that fire, and gives back those that it would tell people about. */
  told(firing: readonly Labels[]): Promise<readonly Labels[]>;
  stop(): Promise<void>;
}

/** A real Alertmanager with the shipped configuration, on loopback. */
export async function startAlertmanager(program: string, folder: string): Promise<Alertmanager> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    program,
    [
      `--config.file=${ALERTMANAGER}`,
      `--storage.path=${folder}`,
      `--web.listen-address=${url.slice('http://'.length)}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const answers = async (path: string): Promise<boolean> =>
    fetch(`${url}${path}`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('Alertmanager is ready', () => answers('/-/ready'), 20_000);
  const listed = async (filter: string): Promise<readonly { labels: Labels; status: { state: string } }[]> =>
    (await fetch(`${url}/api/v2/alerts?${filter}`)).json() as Promise<{ labels: Labels; status: { state: string } }[]>;
  return {
    async told(firing) {
      const startsAt = new Date().toISOString();
      const body = JSON.stringify(firing.map((labels) => ({ labels, annotations: {}, startsAt })));
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body });
      if (status !== 200) throw new Error(`Alertmanager refused the alerts: ${status}`);
      // What is silenced is found out when an alert is dispatched for the first time.
      await eventually(
        'every alert has a state',
        async () => {
          const all = await listed('');
          return all.length === firing.length && all.every(({ status: { state } }) => state !== 'unprocessed');
        },
        20_000,
      );
      return (await listed('inhibited=false')).map(({ labels }) => labels);
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
