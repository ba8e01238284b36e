import { jsonSchema } from '../config/schema.ts';
import { print } from './options.ts';

/** `tokenward schema`: the JSON Schema of the configuration. */
export function schema(): void {
  print(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
}
