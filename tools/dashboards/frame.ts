import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { SOURCE, type Panel } from './panels.ts';
import { of } from './queries.ts';

/** A dashboard's uid is part of its address, so links and bookmarks hold it. */
export const UIDS = { fleet: 'tokenward', account: 'tokenward-account', route: 'tokenward-route' } as const;
type Name = keyof typeof UIDS;

/** What is chosen at the top goes along to the next dashboard, and so does the time. */
const ALONG = [
  ...['datasource', 'job', 'namespace', 'instance'].map((name) => `\${${name}:queryparam}`),
  '${__url_time_range}',
].join('&');

/** From a series to the dashboard of the account that it is about. */
export const TO_ACCOUNT = leadsTo('account');
/** From a series to the dashboard of the route that it is about. */
export const TO_ROUTE = leadsTo('route');

function leadsTo(name: 'account' | 'route'): Builder<dashboard.DashboardLink> {
  return new dashboard.DashboardLinkBuilder(`To the ${name} \${__field.labels.${name}}`)
    .type(dashboard.DashboardLinkType.Link)
    .url(`/d/${UIDS[name]}?var-${name}=\${__field.labels.${name}}&${ALONG}`);
}

type Variable = Builder<dashboard.VariableModel>;

function variable(name: string, label: string, metric: string, all?: string): Variable {
  const query = `label_values(${metric}, ${name})`;
  const builder = new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .definition(query)
    .query({ query, refId: 'StandardVariableQuery' })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
  return all === undefined ? builder : builder.allValue(all);
}

/**
 * What is chosen at the top of each. `job` has no pattern for all: it is the list of tokenward's own jobs, so that
 * metrics which every Node program has (`process_…`, `nodejs_…`) are only tokenward's. A label that does not exist,
 * such as `namespace` outside Kubernetes, matches `.*`.
 */
function variables(): Variable[] {
  const from = 'tokenward_build_info{job=~"$job"}';
  return [
    new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    variable('job', 'Job', 'tokenward_build_info'),
    variable('namespace', 'Namespace', from, '.*'),
    variable('instance', 'Instance', from, '.*'),
    variable('account', 'Account', 'tokenward_credential_dead{job=~"$job"}', '.*'),
    variable('route', 'Route', 'tokenward_requests_total{job=~"$job"}', '.*'),
  ];
}

function annotation(
  name: string,
  color: string,
  expression: string,
  title: string,
  tags = '',
): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(SOURCE)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .expr(expression)
    .step('60s')
    .titleFormat(title)
    .textFormat('')
    .tagKeys(tags);
}

/** What changes on its own, over every graph. */
function annotations(): dashboard.AnnotationQueryBuilder[] {
  const renewed = of('tokenward_token_generation', 'account=~"$account"');
  return [
    annotation(
      'Renewals',
      'blue',
      `max by (account) (changes(${renewed}[1m])) > 0`,
      '{{account}} has a new token',
      'account',
    ),
    annotation(
      'Restarts',
      'red',
      `changes(${of('process_start_time_seconds')}[1m]) > 0`,
      '{{instance}} was started',
      'instance',
    ),
    annotation(
      'Reloads',
      'green',
      `changes(${of('tokenward_config_last_reload_success_timestamp_seconds')}[1m]) > 0`,
      '{{instance}} applied a changed configuration',
      'instance',
    ),
    annotation(
      'Failed reloads',
      'orange',
      `${of('tokenward_config_last_reload_successful')} == 0`,
      '{{instance}} could not apply its changed configuration',
      'instance',
    ),
  ];
}

function linksTo(self: Name): dashboard.DashboardLinkBuilder[] {
  const titles = { fleet: 'Fleet', account: 'Account', route: 'Route' };
  return (Object.keys(UIDS) as Name[])
    .filter((name) => name !== self)
    .map((name) =>
      new dashboard.DashboardLinkBuilder(titles[name])
        .type(dashboard.DashboardLinkType.Link)
        .icon('dashboard')
        .tooltip(`The dashboard ${titles[name].toLowerCase()}`)
        .url(`/d/${UIDS[name]}`)
        .includeVars(true)
        .keepTime(true),
    );
}

/** One dashboard, with what all three have in common. Panels fill lines of 24 columns from the left. */
export function frame(
  name: Name,
  title: string,
  description: string,
  rows: readonly (readonly [dashboard.RowBuilder, readonly Panel[]])[],
): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(UIDS[name])
    .description(description)
    .tags(['tokenward'])
    .timezone('')
    .editable()
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .variables(variables())
    .annotations(annotations())
    .links(linksTo(name));
  for (const [head, panels] of rows) {
    builder.withRow(head);
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  built.panels?.forEach((panel, index) => (panel.id = index + 1));
  return built;
}
