import { readFileSync } from 'node:fs';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

export const DASHBOARD = JSON.parse(readFileSync('deploy/grafana/tokenward.json', 'utf8')) as Dashboard;

/** Every query of the dashboard, with Grafana's variables filled in as Prometheus would get them. */
export function dashboardQueries(): readonly { where: string; expr: string }[] {
  const panels = DASHBOARD.panels.flatMap(({ title, targets }) =>
    (targets ?? []).map(({ expr }) => ({ where: `panel "${title}"`, expr })),
  );
  const variables = DASHBOARD.templating.list.flatMap(({ name, definition }) => {
    const [, expr] = definition?.match(/^label_values\((.+), \w+\)$/) ?? [];
    return expr === undefined ? [] : [{ where: `variable ${name}`, expr }];
  });
  return [...panels, ...variables].map(({ where, expr }) => ({
    where,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(account|route)\b/g, '.*'),
  }));
}
