// What a dashboard of ours may hold: Grafana's published types, where these leave nothing open, and each panel type's own
// options. A file assigns a dashboard's JSON to this type; a misspelt or superfluous member does not compile.
import type * as schema from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as gauge from '@grafana/schema/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the values of enums, not their names.
type Values<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Values<T[K]> } : T;

// Prometheus' queries are typed by its own plugin (packages/grafana-prometheus/src/types.ts), not here.
type Source = { type: 'prometheus'; uid: '$datasource' };
type Query = {
  refId: string;
  datasource: Source;
  expr: string;
  legendFormat: string;
  range: boolean;
  instant: boolean;
  format?: 'table' | 'time_series' | 'heatmap';
};

type Field<Custom> = Omit<schema.FieldConfig, 'custom'> & { custom?: Custom };
type Panel<Type extends string, Options, Custom = Record<string, never>> = Omit<
  schema.Panel,
  'type' | 'title' | 'description' | 'datasource' | 'options' | 'fieldConfig' | 'targets'
> & {
  type: Type;
  title: string;
  description: string;
  datasource: Source;
  options: Partial<Options>;
  fieldConfig: { defaults: Field<Custom>; overrides: [] };
  targets: Query[];
};

type AnyPanel =
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Panel<'stat', stat.Options>
  | Panel<'gauge', gauge.Options>
  | Panel<'bargauge', bargauge.Options>
  | Panel<'table', table.Options, table.FieldConfig>
  | schema.RowPanel;

// How an alert's time span is shown is the plugin's, too (packages/grafana-prometheus/src/annotations.ts).
type Annotation = Omit<schema.DataQuery, 'datasource'> & { expr: string; interval: string; legendFormat: string };
type Annotations = Omit<schema.AnnotationQuery, 'target'> & {
  target: Annotation;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
};

export type Dashboard = Values<
  Omit<schema.Dashboard, 'panels' | 'annotations'> & { panels: AnyPanel[]; annotations: { list: Annotations[] } }
>;
