import { HELP_OPTION, parseValues, partsOf } from '../harness/options.ts';

export const PARTS = ['rules', 'alertmanager', 'dashboards', 'runbooks', 'page', 'traces'] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  readonly help: boolean;
  readonly runs: (part: Part) => boolean;
}

export const HELP = `npm run verify:operators [-- --only PART,PART]

What people who operate tokenward rely on, with real tools: promtool, Prometheus, Alertmanager, a browser.

  rules         alert and recording rules: checked, unit-tested, and what fires in each situation
  alertmanager  which alert silences which, in a real Alertmanager
  dashboards    built from code, valid, and every panel has data in a real Prometheus
  runbooks      each one rehearsed, and the commands in the alerts' texts
  page          the operator page in a browser, and the port's other answers
  traces        OpenTelemetry, where its tests exist

Screenshots that the tests make are left in a folder that is named at the end.`;

/** The command line. Throws a UsageError. */
export function parseOptions(args: string[]): Options {
  const { help, only } = parseValues(args, { ...HELP_OPTION, only: { type: 'string' } });
  return { help, runs: partsOf(only, PARTS) };
}
