import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The labels of an alert that fires, its name among them. */
export type Labels = Readonly<Record<string, string>>;

export interface InhibitRule {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal: readonly string[];
}

export const ALERTMANAGER = 'deploy/prometheus/alertmanager.yaml';
export const INHIBIT_RULES = (parse(readFileSync(ALERTMANAGER, 'utf8')) as { inhibit_rules: InhibitRule[] })
  .inhibit_rules;

/** `alertname="X"` or `alertname=~"X|Y"`, as Alertmanager reads it. */
function matches(matcher: string, labels: Labels): boolean {
  const [, name, operator, value] = /^(\w+)(=~?)"(.*)"$/.exec(matcher)!;
  const found = labels[name!] ?? '';
  return operator === '=' ? found === value : new RegExp(`^(?:${value!})$`).test(found);
}

/** The alerts that people are told about: those that no other one silences. alertmanager.test.ts asks the real one. */
export function notSilenced(firing: readonly Labels[]): readonly Labels[] {
  const all = (matchers: readonly string[], labels: Labels): boolean =>
    matchers.every((matcher) => matches(matcher, labels));
  return firing.filter((target) => {
    return !INHIBIT_RULES.some(
      (rule) =>
        all(rule.target_matchers, target) &&
        firing.some(
          (source) =>
            source !== target &&
            all(rule.source_matchers, source) &&
            rule.equal.every((label) => (source[label] ?? '') === (target[label] ?? '')),
        ),
    );
  });
}
