import { Recipes } from '../../src/config/recipes.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';

/** By name of a preset or recipe: the hosts to which it sends token requests, for the chart's policies by name. */
export function flowHosts(): ReadonlyMap<string, readonly string[]> {
  const recipes = new Recipes();
  const flows: [string, Flow | undefined][] = [
    ...Object.entries(PRESETS),
    ...recipes.names.map((name): [string, Flow | undefined] => [name, recipes.get(name)]),
  ];
  return new Map(
    flows
      .flatMap(([name, flow]): [string, string[]][] => (flow === undefined ? [] : [[name, hostsOf(flow)]]))
      .filter(([, hosts]) => hosts.length > 0)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** Hosts that are written out; one that a credential gives stands in the configuration, where the chart finds it. */
function hostsOf(flow: Flow): string[] {
  const urls = JSON.stringify(flow).matchAll(/https:\/\/([a-z0-9.-]+)(?=[/"?#\\]|:\d)/gi);
  const listed = (flow.hosts ?? []).map((host) => host.replace(/:\d+$/, ''));
  return [...new Set([...[...urls].map(([, host]) => host!.toLowerCase()), ...listed])].sort();
}
