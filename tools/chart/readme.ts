import { readFileSync } from 'node:fs';
import { isMap, isScalar, parseDocument, type Pair, type Node } from 'yaml';

/** One value of the chart. */
export interface ChartValue {
  readonly path: string;
  /** As YAML on one line. */
  readonly byDefault: string;
  /** The comment above it in values.yaml; empty: there is none. */
  readonly meaning: string;
}

/** Mappings that are one value: their keys are the user's, or Kubernetes'. */
const WHOLE = /^(podSecurityContext|securityContext|resources|tests\.resources|probes\.\w+|config\.\w+|.*[lL]abels)$/;

/** Every value of a values.yaml, in its order. */
export function valuesOf(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  return isMap(contents) ? contents.items.flatMap((item) => leaves(item as Pair<Node, Node | null>, '')) : [];
}

function leaves({ key, value }: Pair<Node, Node | null>, above: string): ChartValue[] {
  const path = `${above}${isScalar(key) ? String(key.value) : ''}`;
  if (isMap(value) && value.items.length > 0 && !WHOLE.test(path)) {
    const inner = value.items.flatMap((item) => leaves(item as Pair<Node, Node | null>, `${path}.`));
    // The comment above the first key of a mapping belongs to the mapping's first item for the parser.
    const first = value.commentBefore;
    return first && inner[0]?.meaning === ''
      ? [{ ...inner[0], meaning: lastParagraph(first) }, ...inner.slice(1)]
      : inner;
  }
  const json = value === null ? 'null' : JSON.stringify(value.toJSON());
  return [{ path, byDefault: json, meaning: lastParagraph(key.commentBefore ?? '') }];
}

/** What stands right above a key: a section's head and examples before it are left out. */
function lastParagraph(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^ /, ''));
  const from = lines.findLastIndex((line) => line.trim() === '' || line.startsWith('---')) + 1;
  return lines
    .slice(from)
    .filter((line) => !/^ {2,}/.test(line))
    .join(' ')
    .replace(/[:.]?\s*$/, '.')
    .replace(/^\.$/, '');
}

const HEAD = `# tokenward: Helm chart

Installs [tokenward](../../README.md), an outbound authenticating reverse proxy: it puts the right token on each request, renews a dead one
once, and sends the request again. [Kubernetes](../../docs/kubernetes.md) describes how it is used as an egress gateway, and what the values
are for; this page lists them. It is made from the comments in [values.yaml](values.yaml) by \`npm run chart\`.

\`\`\`sh
kubectl create namespace egress
kubectl -n egress create secret generic tokenward-credentials --from-env-file=tokenward.env
helm install tokenward helm/tokenward -n egress -f my-values.yaml
helm test tokenward -n egress
\`\`\`

Needs Kubernetes 1.27 and Helm 3.12 or newer. A Helm that was built with \`go install\` takes an old Kubernetes for granted when it renders without
a cluster: \`helm template tokenward helm/tokenward --kube-version 1.31.0\`.

## Ready-made values

| File | What for |
|---|---|
`;

/** The text of the chart's README. `examples`: path from the chart's folder, and its first comment. */
export function readme(values: readonly ChartValue[], examples: readonly (readonly [string, string])[]): string {
  const rows = values.map(({ path, byDefault, meaning }) => `| \`${path}\` | ${code(byDefault)} | ${cell(meaning)} |`);
  return [
    HEAD + examples.map(([path, what]) => `| [\`${path}\`](${path}) | ${cell(what)} |`).join('\n'),
    '',
    '## Values',
    '',
    '| Key | Default | Meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** The first comment of a file, in one line. */
export function firstComment(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('# '));
  return lines
    .slice(0, end)
    .map((line) => line.slice(2))
    .join(' ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function code(text: string): string {
  return text.length > 120 ? 'see values.yaml' : `\`${text.replaceAll('|', '\\|')}\``;
}
