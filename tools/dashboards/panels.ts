import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

export type Panel = Builder<dashboard.Panel>;

/** The data source that is chosen at the top. */
export const SOURCE: common.DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** Color from a value on. The first value is null: from the smallest on. */
export type Steps = readonly (readonly [value: number | null, color: string])[];

interface Common {
  readonly title: string;
  /** What the panel shows, and what a bad value means. */
  readonly description: string;
  /** Expression by legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** Grafana's name of the unit. */
  readonly unit?: string;
  /** Columns of 24, and lines. */
  readonly width: number;
  readonly height: number;
  readonly decimals?: number;
  readonly steps?: Steps;
  /** Shown where a query has no series. */
  readonly noValue?: string;
  /** Where a click on a series leads. */
  readonly links?: readonly Builder<dashboard.DashboardLink>[];
}

/** What the builders of all kinds of panel have. */
interface AnyBuilder {
  title(title: string): this;
  description(description: string): this;
  datasource(source: common.DataSourceRef): this;
  span(width: number): this;
  height(height: number): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  noValue(noValue: string): this;
  thresholds(thresholds: Builder<dashboard.ThresholdsConfig>): this;
  dataLinks(links: Builder<dashboard.DashboardLink>[]): this;
  withTarget(target: DataqueryBuilder): this;
}

function begin<B extends AnyBuilder>(builder: B, panel: Common, complete: (query: DataqueryBuilder) => unknown): B {
  const { title, description, queries, unit, width, height, decimals, steps, noValue, links } = panel;
  builder.title(title).description(description).datasource(SOURCE).span(width).height(height);
  if (unit !== undefined) builder.unit(unit);
  if (decimals !== undefined) builder.decimals(decimals);
  if (noValue !== undefined) builder.noValue(noValue);
  if (links !== undefined) builder.dataLinks([...links]);
  if (steps !== undefined)
    builder.thresholds(
      new dashboard.ThresholdsConfigBuilder()
        .mode(dashboard.ThresholdsMode.Absolute)
        .steps(steps.map(([value, color]) => ({ value, color }))),
    );
  Object.entries(queries).forEach(([legend, expr], index) => {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .datasource(SOURCE)
      .expr(expr)
      .legendFormat(legend);
    complete(query);
    builder.withTarget(query);
  });
  return builder;
}

export interface GraphOptions extends Common {
  /** Events are bars that stand on each other, everything else is lines. */
  readonly bars?: boolean;
  readonly max?: number;
  /** Color of the series whose legend matches. */
  readonly colors?: Readonly<Record<string, string>>;
}

/** A graph over time; its legend is a table with the last, the largest and the mean value. */
export function graph(panel: GraphOptions): Panel {
  const { bars = false, max, colors = {}, steps, noValue = '0', ...rest } = panel;
  const builder = begin(
    new timeseries.PanelBuilder(),
    { ...rest, noValue, ...(steps !== undefined && { steps }) },
    (query) => query.range(),
  )
    .min(0)
    .lineWidth(1)
    .fillOpacity(bars ? 80 : 10)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(bars ? ['sum', 'max'] : ['lastNotNull', 'max', 'mean'])
        .sortBy(bars ? 'Total' : 'Last *')
        .sortDesc(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (max !== undefined) builder.max(max);
  if (bars) builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  if (steps !== undefined)
    builder.thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
    );
  for (const [legend, color] of Object.entries(colors))
    builder.overrideByRegexp(legend, [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]);
  return builder;
}

/** A value's text, and its color. */
export type Words = Readonly<Record<string, readonly [text: string, color?: string]>>;

function mapping(words: Words): dashboard.ValueMapping {
  return {
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(words).map(([value, [text, color]], index) => [
        value,
        { text, index, ...(color !== undefined && { color }) },
      ]),
    ),
  };
}

const LAST = (): Builder<common.ReduceDataOptions> =>
  new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false);

/** The current value of each series, as a colored field. */
export function field(panel: Common & { readonly words?: Words }): Panel {
  const builder = begin(new stat.PanelBuilder(), panel, (query) => query.instant())
    .colorMode(common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.None)
    .justifyMode(common.BigValueJustifyMode.Center)
    .textMode(common.BigValueTextMode.ValueAndName)
    .reduceOptions(LAST());
  return panel.words === undefined ? builder : builder.mappings([mapping(panel.words)]);
}

/** The current share of each series, from 0 to 1, as a bar. */
export function bars(panel: Common): Panel {
  return begin(new bargauge.PanelBuilder(), { unit: 'percentunit', ...panel }, (query) => query.instant())
    .min(0)
    .max(1)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .orientation(common.VizOrientation.Horizontal)
    .showUnfilled(true)
    .reduceOptions(LAST());
}

/** The labels of a metric that is always 1. `columns`: title by label. */
export function labels(panel: Common & { readonly columns: Readonly<Record<string, string>> }): Panel {
  return begin(new table.PanelBuilder(), panel, (query) => query.instant().format(PromQueryFormat.Table))
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true, Value: true }, renameByName: panel.columns },
    });
}

export function row(title: string): dashboard.RowBuilder {
  return new dashboard.RowBuilder(title);
}
