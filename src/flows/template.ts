import type { JsonTemplate } from './json-template.ts';

/** Values for placeholders, by name. */
export type TemplateValues = Readonly<Record<string, unknown>>;

const PLACEHOLDER = /\{([A-Za-z][A-Za-z0-9_]*)(\?|=([^{}]*))?\}/g;

/** A template cannot be filled with these values. The message names the placeholder and repeats no value. */
export class UnfillableError extends Error {}
/** A placeholder without a value. */
export class MissingValueError extends UnfillableError {}
/** A value that its place in the request cannot carry. */
export class UnfitValueError extends UnfillableError {}

/** One `{name}` of a template. `needed`: it has no default and is not optional. */
interface Placeholder {
  readonly name: string;
  readonly needed: boolean;
}

/** The placeholders of a text, in order. */
export function placeholdersIn(template: string): Placeholder[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, name, mode]) => ({ name: name!, needed: mode === undefined }));
}

/** Escapes a value for its place. `offset`: the place in the template. */
type Escape = (text: string, name: string, offset: number) => string;

const unchanged: Escape = (text) => text;

/**
 * Fills in a string. Throws a MissingValueError for a `{name}` without a value; `{name?}` becomes empty and `{name=x}`
 * becomes x. Values are inserted unchanged: a `$` in a token has no meaning here.
 */
export function fillString(template: string, values: TemplateValues, escape: Escape = unchanged): string {
  return template.replace(
    PLACEHOLDER,
    (_, name: string, mode: string | undefined, fallback: string | undefined, offset: number) => {
      const value = own(values, name);
      if (value !== undefined && value !== null && value !== '')
        return escape(typeof value === 'string' ? value : JSON.stringify(value), name, offset);
      if (mode === undefined) throw new MissingValueError(`no value for {${name}}`);
      return fallback ?? '';
    },
  );
}

/** Fills in a URL: values are percent-encoded, except one at the beginning, which is a URL itself. */
export function fillUrl(template: string, values: TemplateValues): string {
  return fillString(template, values, (text, name, offset) => {
    if (offset === 0) return text;
    // URLs are normalised: a "." or ".." as a whole segment would be removed.
    if (/^\.{1,2}$/.test(text)) throw new UnfitValueError(`the value of {${name}} cannot stand in a URL`);
    return encoded(text, name);
  });
}

/** Fills in the parameters of a query, without empty ones. */
export function fillQuery(template: Readonly<Record<string, string>>, values: TemplateValues): string {
  return Object.entries(template)
    .flatMap(([name, text]) => {
      const value = fillString(text, values);
      return value === ''
        ? []
        : [`${encodeURIComponent(name)}=${encoded(value, placeholdersIn(text)[0]?.name ?? name)}`];
    })
    .join('&');
}

function encoded(text: string, name: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half a surrogate pair cannot be encoded.
    throw new UnfitValueError(`the value of {${name}} is not well-formed text`);
  }
}

/**
 * Fills in a field value (RFC 9110 §5.5). Refuses characters that would end the field or be changed on the way: control
 * characters, characters beyond ASCII (which have no agreed encoding there), and blanks at a value's ends.
 */
export function fillHeader(template: string, values: TemplateValues): string {
  return fillString(template, values, (text, name) => {
    if (!fitsHeader(text))
      throw new UnfitValueError(`the value of {${name}} holds characters that a header cannot carry`);
    return text;
  });
}

/** False for a text with half a surrogate pair, which no encoding can carry. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Fills in an XML document: values are escaped. Characters that XML cannot hold are refused. */
export function fillXml(template: string, values: TemplateValues): string {
  return fillString(template, values, (text, name) => {
    if (!fitsXml(text)) throw new UnfitValueError(`the value of {${name}} holds characters that XML cannot carry`);
    return text.replaceAll(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`);
  });
}

/** False for a text with characters that XML cannot hold, not even escaped. */
export function fitsXml(text: string): boolean {
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text) && isWellFormed(text);
}

/** True if a header field can carry this text unchanged. */
export function fitsHeader(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text) && text.trim() === text;
}

/** True if a cookie can carry this text unchanged: RFC 6265 §4.1.1 cookie-octets, perhaps in quotes. */
export function fitsCookie(text: string): boolean {
  return /^("?)[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\1$/.test(text);
}

/**
 * Fills in a JSON value. A string that is one placeholder keeps its value's type; an optional one without a value
 * leaves its property out.
 */
export function fillValue(template: JsonTemplate, values: TemplateValues): unknown {
  if (typeof template === 'string') {
    const only = template.match(/^\{([A-Za-z][A-Za-z0-9_]*)(\?)?\}$/);
    if (only === null) return fillString(template, values);
    const value = own(values, only[1]!);
    const empty = value === undefined || value === null || value === '';
    if (value === undefined && only[2] === undefined) throw new MissingValueError(`no value for {${only[1]!}}`);
    // An empty environment variable, or a key without a value, counts as not given.
    return empty && only[2] !== undefined ? undefined : value;
  }
  if (Array.isArray(template)) return template.map((item) => fillValue(item, values));
  if (typeof template === 'object' && template !== null) {
    return Object.fromEntries(
      Object.entries(template)
        .map(([key, value]) => [key, fillValue(value, values)])
        .filter(([, value]) => value !== undefined),
    );
  }
  return template;
}

/** An own property; not one that every object has, such as `constructor`. */
export function own(values: TemplateValues, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** Fills in a form, without empty fields. */
export function fillForm(template: Readonly<Record<string, string>>, values: TemplateValues): string {
  const form = new URLSearchParams();
  for (const [name, text] of Object.entries(template)) {
    const value = fillString(text, values);
    if (value !== '') form.append(name, value);
  }
  return form.toString();
}
