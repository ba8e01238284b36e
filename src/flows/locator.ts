import { nearest } from '../nearest.ts';
import { pointed } from './pointer.ts';
import type { ResponseContent } from './content.ts';

/*
 * A locator says where a value stands in a response: `/a/b` (JSON pointer), `text`, `header:Name`, `cookie:NAME`,
 * `cookies`, `form:name`, `xml:/a/b`. One that leads to a lifetime may end in a unit: `/SessionTimeout minutes`.
 */

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  milliseconds: 0.001,
  seconds: 1,
  minutes: 60,
  hours: 3_600,
  days: 86_400,
};

/** As durations are written elsewhere in a configuration. */
const SHORT_UNITS: Readonly<Record<string, string>> = {
  ms: 'milliseconds',
  sec: 'seconds',
  mins: 'minutes',
  hrs: 'hours',
};

const UNIT = /^(.*\S) +(milliseconds|seconds|minutes|hours|days)$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Why the end of a locator of a lifetime is hardly a part of its place: a unit with a slip. */
export function unitProblem(text: string): string | undefined {
  const [, word] = /\S +(\S+)$/.exec(text) ?? [];
  if (word === undefined || UNIT.test(text)) return undefined;
  const units = Object.keys(UNIT_SECONDS);
  const meant = nearest(word, [...units, ...Object.keys(SHORT_UNITS)]);
  if (meant === undefined) return undefined;
  return `a unit is one of ${units.join(', ')}; did you mean "${SHORT_UNITS[meant] ?? meant}"?`;
}

interface Locator {
  readonly kind: string;
  /** A pointer, path or name; empty for `text` and `cookies`. */
  readonly at: string;
  /** Seconds in the unit of a number that stands there. */
  readonly unit: number;
}

/** Why a text is no locator; undefined: it is one. */
export function locatorProblem(text: string): string | undefined {
  const { kind, at } = parse(text);
  switch (kind) {
    case 'json':
      if (!/^(\/[^/]*)+$/.test(at)) return FORMS;
      return at === '/' ? 'leads to a field without a name; name the field, such as /token' : undefined;
    case 'xml':
      return /^(\/([^/@\s]+))+(\/@[^/@\s]+)?$/.test(at)
        ? undefined
        : 'an XML path is written like xml:/Envelope/Body/token, or xml:/login/@session for an attribute';
    case 'header':
    case 'cookie':
      return NAME.test(at) ? undefined : `needs a name, such as ${kind}:${kind === 'header' ? 'X-Token' : 'SESSION'}`;
    case 'form':
      return at === '' ? 'needs a name, such as form:access_token' : undefined;
    case 'text':
    case 'cookies':
      return undefined;
    default:
      return `${FORMS}${pointerMeant(text)}`;
  }
}

/** For a field's name, or a path as JSONPath and jq write it. The text itself may be a slip, and is not repeated. */
function pointerMeant(text: string): string {
  if (!/^\$?\.?[A-Za-z_][\w-]*(?:[./][\w-]+)*$/.test(text)) return '';
  return '; a field of JSON is written with a slash before each name';
}

const FORMS =
  'must be a JSON pointer such as /data/accessToken ("*" stands for every element of an array), or one of text, ' +
  'header:NAME, cookie:NAME, cookies, form:NAME, xml:/PATH';

/** Everything that stands at the place. Empty: nothing does. */
export function locate(text: string, content: ResponseContent): unknown[] {
  const { kind, at } = parse(text);
  switch (kind) {
    case 'json':
      return pointed(content.json, at);
    case 'xml':
      return content.xml(at);
    case 'header':
      return present(content.header(at));
    case 'cookie':
      return present(content.cookies.get(at));
    case 'cookies':
      return present(content.cookies.size === 0 ? undefined : cookieText(content.cookies));
    case 'form':
      return content.form.getAll(at);
    default:
      // A bare JSON string is meant without its quotes.
      return present(typeof content.json === 'string' ? content.json : content.text?.trim());
  }
}

/** Seconds in the unit that the locator names; 1: it names none. */
export function unitOf(text: string): number {
  return parse(text).unit;
}

/** Cookies as a Cookie field sends them. */
export function cookieText(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** Whether it looks into the body. */
export function readsContent(text: string): boolean {
  return !['header', 'cookie', 'cookies'].includes(parse(text).kind);
}

/** Whether it looks into a body that need not be JSON. */
export function readsText(text: string): boolean {
  return ['text', 'form', 'xml'].includes(parse(text).kind);
}

function parse(text: string): Locator {
  const [, place = text, unit = 'seconds'] = UNIT.exec(text) ?? [];
  const scale = UNIT_SECONDS[unit]!;
  if (place.startsWith('/')) return { kind: 'json', at: place, unit: scale };
  const colon = place.indexOf(':');
  if (colon === -1) return { kind: /^(text|cookies)$/.test(place) ? place : 'unknown', at: '', unit: scale };
  const [kind, at] = [place.slice(0, colon), place.slice(colon + 1)];
  if (!/^(header|cookie|form|xml)$/.test(kind)) return { kind: 'unknown', at, unit: scale };
  return { kind, at: kind === 'header' ? at.toLowerCase() : at, unit: scale };
}

function present(value: string | undefined): unknown[] {
  return value === undefined || value === '' ? [] : [value];
}
