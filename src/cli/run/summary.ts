import type { Metrics } from '../../metrics.ts';

/** What a run has seen, in a sentence or two for people. */
export async function summaryOf({ registry }: Metrics, refused: readonly string[]): Promise<string> {
  const all = await registry.getMetricsAsJSON();
  const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    all
      .filter((metric) => metric.name === `tokenward_${name}`)
      .flatMap(({ values }) => values as { labels: Record<string, string>; value: number }[])
      .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
      .reduce((total, { value }) => total + value, 0);
  const [requests, renewed, healed] = [
    sum('requests_total'),
    sum('renewals_total', { outcome: 'granted' }),
    sum('replays_total', { outcome: 'recovered' }),
  ];
  const lines = [
    `${count(requests, 'request')}, ${count(renewed, 'token')} obtained, ` +
      `${count(healed, 'request')} healed after a rejected token.`,
  ];
  if (refused.length > 0)
    lines.push(
      `Refused, because no route has this host: ${refused.join(', ')}. ` +
        'Add a route, or let a tunnel through unread: --tunnel HOST, or listen.forward.tunnel.',
    );
  const untrusted = sum('tunnels_total', { outcome: 'untrusted' });
  if (untrusted > 0)
    lines.push(`${count(untrusted, 'connection')} broke off because the program does not trust the authority.`);
  const keyless = sum('errors_total', { reason: 'proxy_key_missing' });
  if (keyless > 0)
    lines.push(
      `${count(keyless, 'connection')} came without the proxy's key. Java's own clients cannot send one: with ` +
        '--no-key, every program of this host can use the proxy while the command runs.',
    );
  return `${lines.map((line) => `tokenward: ${line}`).join('\n')}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
