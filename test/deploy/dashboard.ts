import { readdirSync, readFileSync } from 'node:fs';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly links?: readonly { readonly url: string }[]; readonly noValue?: string };
  };
  readonly options?: { readonly legend?: { readonly displayMode: string; readonly calcs: readonly string[] } };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly url: string; readonly includeVars: boolean; readonly keepTime: boolean }[];
  readonly annotations: {
    readonly list: readonly {
      readonly name: string;
      readonly expr: string;
      readonly datasource: { readonly uid: string };
    }[];
  };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

export const FOLDER = 'deploy/grafana';

/** The dashboards that are shipped, by file name. */
export const DASHBOARDS: ReadonlyMap<string, Dashboard> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as Dashboard]),
);

export interface PanelQuery {
  /** Which panel of which dashboard. */
  readonly where: string;
  readonly expr: string;
}

/** Every query of every dashboard, with Grafana's variables filled in as Prometheus would get them. */
export function dashboardQueries(rateInterval = '5m'): readonly PanelQuery[] {
  return [...DASHBOARDS.values()].flatMap(({ title: of, panels, templating, annotations }) =>
    [
      ...panels.flatMap(({ title, targets }) =>
        (targets ?? []).map(({ expr, legendFormat }) => ({ where: `${of}, ${title}: ${legendFormat}`, expr })),
      ),
      ...templating.list.flatMap(({ name, definition }) => {
        const [, expr] = definition?.match(/^label_values\((.+), \w+\)$/) ?? [];
        return expr === undefined ? [] : [{ where: `${of}, variable ${name}`, expr }];
      }),
      ...annotations.list.map(({ name, expr }) => ({ where: `${of}, annotation ${name}`, expr })),
    ].map(({ where, expr }) => ({
      where,
      expr: expr
        .replaceAll('$__rate_interval', rateInterval)
        .replaceAll('$job', 'tokenward')
        .replaceAll(/\$(account|route|namespace|instance)\b/g, '.*'),
    })),
  );
}
