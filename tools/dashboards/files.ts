import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { account } from './account.ts';
import { fleet } from './fleet.ts';
import { route } from './route.ts';

/** Every dashboard as the file that Grafana reads, by path. The chart links to these files. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const text = (built: dashboard.Dashboard): string => `${JSON.stringify(built, null, 2)}\n`;
  return new Map([
    ['deploy/grafana/tokenward.json', text(fleet())],
    ['deploy/grafana/tokenward-account.json', text(account())],
    ['deploy/grafana/tokenward-route.json', text(route())],
  ]);
}
