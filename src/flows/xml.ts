import { createRequire } from 'node:module';
import type * as Saxes from 'saxes';

/** Deeper elements than any API nests. */
const MAX_DEPTH = 100;
/** Elements of one document: with more it is no response to a login. */
const MAX_ELEMENTS = 20_000;

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/**
 * Reads an XML document; returns a function that gives the texts at a path such as `/Envelope/Body/token` or
 * `/login/@session`. Names are compared without their prefix; `*` stands for any element. A document that is not
 * well-formed, has a DOCTYPE (entities can make it arbitrarily large) or is nested too deeply has no texts.
 */
export function readXml(text: string): (path: string) => string[] {
  const root = parse(text);
  return (path) => {
    let found: Element[] = root === undefined ? [] : [root];
    const steps = path.split('/').slice(1);
    for (const [index, step] of steps.entries()) {
      if (step.startsWith('@')) {
        const name = step.slice(1);
        return found.flatMap(({ attributes }) => (Object.hasOwn(attributes, name) ? [attributes[name]!] : []));
      }
      found = found.filter(({ name }) => step === '*' || name === step);
      if (index < steps.length - 1 && !steps[index + 1]!.startsWith('@')) found = found.flatMap((one) => one.children);
    }
    return found.map((one) => one.text.trim());
  };
}

/**
 * The places of a document that hold a text, each with the path that leads there and what it holds. None if it is not
 * well-formed.
 */
export function xmlPlaces(text: string): (readonly [path: string, text: string])[] {
  const root = parse(text);
  const places: (readonly [string, string])[] = [];
  const add = (one: Element, above: string): void => {
    const path = `${above}/${one.name}`;
    for (const [name, value] of Object.entries(one.attributes)) places.push([`${path}/@${name}`, value]);
    if (one.children.length === 0) places.push([path, one.text.trim()]);
    for (const child of one.children) add(child, path);
  };
  if (root !== undefined) add(root, '');
  return places;
}

function parse(text: string): Element | undefined {
  const parser = newParser();
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let elements = 0;
  const give = (): never => {
    throw new Error('not read');
  };
  parser.on('error', give);
  parser.on('doctype', give);
  parser.on('opentag', ({ name, attributes }: Saxes.SaxesTagPlain) => {
    elements += 1;
    if (open.length > MAX_DEPTH || elements > MAX_ELEMENTS) give();
    const own = Object.entries(attributes).map(([key, value]) => [localName(key), value] as const);
    const element = { name: localName(name), attributes: Object.fromEntries(own), children: [], text: '' };
    open.at(-1)!.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('text', (piece) => void (open.at(-1)!.text += piece));
  parser.on('cdata', (piece) => void (open.at(-1)!.text += piece));
  try {
    parser.write(text.replace(/^[\s\ufeff]+/, '')).close();
  } catch {
    return undefined;
  }
  return root.children[0];
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Loaded when the first document is read: most flows have none. */
function newParser(): Saxes.SaxesParser {
  const { SaxesParser: Parser } = createRequire(import.meta.url)('saxes') as typeof Saxes;
  return new Parser();
}
