import { explainRequest, type ExplainedRequest, type Explanation } from '../app/explain-request.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { nearest } from '../nearest.ts';
import { parseUrl } from '../parse-url.ts';
import { coloured } from './colour.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward explain`. */
interface Options extends ConfigOptions {
  readonly caller?: string;
  readonly header?: readonly string[];
  readonly json?: boolean;
}

/** `tokenward explain`: what would become of a request. Nothing is sent. Ends with 1 if it would be refused. */
export function explain(options: Options, words: readonly string[]): void {
  const request = requestOf(words, options);
  const config = loadConfig(configFile(options), process.env);
  checkCaller(config, options.caller);
  const explanation = explainRequest(config, request);
  print(options.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : describe(request, explanation));
  if (explanation.outcome === 'refused') process.exitCode = 1;
}

/** Throws a UsageError. */
function requestOf(words: readonly string[], { caller, header = [] }: Options): ExplainedRequest {
  const [first, second] = words;
  if (words.length > 2) throw new UsageError('too many words after explain: a method and a URL, or a URL');
  const method = second === undefined ? 'GET' : first!.toUpperCase();
  if (!/^[A-Z]{3,10}$/.test(method)) throw new UsageError('the first of two words must be a method, such as POST');
  const place = second ?? first!;
  const fields = header.flatMap((field) => {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(field) ?? [];
    if (name === undefined) throw new UsageError('--header must be "Name: value"');
    return [name, value!.trim()];
  });
  if (place.startsWith('/')) return { method, target: place, host: undefined, port: 0, fields, caller };
  const url = /^https?:\/\//i.test(place) ? parseUrl(place) : undefined;
  if (url === undefined)
    throw new UsageError('explain needs a URL such as https://api.example.com/v1, or a path such as /crm/v1');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  // As it is written: the URL parser would resolve dot segments, which a server gets.
  const target = /^https?:\/\/[^/?#]*([^#]*)/i.exec(place)![1]!;
  return {
    method,
    target: target.startsWith('/') ? target : `/${target}`,
    host: url.hostname,
    port,
    fields,
    caller,
  };
}

/** Throws a UsageError for a caller that is not configured. */
function checkCaller({ callers }: LoadedConfig, wanted: string | undefined): void {
  if (wanted === undefined) return;
  if (callers === 'none') throw new UsageError('the configuration has no callers, so leave out --caller');
  const names = callers.map(({ name }) => name);
  if (names.includes(wanted)) return;
  const meant = nearest(wanted, names);
  throw new UsageError(
    'there is no caller of this name in the configuration' +
      (meant === undefined ? `; the callers are ${names.join(', ')}` : `; did you mean "${meant}"?`),
  );
}

function describe({ method, host, target }: ExplainedRequest, explanation: Explanation): string {
  const { outcome, code, reason, route, reached, caller, account, flow, policy, legacyLogin, upstream } = explanation;
  const style = outcome === 'refused' ? 'red' : 'green';
  const because = reason === undefined ? '' : `: ${reason}${code === undefined ? '' : ` (${code})`}`;
  const rows: (readonly [string, string | undefined])[] = [
    ['request', `${method} ${host === undefined ? '' : host}${target}`],
    ['outcome', `${coloured(process.stdout, style, outcome)}${because}`],
    ['reached', reached],
    ['route', route],
    ['caller', caller],
    ['policy', policy],
    ['legacyLogin', legacyLogin],
    ['account', account === undefined ? undefined : `${account}${flow === undefined ? '' : ` (${flow})`}`],
    ['upstream', upstream],
    ...(explanation.added ?? []).map((line, index) => [index === 0 ? 'added' : '', line] as const),
    ['removed', explanation.removed?.join(', ') || undefined],
  ];
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(11)}  ${value!}\n`)
    .join('');
}
