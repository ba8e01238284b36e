import { CannotRun } from '../harness/options.ts';
import { tokenEndpoint } from './corpus/f-token-endpoint.ts';
import { request } from './corpus/requests.ts';
import { Caller } from './caller.ts';
import { echo, RawServer } from './raw-server.ts';
import { BASELINE_TOKEN, startBaseline, startTokenward, type Subject, type SubjectSetup } from './subjects.ts';
import { TokenEndpoint } from './token-endpoint.ts';
import { VolumeServer } from './volume-server.ts';

/** The good request that is sent before or beside an item. */
export const BEFORE = request('GET /api/before');

/** A proxy under test between servers of ours. */
export interface Stage {
  readonly subject: Subject;
  /** Behind `/api` and the inspected routes. */
  readonly api: RawServer;
  /** Behind the routes of class F, so that those items can run beside all others. */
  readonly tokens: RawServer;
  readonly idle: RawServer;
  readonly volume: VolumeServer;
  readonly endpoint: TokenEndpoint;
  /** The token that requests on `/api` must carry. */
  readonly token: () => string;
  /** The name this process gives itself in Via; empty if it has none. */
  readonly self: string;
  /** Bytes that BEFORE makes upstream. */
  readonly beforeBytes: number;
  stop(): Promise<void>;
}

export async function startStage(
  name: Subject['name'],
  { engine, tls }: Pick<SubjectSetup, 'engine' | 'tls'> = { engine: 'fast', tls: false },
): Promise<Stage> {
  const api = new RawServer(echo);
  const tokens = new RawServer(echo);
  const idle = new RawServer(echo);
  const volume = new VolumeServer();
  const endpoint = new TokenEndpoint(tokenEndpoint);
  const [apiPort, tokensPort, idlePort, volumePort, endpointPort] = await Promise.all([
    api.listen(),
    tokens.listen(),
    idle.listen(),
    volume.listen(),
    endpoint.server.listen(),
  ]);
  const setup = {
    engine,
    tls,
    upstreams: { api: apiPort, tokens: tokensPort, idle: idlePort, volume: volumePort },
    tokenEndpoint: endpointPort,
    tokenItems: tokenEndpoint.map(({ id }) => id),
  };
  const closeServers = async (): Promise<void> => {
    await Promise.all([api, tokens, idle, volume, endpoint.server].map((server) => server.close()));
  };
  let subject: Subject | undefined;
  try {
    subject = await (name === 'tokenward' ? startTokenward(setup) : startBaseline(setup));
    const { self, beforeBytes } = await meet(subject, api);
    const started = subject;
    return {
      subject,
      api,
      tokens,
      idle,
      volume,
      endpoint,
      self,
      beforeBytes,
      token: () => (name === 'tokenward' ? (endpoint.last('main') ?? '') : BASELINE_TOKEN),
      async stop() {
        await started.stop();
        await closeServers();
      },
    };
  } catch (error) {
    await subject?.stop();
    await closeServers();
    throw error;
  }
}

/** One good request, to see how the proxy writes it. */
async function meet(subject: Subject, api: RawServer): Promise<{ self: string; beforeBytes: number }> {
  const caller = await Caller.open(subject);
  // Once for the token, once for its form.
  for (let i = 0; i < 2; i += 1) {
    api.mark();
    await caller.say([BEFORE]);
    const observed = await caller.answer('GET', 5_000);
    if (observed.kind !== 'answer' || observed.answer.status !== 200)
      throw new CannotRun(`${subject.name} does not answer a good request: ${JSON.stringify(observed)}`);
  }
  caller.hangUp();
  const seen = api.arrivals[0]!.request;
  const via = seen.fields.find(([field]) => field.toLowerCase() === 'via')?.[1] ?? '';
  return { self: via.split(',').at(-1)!.trim().split(/\s+/)[1] ?? '', beforeBytes: api.bytes };
}
