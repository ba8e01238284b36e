import type { Target } from '../target.ts';

/** How to load each target. One at a time, so that coverage counts its files from their first line. */
export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  responses: async () => (await import('./responses.ts')).responses,
  requests: async () => (await import('./requests.ts')).requests,
  gate: async () => (await import('./gate.ts')).gate,
  targets: async () => (await import('./targets.ts')).targets,
  flows: async () => (await import('./flows.ts')).flows,
  config: async () => (await import('./config.ts')).config,
};

/** What each covers, which must be known before it is loaded. */
export const COVERS: Readonly<Record<string, readonly string[]>> = {
  responses: ['/src/http/client/response-parser.ts', '/src/http/fields.ts'],
  requests: ['/src/http/server/', '/src/http/fields.ts', '/src/http/framing.ts'],
  gate: ['/src/proxy/', '/src/http/server/site-guard.ts'],
  targets: ['/src/http/server/raw-targets.ts', '/src/config/urls.ts', '/src/proxy/absolute-form.ts'],
  flows: ['/src/flows/', '/src/proxy/inspect.ts', '/src/proxy/json-sniffer.ts', '/src/http/coding.ts'],
  config: ['/src/config/', '/src/flows/', '/node_modules/yaml/'],
};
