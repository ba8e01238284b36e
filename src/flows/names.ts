import type { Flow, TemplateValue, TokenCall } from './flow.ts';
import { textsOfMake } from './make-schema.ts';
import { textsOfOauth } from './oauth/schema.ts';
import { namesIn } from './schema/attach.ts';
import { textsOfLegacyLogin } from './schema/legacy-login.ts';
import { STAND_IN_NAME } from './stand-in.ts';
import { placeholdersIn } from './template.ts';

/** Where a text stands: keys and list indexes. */
export type TextPath = readonly (string | number)[];
/** A text that may contain placeholders, and its place. */
export type PlacedText = readonly [path: TextPath, text: string];

/** The texts of a call that may contain placeholders. */
export function textsOf(call: TokenCall): PlacedText[] {
  const named = (key: string, texts: Readonly<Record<string, string>> = {}): PlacedText[] =>
    Object.entries(texts).map(([name, text]): PlacedText => [[key, name], text]);
  const one = (key: string, text: string | undefined): PlacedText[] => (text === undefined ? [] : [[[key], text]]);
  const { id, secret, auth } = call.client ?? {};
  return [
    ...textsOfMake(call.make ?? {}).map(([path, text]): PlacedText => [['make', ...path.map(String)], text]),
    [['url'], call.url],
    ...named('query', call.query),
    ...named('headers', call.headers),
    ...one('basic', call.basic),
    ...Object.entries({ id, secret, auth }).flatMap(([name, text]): PlacedText[] =>
      text === undefined ? [] : [[['client', name], text]],
    ),
    ...(call.json === undefined ? [] : leavesOf(call.json, ['json'])),
    ...named('form', call.form),
    ...one('xml', call.xml),
  ];
}

function leavesOf(value: TemplateValue, path: TextPath): PlacedText[] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

const kept = new WeakMap<Flow, ReadonlySet<string>>();
const dispensable = new WeakMap<Flow, ReadonlySet<string>>();

/**
 * The names that are used once the login is over: by requests, by a refresh, by answers to an application's own login.
 * Only their values are stored.
 */
export function keptNames(flow: Flow): ReadonlySet<string> {
  let names = kept.get(flow);
  if (names === undefined) {
    const texts = [
      ...(flow.upstream === undefined ? [] : [flow.upstream]),
      ...(typeof flow.lifetime === 'string' ? [flow.lifetime] : []),
      ...(flow.oauth?.dpop === true ? ['{dpopKey}'] : []),
      ...(flow.oauth === undefined ? [] : textsOfOauth(flow.oauth).map(([, text]) => text)),
      ...(flow.refresh ?? []).flatMap((call) => textsOf(call).map(([, text]) => text)),
    ];
    const used = texts.flatMap((text) => placeholdersIn(text).map(({ name }) => name));
    kept.set(flow, (names = new Set([...flow.attach.flatMap(namesIn), ...used, ...namesToldToApplications(flow)])));
  }
  return names;
}

/** The names that only answers to an application's own login use: no renewal fails for want of their values. */
export function dispensableNames(flow: Flow): ReadonlySet<string> {
  let names = dispensable.get(flow);
  if (names === undefined) {
    const calls = [...(flow.login ?? []), ...(flow.refresh ?? [])];
    const inCalls = calls.flatMap((call) => textsOf(call)).flatMap(([, text]) => placeholdersIn(text));
    const others = new Set([...keptNames({ ...flow, legacyLogin: [] }), ...inCalls.map(({ name }) => name)]);
    dispensable.set(flow, (names = new Set(namesToldToApplications(flow).filter((name) => !others.has(name)))));
  }
  return names;
}

/** The names that answers to an application's own login use, without those that they compute themselves. */
export function namesToldToApplications({ legacyLogin }: Pick<Flow, 'legacyLogin'>): string[] {
  return legacyLogin.flatMap((entry) => {
    const { answer, make } = textsOfLegacyLogin(entry);
    const inAnswer = answer
      .flatMap(([, text]) => placeholdersIn(text))
      .filter(({ name }) => !Object.hasOwn(entry.make, name));
    return [...inAnswer, ...make.flatMap(([, text]) => placeholdersIn(text))].flatMap(({ name }) =>
      name === STAND_IN_NAME ? [] : [name],
    );
  });
}
