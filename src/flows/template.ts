import type { TemplateValue } from './flow.ts';

/** What may stand in for a placeholder. */
export type TemplateValues = Readonly<Record<string, unknown>>;

const PLACEHOLDER = /\{([A-Za-z][A-Za-z0-9_]*)(\?|=([^{}]*))?\}/g;

/** A placeholder without a value. The message names it, and nothing else. */
export class MissingValue extends Error {}

/**
 * Fills in a string. Throws MissingValue for a `{name}` without a value; `{name?}` becomes empty and `{name=x}` becomes x.
 * Values are put in as they are: a `$` in a token has no meaning here.
 */
export function fillString(template: string, values: TemplateValues): string {
  return template.replace(PLACEHOLDER, (_, name: string, mode: string | undefined, fallback: string | undefined) => {
    const value = own(values, name);
    if (value !== undefined && value !== null && value !== '') return typeof value === 'string' ? value : JSON.stringify(value);
    if (mode === undefined) throw new MissingValue(`no value for {${name}}`);
    return fallback ?? '';
  });
}

/** Fills in a JSON value. A string that is one placeholder keeps its value's type, or leaves its property out if it is optional and not given. */
export function fillValue(template: TemplateValue, values: TemplateValues): unknown {
  if (typeof template === 'string') {
    const only = template.match(/^\{([A-Za-z][A-Za-z0-9_]*)(\?)?\}$/);
    if (only === null) return fillString(template, values);
    const value = own(values, only[1]!);
    const empty = value === undefined || value === null || value === '';
    if (value === undefined && only[2] === undefined) throw new MissingValue(`no value for {${only[1]!}}`);
    // An environment variable that is set to nothing, or a key with nothing behind it, gives no value either.
    return empty && only[2] !== undefined ? undefined : value;
  }
  if (Array.isArray(template)) return template.map((item) => fillValue(item, values));
  if (typeof template === 'object' && template !== null) {
    return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, fillValue(value, values)]).filter(([, value]) => value !== undefined));
  }
  return template;
}

/** A value that was given; not one that every object has, such as `constructor`. */
function own(values: TemplateValues, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** Fills in a form, without the fields that come out empty. */
export function fillForm(template: Readonly<Record<string, string>>, values: TemplateValues): string {
  const form = new URLSearchParams();
  for (const [name, text] of Object.entries(template)) {
    const value = fillString(text, values);
    if (value !== '') form.append(name, value);
  }
  return form.toString();
}
