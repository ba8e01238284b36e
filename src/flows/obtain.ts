import type { Outcome } from '../tokens/credential.ts';
import type { NamedValues } from '../tokens/token.ts';
import { grantOf, needsOf, readAnswer, type Found } from './grant.ts';
import { makeValues } from './make.ts';
import type { OauthMemory } from './oauth/memory.ts';
import type { OauthResult } from './oauth/run-oauth.ts';
import { runCalls, sharingOneDeadline, type RenewalRun } from './run.ts';
import { UnfillableError, type TemplateValues } from './template.ts';

/** One login or refresh of an account. */
export interface ObtainOptions extends Omit<RenewalRun, 'calls' | 'clientAuths'> {
  readonly memory: OauthMemory;
}

/** Carries out a login or refresh, by the flow's calls or as an OAuth 2.0 client. Never rejects. */
export async function obtain(kind: 'login' | 'refresh', options: ObtainOptions): Promise<Outcome> {
  const { flow, memory, now } = options;
  let made: NamedValues;
  try {
    made = flow.make === undefined ? {} : await makeValues(flow.make, options.values, now());
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    return { kind: 'impossible', reason: error.message };
  }
  options.observer?.made(made);
  const values = { ...options.values, ...made };
  if (flow.oauth === undefined) {
    const known = { ...options.known, ...made };
    const isRefresh = kind === 'refresh';
    return runCalls({ ...options, calls: flow[kind]!, isRefresh, values, known, clientAuths: memory.clientAuths });
  }
  // Loaded for flows that need it only.
  const { runOauth } = await import('./oauth/run-oauth.ts');
  const rules = { refused: flow.refused, busy: flow.busy };
  const { send: sendForMetadata } = options;
  const send = sharingOneDeadline(sendForMetadata);
  const result = await runOauth(kind, flow.oauth, values, { ...options, send, sendForMetadata, rules });
  return grantedBy(result, options, values, made);
}

/** The outcome with what else the response brings, and what the flow adds. */
export function grantedBy(
  { outcome, response, dpopKey }: OauthResult,
  { flow, known = {}, now }: Pick<ObtainOptions, 'flow' | 'known' | 'now'>,
  values: TemplateValues,
  made: NamedValues,
): Outcome {
  if (outcome.kind !== 'granted') return outcome;
  const { secret, refreshSecret, lifetime, refreshLifetime } = outcome.grant;
  const found: Found = {
    secret,
    refreshSecret,
    lifetimes: lifetime === undefined ? [] : [lifetime],
    refreshLifetime,
    values: { ...made, ...(dpopKey !== undefined && { dpopKey }) },
  };
  const answer = flow.oauth?.answer ?? {};
  const read = response === undefined ? found : readAnswer({ answer }, response, found, known, now(), needsOf(flow));
  // A token is not dropped for a value that is missing, if requests can do without it: it may be the only one.
  const rest = typeof read === 'string' ? readAnswer({ answer }, response!, found, known, now(), () => false) : read;
  const grant = grantOf(flow, typeof rest === 'string' ? found : rest, known, values);
  if (typeof grant === 'object') return { kind: 'granted', grant };
  return {
    kind: 'failed',
    reason: 'malformed',
    detail: typeof read === 'string' ? read : grant,
    reach: 'answered',
    maybeSpent: true,
    retryAfter: undefined,
    ...(refreshSecret !== undefined && { rotated: refreshSecret }),
  };
}
