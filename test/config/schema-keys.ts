import { jsonSchema } from '../../src/config/schema.ts';

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/**
 * Every key of the configuration's schema as a path: `routes[].timeouts.idle`, `accounts.*.flow`. Below a mapping with
 * names of the user's own, `*` stands for them.
 */
export function schemaKeys(): ReadonlySet<string> {
  const root = jsonSchema() as Schema;
  const keys = new Set<string>();
  const walk = (schema: Schema, path: string, references: readonly string[]): void => {
    if (schema.$ref !== undefined) {
      // A template may hold templates: what is in there is no key of ours.
      if (!references.includes(schema.$ref))
        walk(root.$defs![schema.$ref.replace('#/$defs/', '')]!, path, [...references, schema.$ref]);
      return;
    }
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      const at = path === '' ? name : `${path}.${name}`;
      keys.add(at);
      walk(inner, at, references);
    }
    for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) walk(option, path, references);
    if (schema.items !== undefined) walk(schema.items, `${path}[]`, references);
    if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, `${path}.*`, references);
  };
  walk(root, '', []);
  return keys;
}
