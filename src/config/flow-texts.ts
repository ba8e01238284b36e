import type { Flow, TemplateValue, TokenCall } from '../flows/flow.ts';
import type { Path } from './issues.ts';

/** A text of a call, and its path within the call. */
type Text = readonly [path: Path, text: string];

/** The calls of a flow, with their keys. */
export function callsOf(flow: Flow): ['login' | 'refresh', TokenCall][] {
  return (['login', 'refresh'] as const).flatMap((key): ['login' | 'refresh', TokenCall][] =>
    flow[key] === undefined ? [] : [[key, flow[key]]],
  );
}

/** The texts of a call that may contain placeholders. */
export function textsOf(call: TokenCall): Text[] {
  const named = (key: string, texts: Readonly<Record<string, string>> = {}): Text[] =>
    Object.entries(texts).map(([name, text]): Text => [[key, name], text]);
  const { id, secret, auth } = call.client ?? {};
  return [
    [['url'], call.url],
    ...named('query', call.query),
    ...named('headers', call.headers),
    ...(call.basic === undefined ? [] : [[['basic'], call.basic] as Text]),
    ...Object.entries({ id, secret, auth }).flatMap(([name, text]): Text[] =>
      text === undefined ? [] : [[['client', name], text]],
    ),
    ...(call.json === undefined ? [] : leavesOf(call.json, ['json'])),
    ...named('form', call.form),
  ];
}

function leavesOf(value: TemplateValue, path: Path): Text[] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
