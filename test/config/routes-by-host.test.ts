import assert from 'node:assert/strict';
import { load, said } from '../support/config.ts';

const CONFIG = (routes: string, more = ''): string =>
  `accounts: { crm: { flow: static, credentials: { token: secret } } }\nroutes:\n${routes}\n${more}`;
const UPSTREAM = 'upstream: "https://api.example"';

describe('the host of a route', () => {
  it('may stand alone or with a prefix; the route is named by both, in lower case', () => {
    const { routes } = load(
      CONFIG(
        `  - { host: API.Example, ${UPSTREAM} }\n  - { host: api.example, prefix: /v1, ${UPSTREAM} }\n  - { prefix: /v1, ${UPSTREAM} }`,
      ),
    );
    assert.deepEqual(
      routes.map(({ name, host, prefix }) => [name, host, prefix]),
      [
        ['api.example', 'api.example', '/'],
        ['api.example/v1', 'api.example', '/v1'],
        ['/v1', undefined, '/v1'],
      ],
    );
  });

  it('or a prefix must be there', () => {
    assert.deepEqual(said(CONFIG(`  - { ${UPSTREAM} }`)), [
      'routes.0.prefix: is missing: a route needs a prefix or a host',
    ]);
  });

  it('is a name without scheme, port, path or wildcard', () => {
    for (const host of ['https://api.example', 'api.example:443', 'api.example/v1', '*.example', '', 'a..b'])
      assert.deepEqual(said(CONFIG(`  - { host: "${host}", ${UPSTREAM} }`)), [
        'routes.0.host: must be a host name without a port',
      ]);
  });

  it('has each prefix once', () => {
    assert.deepEqual(
      said(
        CONFIG(
          `  - { host: api.example, ${UPSTREAM} }\n  - { host: API.example, prefix: /, ${UPSTREAM} }\n  - { prefix: /, ${UPSTREAM} }`,
        ),
      ),
      ['routes.1.prefix: is used twice for this host (also by routes[0])'],
    );
  });

  it('is how callers name its route', () => {
    const callers = (route: string): string =>
      `callers: [{ name: app, key: "sha256:${'ab'.repeat(32)}", routes: [${route}] }]`;
    const routes = `  - { host: api.example, prefix: /v1, ${UPSTREAM} }`;
    load(CONFIG(routes, callers('api.example/v1')));
    assert.deepEqual(said(CONFIG(routes, callers('/v1'))), ['callers.0.routes.0: no route has this name']);
    assert.deepEqual(said(CONFIG(routes, callers('api.exampel/v1'))), [
      'callers.0.routes.0: no route has this name; did you mean "api.example/v1"?',
    ]);
  });
});
