import type { CallReport, PathReport, RenewalReport, RequestReport, ResponseReport, TryReport } from './try-report.ts';

/** The report of `tokenward flow try` as text. */
export function tryText(report: TryReport): string {
  const parts = [
    [`Account ${report.account}, flow ${report.flow}${report.dryRun ? ': nothing is sent' : ''}.`, ...report.notes],
    ...report.renewals.flatMap((renewal) => renewalText(renewal)),
    [
      'Requests of this account carry:',
      ...(report.attachments.length === 0 ? ['nothing'] : report.attachments).map((line) => `  ${line}`),
    ],
    ...(report.path === undefined ? [] : [pathText(report.path)]),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function renewalText({ kind, calls, notMade, outcome, meaning, lifetime }: RenewalReport): string[][] {
  const count = calls.length + notMade.length;
  const made = calls.map((call, index) =>
    callText(`${kind}${count > 1 ? `, call ${index + 1} of ${count}` : ''}:`, call),
  );
  const rest = notMade.map((call) => `  ${call}`);
  const later = outcome === undefined ? 'Made of what that answer brings:' : 'Not sent any more:';
  return [
    ...made,
    ...(rest.length > 0 ? [[later, ...rest]] : []),
    ...(outcome === undefined
      ? []
      : [[`${kind}: ${outcome}: ${meaning ?? ''}`, ...(lifetime === undefined ? [] : [`  ${lifetime}`])]]),
  ];
}

function callText(title: string, { request, response, answer, rule }: CallReport): string[] {
  return [
    title,
    ...requestText(request),
    ...(response === undefined ? [] : responseText(response)),
    ...(answer === undefined || answer.length === 0
      ? []
      : ['  what the flow looks for:', ...columns(answer.map(({ name, place, found }) => [name, place, found]))]),
    ...(rule === undefined ? [] : [`  rule: ${rule}`]),
  ];
}

function pathText({ route, request, response, meaning }: PathReport): string[] {
  return [
    `request on route ${route}:`,
    ...requestText(request),
    ...(response === undefined ? [] : responseText(response)),
    ...(meaning === undefined ? [] : [`  rule: ${meaning}`]),
  ];
}

function requestText({ method, url, headers, body }: RequestReport): string[] {
  return [
    `  ${method} ${url}`,
    ...Object.entries(headers).map(([name, value]) => `    ${name}: ${value}`),
    ...(body === undefined ? [] : body.split('\n').map((line) => `    ${line}`)),
  ];
}

function responseText({ status, contentType, retryAfter, places }: ResponseReport): string[] {
  const about = [contentType, ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`])];
  return [
    `  response: ${[status, ...about.filter((part) => part !== undefined)].join(', ')}`,
    ...columns(places.map(({ place, value }) => [place, value])),
  ];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.min(48, Math.max(...rows.map((row) => row[column]!.length))));
  return rows.map(
    (row) =>
      `    ${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}`,
  );
}
