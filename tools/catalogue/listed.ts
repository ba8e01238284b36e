import { pointed } from '../../src/flows/pointer.ts';
import { CatalogueError, isMapping, isText, mapping, type Entry, type Scheme, type Way } from './entry.ts';

/** Where a catalogue of another form has what is looked for. JSON pointers. */
export interface Mapping {
  /** The list of APIs, or a mapping of them by name. Empty: the document itself. */
  readonly list: string;
  /** In an entry: its name. Default: its key. */
  readonly name: string | undefined;
  /** In an entry: the word for its authentication. */
  readonly kind: string;
  /** That word, and what it means here: a kind, or a scheme with fields, or a list of schemes. */
  readonly kinds: Readonly<Record<string, unknown>>;
  /** Fields of schemes, and where an entry has them. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The entries of a catalogue in the form of docs/catalogue.md. */
export function listedEntries(document: unknown): Entry[] {
  const providers = isMapping(document) ? document['providers'] : document;
  if (!Array.isArray(providers)) throw new CatalogueError('has no list of providers');
  return providers.map((provider: unknown, index) => {
    const { name, auth, anyOf } = mapping(provider);
    const ways = Array.isArray(anyOf) ? anyOf.map(wayOf) : [wayOf(auth)];
    return entryOf(isText(name) ? name : `number ${index + 1}`, ways);
  });
}

/** The same for a catalogue of another form. */
export function mappedEntries(document: unknown, map: Mapping): Entry[] {
  const list = map.list === '' ? document : pointed(document, map.list)[0];
  const named: [string, unknown][] = Array.isArray(list)
    ? list.map((entry: unknown, index) => [`number ${index + 1}`, entry])
    : Object.entries(mapping(list));
  if (named.length === 0) throw new CatalogueError('has nothing where the mapping says that the list is');
  return named.map(([key, entry]) => {
    const name = map.name === undefined ? key : pointed(entry, map.name)[0];
    const word = pointed(entry, map.kind)[0];
    const fields = Object.fromEntries(
      Object.entries(map.fields).flatMap(([field, place]) => {
        const found = pointed(entry, place)[0];
        return found === undefined ? [] : [[field, found]];
      }),
    );
    const meant = typeof word === 'string' && Object.hasOwn(map.kinds, word) ? map.kinds[word] : word;
    const way = wayOf(meant)?.map((scheme) => ({ ...fields, ...scheme }));
    return entryOf(isText(name) ? name : key, [way]);
  });
}

function entryOf(name: string, ways: readonly (Way | undefined)[]): Entry {
  const said = ways.filter((way) => way !== undefined);
  return said.length > 0
    ? { name, needs: [said] }
    : { name, needs: [], unclear: 'does not say how requests are authenticated' };
}

/** A kind, a scheme, or a list of these; undefined: it is none. */
function wayOf(value: unknown): Way | undefined {
  const schemes = (Array.isArray(value) ? (value as unknown[]) : [value]).map(schemeOf);
  return schemes.every((scheme) => scheme !== undefined) && schemes.length > 0 ? schemes : undefined;
}

function schemeOf(value: unknown): Scheme | undefined {
  if (isText(value)) return { kind: value };
  if (!isMapping(value)) return undefined;
  const { kind } = value;
  return isText(kind) ? { ...value, kind } : undefined;
}

/** Reads what `--map` names. */
export function mappingOf(document: unknown): Mapping {
  const { list, name, kind, kinds, fields, ...others } = mapping(document);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new CatalogueError(`knows no ${unknown}; it takes list, name, kind, kinds, fields`);
  const places = Object.entries(mapping(fields));
  const pointers = [list, name, kind, ...places.map(([, place]) => place)].filter((one) => one !== undefined);
  if (!pointers.every((one) => one === '' || (typeof one === 'string' && one.startsWith('/'))))
    throw new CatalogueError('list, name, kind and what is below fields must be JSON pointers such as /auth_mode');
  if (!isText(kind)) throw new CatalogueError('needs kind: where an entry has the word for its authentication');
  return {
    list: isText(list) ? list : '',
    name: isText(name) ? name : undefined,
    kind,
    kinds: mapping(kinds),
    fields: Object.fromEntries(places.map(([field, place]) => [field, String(place)])),
  };
}
