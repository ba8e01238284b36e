import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import { CannotRun } from '../harness/options.ts';
import { findTool } from '../support/tools.ts';

export const NAMESPACE = 'egress';

/** An object of the cluster; what a part needs of it, it looks for itself. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

export function needTool(name: string, hint: string): string {
  const path = findTool(name);
  if (path === undefined) throw new CannotRun(`${name} is not installed (${hint})`);
  return path;
}

/** What `helm template` makes of a values file and `--set-json` settings. Throws with helm's words. */
export function rendered(values?: string, ...settings: readonly string[]): readonly KubeObject[] {
  const helm = needTool('helm', 'go install helm.sh/helm/v3/cmd/helm@v3.19.0');
  const text = execFileSync(
    helm,
    [
      ...['template', 'tokenward', 'helm/tokenward', '--namespace', NAMESPACE, '--kube-version', '1.31.0'],
      ...(values === undefined ? [] : ['--values', values]),
      ...settings.flatMap((setting) => ['--set-json', setting]),
    ],
    { encoding: 'utf8', maxBuffer: 16 * 1024 ** 2, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}
