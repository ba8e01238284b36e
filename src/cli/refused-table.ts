import type { StatusDocument } from '../operator/status-document.ts';
import type { RefusedCall } from '../refused-calls.ts';
import { formatDuration } from './format-duration.ts';
import { table } from './table.ts';

/** Refused calls that the table names at most. */
const MAX_REFUSED = 10;

/** The newest refused calls; an empty text if there are none. */
export function refusedCalls({ refused = [], now }: Partial<StatusDocument>): string {
  if (refused.length === 0) return '';
  const rows = refused
    .slice(0, MAX_REFUSED)
    .map((call) =>
      [call.caller ?? '-', callOf(call), WHY[call.kind], String(call.count), ago(call.lastAt, now!)].map(printable),
    );
  const more = refused.length - rows.length;
  return (
    `\n${table([['CALLER', 'REFUSED', 'WHY', 'COUNT', 'LAST'], ...rows])}` +
    `${more > 0 ? `… and ${more} more. ` : ''}With --json, each has a patch of the configuration that would allow it.\n`
  );
}

const WHY: Readonly<Record<RefusedCall['kind'], string>> = {
  host: 'no route has this host',
  route: 'no route has this path',
  policy: "the route's policy",
};

function callOf({ kind, method, host, route, path }: RefusedCall): string {
  const where = kind === 'policy' ? ` of ${route ?? '?'}` : '';
  return `${method ?? ''} ${host ?? ''}${path ?? ''}${where}`.trim();
}

function ago(at: number, now: number): string {
  return now - at < 1000 ? 'now' : `${formatDuration(now - at)} ago`;
}

/** What others have sent must not write to the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
