import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, parse, parseDocument } from 'yaml';
import type { LoadedConfig } from '../../src/config/load.ts';
import { load, SMALLEST } from '../support/config.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { schemaKeys } from './schema-keys.ts';

const TEXT = readFileSync('proxy.config.yaml', 'utf8');
/** The file with every setting switched on; of settings given twice then, the later one counts. */
const ALL_ON = TEXT.replaceAll(/^(\s*)#(?=\S| {2,})/gm, '$1');
const VARIABLES = [...TEXT.matchAll(/^[^#\n]*$/gm)].flatMap(([line]) =>
  [...line.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name!),
);
/** Values for all variables, so that one of a store key is one. */
const ENVIRONMENT = Object.fromEntries(
  [...TEXT.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => [
    name!,
    /STORE_KEY$/.test(name!) ? Buffer.alloc(32, name).toString('base64') : `value-of-${name!}`,
  ]),
);

/** Keys with the same keys below them as another one, where the manual refers to that. */
const SAME = [
  [/^listen\[\]/, 'listen'],
  [/^routes\[\]\.tls(?=\.)/, 'accounts.*.tls'],
  [/\.deny\[\]\./, '.allow[].'],
  [/(?<=^(flows|accounts)\.\*\.attach)\[\]/, ''],
  [/(?<=^flows\.\*\.(login|refresh))\[\]/, ''],
  [/(?<=^(flows|accounts)\.\*\.budget)\[\]/, ''],
  [/^flows\.\*\.budget(?=\.)/, 'accounts.*.budget'],
  [/^flows\.\*\.(login|refresh)\.make(?=\.|$)/, 'flows.*.make'],
  [/^flows\.\*\.attach(?=\.)/, 'accounts.*.attach'],
  [/^flows\.\*\.refresh(?=\.|$)/, 'flows.*.login'],
  [/^flows\.\*\.refused(?=\[)/, 'flows.*.login.refused'],
  [/(?<=\.(login\.|\*\.)(refused|busy)\[\]\.)(status|header|unlessHeader|body|contains)(\.\*)?$/, 'status'],
] as const;
const folded = (path: string): string => SAME.reduce((at, [from, to]) => at.replace(from, to), path);

/** Every key of a YAML text, as in schemaKeys; below what the schema leaves open there are no keys. */
function keysOf(text: string, known: ReadonlySet<string>): Set<string> {
  const keys = new Set<string>();
  const open = (path: string): boolean =>
    ![...known].some((key) => key.startsWith(`${path}.`) || key.startsWith(`${path}[]`));
  const walk = (node: unknown, path: string): void => {
    if (path !== '' && open(path)) return;
    if (isSeq(node)) for (const item of node.items) walk(item, `${path}[]`);
    if (!isMap(node)) return;
    const names = [...known].some((key) => key.startsWith(`${path}.*`));
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const at = path === '' ? name : `${path}.${names ? '*' : name}`;
      if (!names) keys.add(at);
      walk(value, at);
    }
  };
  walk(parseDocument(text, { uniqueKeys: false }).contents, '');
  return keys;
}

function allOn(): LoadedConfig {
  // Files that no machine of a test has: accounts-from-files.test.ts has such.
  const value = without(
    parse(ALL_ON.replaceAll(/\$\{file:[^}]*\}/g, 'stand-in'), { uniqueKeys: false }) as object,
    'accountsFrom',
  );
  const [section] = /^listen:\n(?: .*\n|#.*\n)+/m.exec(ALL_ON)!;
  const { listen } = parse(section) as { listen: { tls: object } };
  const first = { ...listen, tls: without(listen.tls, 'clientCrlFile', 'certificates', 'authority') };
  // The later one, a list.
  const others = value['listen'] as object[];
  return load(JSON.stringify({ ...value, listen: [first, ...others.slice(1)] }), ENVIRONMENT);
}

function without(value: object, ...keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

describe('proxy.config.yaml', () => {
  const schema = schemaKeys();
  const manual = keysOf(ALL_ON, schema);

  it('explains every key of the schema', () => {
    const explained = new Set([...manual].map(folded));
    assert.deepEqual(
      [...schema].filter((key) => !explained.has(folded(key))),
      [],
    );
  });

  it('names no key that the schema does not know', () => {
    assert.deepEqual(
      // In an answer any other name is a value; that something uses it is a check of its own.
      [...manual].filter((key) => !schema.has(key) && !/\.answer\.(region|jar|site)$/.test(key)),
      [],
    );
  });

  it('is a configuration as it stands, given the variables it says', async function () {
    requireBuild(this);
    assert.deepEqual(VARIABLES.length, 7);
    const environment = Object.fromEntries(VARIABLES.map((name) => [name, 'stand-in']));
    const config = load(TEXT, environment);
    assert.deepEqual(Object.keys(config.accounts), ['softline', 'crm', 'twin']);
    const { code, stdout, stderr } = await run(['check', '-c', 'proxy.config.yaml'], { env: environment });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^proxy\.config\.yaml is fine\.\n {2}\/softline +-> {2}https:\/\/api\.ecommerce\.softline\.com {2}as softline \(softline\)\n/,
    );
  });

  it('is one too with every setting switched on', () => {
    const config = allOn();
    assert.deepEqual(config.flowOf.get('weather')!.attach, [{ cookie: 'session', value: '{token}' }]);
    assert.notEqual(config.callers, 'none');
  });

  it('shows the defaults, in its active settings and in the route that has all keys', () => {
    const shown = load(TEXT, ENVIRONMENT);
    const defaults = load(SMALLEST);
    const own = ['accounts', 'routes', 'flowOf', 'warnings', 'secretVariables'] as const;
    assert.deepEqual(without(shown, ...own), without(defaults, ...own));
    assert.deepEqual(shown.warnings, []);
    assert.deepEqual([Object.keys(shown.accounts).length, shown.routes.length], [3, 8]);
    // The route with all keys is the last one. Some of them have no default.
    assert.deepEqual(
      without(
        allOn().routes.at(-1)!,
        'name',
        'prefix',
        'upstream',
        'account',
        'maxBody',
        'maxInspectedBody',
        'spill',
        'policy',
        'headers',
        'tls',
      ),
      without(defaults.routes[0]!, 'name', 'prefix', 'upstream', 'account'),
    );
  });

  it("shows presets' own values where it says so", () => {
    const config = allOn();
    const [preset, shown] = [config.flowOf.get('softline')!, config.flowOf.get('softline-test')!];
    assert.deepEqual(
      [shown.attach, shown.lifetime, shown.renew, shown.rotationGrace],
      [preset.attach, preset.lifetime, preset.renew, preset.rotationGrace],
    );
  });

  it("talks to the vendors' production hosts, and to nobody without TLS", () => {
    const hosts = load(TEXT, ENVIRONMENT).routes.map(({ upstream }) => upstream);
    for (const host of [
      'https://api.ecommerce.softline.com',
      'https://api.chatapp.online',
      'https://cis.twin24.ai',
      'https://notify.twin24.ai',
      'https://iam.twin24.ai',
    ])
      assert.ok(hosts.includes(host), host);
    assert.deepEqual(
      hosts.filter((host) => !host.startsWith('https://')),
      [],
    );
  });
});
