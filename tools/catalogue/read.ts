import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { CatalogueError, type Entry } from './entry.ts';
import { listedEntries, mappedEntries, mappingOf } from './listed.ts';
import { isOpenapi, openapiEntry } from './openapi.ts';

/** The entries of a file or folder. `unread`: files of the folder that are no OpenAPI documents. */
export interface Catalogue {
  readonly entries: readonly Entry[];
  readonly unread: number;
}

/** Reads a catalogue. Throws a CatalogueError that names the file. */
export function readCatalogue(path: string, map: string | undefined): Catalogue {
  const mapping = map === undefined ? undefined : naming(map, () => mappingOf(parsed(map)));
  if (!isFolder(path)) {
    const document = parsed(path);
    return naming(path, () => {
      if (mapping !== undefined) return { entries: mappedEntries(document, mapping), unread: 0 };
      const entries = isOpenapi(document) ? [openapiEntry(document, path)] : listedEntries(document);
      return { entries, unread: 0 };
    });
  }
  if (mapping !== undefined) throw new CatalogueError(`${path}: a mapping goes with a file`);
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(json|ya?ml)$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const entries = files.flatMap((file): Entry[] => {
    const document = parsedOrNot(file);
    return isOpenapi(document) ? [openapiEntry(document, relative(path, file))] : [];
  });
  if (entries.length === 0) throw new CatalogueError(`${path}: has no OpenAPI document`);
  return { entries, unread: files.length - entries.length };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    throw new CatalogueError(`${path}: there is no such file or folder`);
  }
}

function parsed(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    // Large documents are mostly JSON, which has a parser of its own.
    return /^\s*[[{]/.test(text) && file.endsWith('.json')
      ? (JSON.parse(text) as unknown)
      : (parse(text, { logLevel: 'error', maxAliasCount: 10_000, uniqueKeys: false }) as unknown);
  } catch (error) {
    throw new CatalogueError(
      `${file}: ${error instanceof Error ? error.message.split('\n', 1)[0]! : 'cannot be read'}`,
    );
  }
}

function parsedOrNot(file: string): unknown {
  try {
    return parsed(file);
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    return undefined;
  }
}

function naming<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof CatalogueError ? new CatalogueError(`${file}: ${error.message}`) : error;
  }
}
