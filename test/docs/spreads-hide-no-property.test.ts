import assert from 'node:assert/strict';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';

/*
 * `{ ...(condition && { name }) }` is not checked for names that the target does not know: after a rename the value is
 * silently lost. That once left the fast engine unused.
 */

const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: unknown };
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, resolve('.'));

/** The object literals that a spread may spread. */
function literalsIn(expression: ts.Expression): ts.ObjectLiteralExpression[] {
  if (ts.isParenthesizedExpression(expression)) return literalsIn(expression.expression);
  if (ts.isObjectLiteralExpression(expression)) return [expression];
  if (ts.isConditionalExpression(expression))
    return [...literalsIn(expression.whenTrue), ...literalsIn(expression.whenFalse)];
  if (ts.isBinaryExpression(expression)) return [...literalsIn(expression.left), ...literalsIn(expression.right)];
  return [];
}

/** The names that the type knows; undefined: it takes any. */
function namesOf(type: ts.Type, checker: ts.TypeChecker): Set<string> | undefined {
  const types = type.isUnion() ? type.types : [type];
  const open = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive;
  if (types.some((one) => (one.flags & open) !== 0 || checker.getIndexInfosOfType(one).length > 0)) return undefined;
  const names = new Set(types.flatMap((one) => checker.getPropertiesOfType(one).map(({ name }) => name)));
  return names.size === 0 ? undefined : names;
}

/** Properties that a spread brings and its target does not know, as `file:line name`. */
function hidden(program: ts.Program, files: readonly string[]): string[] {
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of files) {
    const source = program.getSourceFile(file)!;
    const visit = (node: ts.Node): void => {
      if (ts.isSpreadAssignment(node)) {
        const target = checker.getContextualType(node.parent);
        const names = target && namesOf(target, checker);
        for (const { name } of literalsIn(node.expression).flatMap(({ properties }) => [...properties])) {
          if (names === undefined || name === undefined || !ts.isIdentifier(name) || names.has(name.text)) continue;
          const line = source.getLineAndCharacterOfPosition(name.getStart(source)).line + 1;
          found.push(`${relative('.', file)}:${line} ${name.text}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

describe('a property in a spread', function () {
  this.timeout(120_000);

  it('is one that its target knows, everywhere in src', () => {
    const files = fileNames.filter((file) => relative('.', file).startsWith('src/'));
    assert.ok(files.length > 200);
    assert.deepEqual(hidden(ts.createProgram(files, options), files), []);
  });

  it('is found if its target does not know it', () => {
    const file = resolve(join('src', 'probe.ts'));
    const text = `
      interface Limits { readonly size: number; readonly engine?: string }
      declare function listen(limits: Limits): void;
      declare const isFast: boolean;
      listen({ size: 1, ...(isFast && { engine: 'fast' }) });
      listen({ size: 1, ...(isFast && { motor: 'fast' }) });
      listen({ size: 1, ...(isFast ? { engine: 'fast' } : { motor: 'none' }) });`;
    const host = ts.createCompilerHost(options);
    const { getSourceFile } = host;
    host.getSourceFile = (name, ...rest) =>
      name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : getSourceFile(name, ...rest);
    const program = ts.createProgram([file], options, host);
    assert.deepEqual(hidden(program, [file]), ['src/probe.ts:6 motor', 'src/probe.ts:7 motor']);
  });
});
