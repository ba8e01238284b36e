import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { requireTool } from '../support/tools.ts';

const run = promisify(execFile);

export const CHART = 'helm/tokenward';
/** The chart's own values, every example file beside this one, and those that come with the chart. */
export const VALUE_FILES: readonly (string | undefined)[] = [
  undefined,
  ...['test/deploy/values', `${CHART}/ci`, `${CHART}/examples`].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => !file.endsWith('.manifests.yaml'))
      .sort()
      .map((file) => `${folder}/${file}`),
  ),
];

/** What the tests read of a manifest; everything else stays unknown. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

export interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly securityContext?: SecurityContext;
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: Readonly<Record<string, unknown>>;
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** `helm template` with a values file and `--set-json` settings. Rejects when helm refuses. */
export function render(
  context: Mocha.Context,
  values?: string,
  ...settings: readonly string[]
): Promise<{ text: string; manifests: readonly Manifest[] }> {
  return renderChart(requireTool(context, 'helm'), CHART, values, ...settings);
}

/** The same of a chart elsewhere. */
export async function renderChart(
  helm: string,
  chart: string,
  values?: string,
  ...settings: readonly string[]
): Promise<{ text: string; manifests: readonly Manifest[] }> {
  const { stdout } = await run(
    helm,
    [
      'template',
      'tokenward',
      chart,
      '--namespace',
      'egress',
      '--kube-version',
      '1.31.0',
      ...(values === undefined ? [] : ['--values', values]),
      ...settings.flatMap((setting) => ['--set-json', setting]),
    ],
    { maxBuffer: 16 * 1024 ** 2 },
  );
  const manifests = parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  return { text: stdout, manifests };
}

/** What helm said when it refused to render; the arguments it was given are not in it. Throws if it did render. */
export async function refusal(context: Mocha.Context, ...settings: readonly string[]): Promise<string> {
  const helm = requireTool(context, 'helm');
  const said = await run(helm, [
    'template',
    'tokenward',
    CHART,
    '--kube-version',
    '1.31.0',
    ...settings.flatMap((setting) => ['--set-json', setting]),
  ]).then(
    () => undefined,
    (error: unknown) => (error as { stderr: string }).stderr,
  );
  if (said === undefined) throw new Error(`helm rendered ${settings.join(' ')}`);
  return said;
}

/** The one manifest of a kind, and with more than one of a name. Throws when there is none. */
export function pick(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (found.length !== 1)
    throw new Error(`${found.length} manifests of kind ${kind}${name === undefined ? '' : ` named ${name}`}, not one`);
  return found[0]!;
}

export function podTemplate(manifests: readonly Manifest[]): {
  metadata: { annotations: Record<string, string>; labels: Record<string, string> };
  spec: PodSpec;
} {
  return pick(manifests, 'Deployment').spec!['template'] as ReturnType<typeof podTemplate>;
}

/** tokenward's configuration, as the pod would read it. */
export function renderedConfig(manifests: readonly Manifest[]): string {
  // Others hold dashboards.
  const text = manifests
    .map(({ kind, data }) => (kind === 'ConfigMap' ? data?.['proxy.config.yaml'] : undefined))
    .find(Boolean);
  if (text === undefined) throw new Error('the ConfigMap holds no proxy.config.yaml');
  return text;
}

export function nameOf(values: string | undefined): string {
  return values === undefined ? 'the default values' : values.slice(values.lastIndexOf('/') + 1);
}

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Recording {
  readonly record: string;
  readonly expr: string;
}

export const RULES = 'deploy/prometheus/alerts.yaml';

/** The file of rules, parsed. */
export function ruleGroups(): readonly { name: string; rules: readonly (Alert | Recording)[] }[] {
  const [document] = parseAllDocuments(readFileSync(RULES, 'utf8'));
  return (document!.toJS() as { groups: ReturnType<typeof ruleGroups> }).groups;
}

/** Every alert rule. */
export function alerts(): readonly Alert[] {
  return ruleGroups().flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule));
}

/** Every recording rule. */
export function recordings(): readonly Recording[] {
  return ruleGroups().flatMap(({ rules }) => rules.filter((rule) => 'record' in rule));
}
