import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RECIPE_FOLDER } from '../../src/config/recipes.ts';

/** What the comment at the head of a recipe says. */
export interface RecipeHead {
  readonly api: string;
  readonly login: string;
  /** The route's upstream, or an example of it. */
  readonly upstream: string;
  /** An example, where the account needs one. */
  readonly baseUrl: string | undefined;
  /** Keys that the route needs besides. */
  readonly route: Readonly<Record<string, string>>;
  readonly source: { readonly title: string; readonly url: string };
  readonly date: string;
  /** The whole comment, without its signs. */
  readonly text: string;
}

/** Throws an Error that says what is missing. */
export function headOf(recipe: string): RecipeHead {
  const lines = readFileSync(join(RECIPE_FOLDER, `${recipe}.yaml`), 'utf8').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const text = lines.slice(0, end).map((line) => line.replace(/^# ?/, ''));
  const optional = (name: string): string | undefined =>
    text.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const at = (name: string): string => {
    const value = optional(name);
    if (value === undefined) throw new Error(`flows/${recipe}.yaml: its head has no line "${name}: …"`);
    return value;
  };
  const title = at('Source');
  const routeKeys = optional('Route');
  const url = text[text.indexOf(`Source: ${title}`) + 1]!.trim();
  return {
    api: at('API'),
    login: at('Login'),
    upstream: at('Upstream'),
    baseUrl: optional('Base URL'),
    route: routeKeys === undefined ? {} : { [routeKeys.split(': ')[0]!]: routeKeys.split(': ')[1]! },
    source: { title, url },
    date: at('Date'),
    text: text.join('\n'),
  };
}
