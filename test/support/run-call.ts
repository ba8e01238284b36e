import type { ClientAuthMemory } from '../../src/flows/client-auth.ts';
import type { Flow, TokenCall } from '../../src/flows/flow.ts';
import { runCalls, type SendTokenCall } from '../../src/flows/run.ts';
import type { TemplateValues } from '../../src/flows/template.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

/** One login or refresh of a flow, at this base URL. */
export function runCall(
  calls: readonly TokenCall[],
  flow: Flow,
  baseUrl: string | undefined,
  values: TemplateValues,
  send: SendTokenCall,
  now: () => number,
  clientAuths?: ClientAuthMemory,
): Promise<Outcome> {
  return runCalls({ calls, flow: { ...flow, baseUrl }, values, send, now, ...(clientAuths && { clientAuths }) });
}
