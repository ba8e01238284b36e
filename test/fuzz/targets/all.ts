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
