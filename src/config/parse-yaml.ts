import { isScalar, parseDocument, visit, YAMLParseError, type Document, type LineCounter, type YAMLMap } from 'yaml';

/**
 * Parses YAML, without the library's own search for keys that occur twice: it compares each key of a mapping with all
 * before it, so that 20,000 accounts took a second.
 */
export function parseYaml(text: string, lineCounter?: LineCounter): Document.Parsed {
  const options = { prettyErrors: false, merge: false, logLevel: 'error', uniqueKeys: false } as const;
  const document = parseDocument(text, lineCounter === undefined ? options : { ...options, lineCounter });
  visit(document, { Map: (_, map) => void document.errors.push(...repeatedKeys(map)) });
  document.errors.sort((a, b) => a.pos[0] - b.pos[0]);
  return document;
}

function* repeatedKeys({ items }: YAMLMap): Generator<YAMLParseError> {
  const seen = new Set<string>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    // As text: `1` and `"1"` are one name in what is read, and the first would be lost.
    const name = String(key.value);
    if (seen.has(name)) {
      const at = key.range?.[0] ?? 0;
      yield new YAMLParseError([at, at + 1], 'DUPLICATE_KEY', 'Map keys must be unique');
    }
    seen.add(name);
  }
}
