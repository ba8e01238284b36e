import type { StatusDocument } from '../operator/status-document.ts';
import { accountTable, notShown, storeTrouble } from './account-table.ts';
import { coloured } from './colour.ts';
import { fetchStatus } from './operator-client.ts';
import { operatorAddress, type OperatorOptions } from './operator-options.ts';
import { print } from './options.ts';
import { table } from './table.ts';
import { UsageError } from './usage-error.ts';
import { watch } from './watch.ts';

/** `tokenward top`: live on a terminal, otherwise one table. */
export async function top(options: OperatorOptions & { readonly interval: string }): Promise<void> {
  const seconds = Number(options.interval);
  if (!(seconds >= 0.2 && seconds <= 3_600)) throw new UsageError('--interval must be 0.2 to 3600 seconds');
  const address = operatorAddress(options);
  let before: StatusDocument | undefined;
  const look = async (): Promise<string> => {
    const status: StatusDocument = await fetchStatus(address);
    const text = page(status, before);
    before = status;
    return text;
  };
  if (process.stdout.isTTY) await watch(look, seconds * 1000);
  else print(await look());
}

/** `before`: the look before this one, for rates. */
function page(status: StatusDocument, before: StatusDocument | undefined): string {
  const { version, accounts, now } = status;
  const cannot = accounts.filter(({ ready }) => !ready).length;
  const head =
    `tokenward ${version}${status.stopping ? ', stopping' : ''}, ${accounts.length} accounts` +
    (cannot === 0 ? '' : coloured(process.stdout, 'red', `, ${cannot} cannot serve`));
  const parts = [storeTrouble(status) + head, routeTable(status, before)];
  if (status.callers.length > 0) parts.push(callerTable(status, before));
  parts.push(accountTable(accounts, now) + notShown(status));
  return `${parts.map((part) => part.trimEnd()).join('\n\n')}\n`;
}

function routeTable({ routes, now }: StatusDocument, before: StatusDocument | undefined): string {
  const rows = routes.map((route) => {
    const last = before?.routes.find(({ prefix }) => prefix === route.prefix);
    return [
      route.prefix,
      route.upstream,
      route.account ?? '-',
      String(route.requests),
      rate(route.requests, last?.requests, now, before?.now),
      String(route.inFlight),
    ];
  });
  return table([['ROUTE', 'UPSTREAM', 'ACCOUNT', 'REQUESTS', 'PER SECOND', 'IN FLIGHT'], ...rows], bold);
}

function callerTable({ callers, now }: StatusDocument, before: StatusDocument | undefined): string {
  const rows = callers.map((caller) => {
    const last = before?.callers.find(({ name }) => name === caller.name);
    return [
      caller.name,
      String(caller.admitted),
      rate(caller.admitted, last?.admitted, now, before?.now),
      String(caller.refused),
      String(caller.inFlight),
    ];
  });
  return table([['CALLER', 'ADMITTED', 'PER SECOND', 'REFUSED', 'IN FLIGHT'], ...rows], bold);
}

/** A restart begins to count anew. */
function rate(count: number, last: number | undefined, now: number, then: number | undefined): string {
  if (last === undefined || then === undefined || now <= then || count < last) return '-';
  return (((count - last) * 1000) / (now - then)).toFixed(1);
}

function bold(cell: string, _column: number, row: number): string {
  return row === 0 ? coloured(process.stdout, 'bold', cell) : cell;
}
