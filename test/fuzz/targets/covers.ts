/** The files that each target covers: parts of their paths. They must be known before the target is loaded. */
export const COVERS: Readonly<Record<string, readonly string[]>> = {
  responses: ['/src/http/client/response-parser.ts', '/src/http/fields.ts'],
  requests: ['/src/http/server/', '/src/http/fields.ts', '/src/http/framing.ts'],
  gate: ['/src/proxy/', '/src/http/server/site-guard.ts'],
  targets: ['/src/http/server/raw-targets.ts', '/src/config/urls.ts', '/src/proxy/absolute-form.ts'],
  flows: ['/src/flows/', '/src/proxy/inspect.ts', '/src/proxy/json-sniffer.ts', '/src/http/coding.ts'],
  config: ['/src/config/', '/src/flows/', '/node_modules/yaml/'],
};
