/**
 * The architecture as rules: `npm run lint` checks them with dependency-cruiser, which sees type imports, circles and
 * packages. test/docs/architecture.test.ts proves each ban with a module that breaks it.
 */

/** What the modules of a folder may import: other folders, and files of the top level. Imports only point down. */
const MAY_IMPORT = {
  http: ['errors'],
  'http/client': ['http', 'errors'],
  'http/server': ['http', 'errors', 'parse-url'],
  tokens: ['errors', 'deadlines'],
  authority: ['tokens', 'errors', 'parse-url'],
  flows: ['tokens', 'deadlines', 'errors', 'loopback', 'nearest', 'parse-url', 'trim-end'],
  config: ['flows', 'http', 'deadlines', 'loopback', 'nearest', 'parse-url', 'trim-end'],
  proxy: [
    ...['http', 'http/client', 'http/server', 'tokens', 'flows', 'config'],
    ...['access-log', 'errors', 'log', 'loopback', 'metrics', 'parse-url', 'refused-calls', 'trim-end', 'route-stats'],
    ...['request-trace', 'upgrade-stats'],
  ],
  tracing: ['deadlines', 'request-trace', 'version'],
  forward: ['http/client', 'http/server', 'authority', 'proxy', 'errors', 'parse-url'],
  operator: [
    ...['http', 'http/server', 'tokens', 'config'],
    ...[
      'errors',
      'log',
      'loopback',
      'metrics',
      'nearest',
      'refused-calls',
      'route-histogram',
      'route-stats',
      'version',
    ],
  ],
  app: [
    ...['http', 'http/client', 'http/server', 'tokens', 'authority', 'flows', 'config', 'proxy', 'forward', 'operator'],
    'tracing',
    ...['access-line', 'access-log', 'deadlines', 'errors', 'log', 'loopback', 'metrics', 'parse-url', 'pretty-line'],
    ...['refused-calls', 'request-trace', 'trim-end', 'version'],
  ],
  workers: [
    ...['http/server', 'tokens', 'config', 'operator', 'app'],
    ...['access-log', 'deadlines', 'errors', 'log', 'metrics', 'pretty-line', 'refused-calls', 'version'],
  ],
  sandbox: ['http', 'http/server', 'errors', 'loopback', 'nearest'],
  demo: ['sandbox'],
  cli: [
    ...['http', 'http/server', 'tokens', 'authority', 'flows', 'config', 'proxy', 'operator', 'app', 'workers'],
    ...['sandbox', 'demo'],
    ...['access-log', 'errors', 'line-writer', 'log', 'loopback', 'metrics', 'nearest', 'parse-url', 'pretty-line'],
    ...['refused-calls', 'trim-end', 'version'],
  ],
};

/** Which modules may import a package. What is not listed may not be imported from src at all. */
const PACKAGES = {
  '@opentelemetry/api': '^src/tracing/',
  '@opentelemetry/exporter-trace-otlp-proto': '^src/tracing/tracing\\.ts$',
  '@opentelemetry/resources': '^src/tracing/tracing\\.ts$',
  '@opentelemetry/sdk-trace': '^src/tracing/',
  '@peculiar/x509': '^src/authority/sign\\.ts$',
  aws4: '^src/flows/sign/aws4\\.ts$',
  commander: '^src/cli/(command|completion|program)\\.ts$|^src/cli/commands/',
  express: '^src/(http/server/(express|server)|app/front|operator/[^/]+)\\.ts$',
  jose: '^src/(proxy/jwt|flows/make)\\.ts$',
  lmdb: '^src/tokens/stores/(embedded|lmdb-[a-z]+)\\.ts$',
  'lru-cache': '^src/(tokens|authority|proxy|app)/[^/]+\\.ts$',
  oauth4webapi: '^src/flows/oauth/',
  pino: '^src/log\\.ts$',
  'prom-client': '^src/(metrics|route-histogram|operator/view|workers/sum)\\.ts$',
  'proxy-from-env': '^src/app/egress-proxy\\.ts$',
  'reflect-metadata': '^src/authority/sign\\.ts$',
  redis: '^src/tokens/stores/redis[a-z-]*\\.ts$',
  yaml: '^src/config/(document|excerpt|parse-yaml|syntax-errors)\\.ts$',
  saxes: '^src/flows/xml\\.ts$',
  zod: '^src/(config|flows|sandbox)/',
};

const inFolder = (folder) => `^src/${folder}/${folder === 'http' ? '[^/]+$' : ''}`;
const target = (name) => (name in MAY_IMPORT ? inFolder(name) : `^src/${name}\\.ts$`);

const layers = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `${folder.replace('/', '-')}-imports-only-what-is-below`,
  comment: `src/${folder} may import: ${allowed.join(', ')}`,
  severity: 'error',
  from: { path: inFolder(folder) },
  to: { path: '^src/', pathNot: [inFolder(folder), ...allowed.map(target)] },
}));

const packages = Object.entries(PACKAGES).map(([name, owners]) => ({
  name: `package-${name}`,
  comment: `only ${owners} may import ${name}`,
  severity: 'error',
  from: { path: '^src/', pathNot: owners },
  to: { path: `^node_modules/(@types/)?${name}/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-circles-of-folders',
      comment:
        'src/http/server and its fast engine are one subject; so are flows, OAuth and the signatures of requests',
      severity: 'error',
      scope: 'folder',
      from: { path: '^src/', pathNot: '^src/(http/server|config|tokens|flows)(/|$)' },
      to: { circular: true },
    },
    ...layers,
    {
      name: 'top-level-is-a-leaf',
      comment: 'a file of the top level imports others of it at most; main.ts starts the command line',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'main-starts-the-command-line',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { pathNot: '^src/cli/(signals|program)\\.ts$' },
    },
    {
      name: 'proxy-knows-no-store',
      comment: 'the request path uses tokens, whichever store keeps them',
      severity: 'error',
      from: { path: '^src/(proxy|operator|workers|cli)/' },
      to: { path: '^src/tokens/stores/' },
    },
    ...packages,
    {
      name: 'package-unknown',
      comment: 'a package that src imports stands in PACKAGES, so that it has an owner',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: `^node_modules/(?!(@types/)?(${Object.keys(PACKAGES).join('|')}|node)/)` },
    },
    {
      name: 'package-not-declared',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'], pathNot: '^node_modules/@types/' },
    },
    {
      name: 'http-in-http-only',
      comment: 'tokens, flows and configuration know no HTTP and no sockets: what they need is handed to them',
      severity: 'error',
      from: { path: '^src/(tokens|flows|config)/' },
      to: { path: '^(node:)?(http|https|http2|net|tls)$', dependencyTypes: ['core'] },
    },
    {
      name: 'processes-are-made-by-workers',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(workers|demo|cli)/' },
      to: { path: '^(node:)?(cluster|child_process|worker_threads)$', dependencyTypes: ['core'] },
    },
    {
      name: 'no-dead-modules',
      comment: 'whatever no command reaches is dead',
      severity: 'error',
      from: { path: '^src/(main|demo/demo)\\.ts$' },
      // The page's own modules are loaded by a browser, beginning with its main.js.
      to: { path: '^src/', pathNot: '^src/(main\\.ts|demo/demo\\.ts|operator/page/[a-z]+\\.js)$', reachable: false },
    },
    {
      name: 'not-to-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|tools)/' },
    },
    { name: 'resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
