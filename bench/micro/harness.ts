/** What one piece costs: nanoseconds per call, median and quartiles of batches. */
export interface Timing {
  readonly name: string;
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly batches: number;
}

/** Long beside the clock's resolution, short beside what other programs do to a machine: a disturbed batch stays one of many. ms */
const BATCH = 4;
const BATCHES = 101;
const WARM_UP = 300;

/** Results go here, so that the compiler cannot leave the work out. */
let sink: unknown;

/** Times a piece that answers at once. */
export function time(name: string, piece: () => unknown): Timing {
  const batch = (calls: number): number => {
    const start = performance.now();
    for (let i = 0; i < calls; i += 1) sink = piece();
    return performance.now() - start;
  };
  let calls = 1;
  for (const until = performance.now() + WARM_UP; performance.now() < until;) if (batch(calls) < BATCH) calls = Math.ceil(calls * 1.5);
  return timing(name, Array.from({ length: BATCHES }, () => batch(calls) / calls));
}

/** The same for a piece that may answer later. */
export async function timeLater(name: string, piece: () => Promise<unknown>): Promise<Timing> {
  const batch = async (calls: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i += 1) sink = await piece();
    return performance.now() - start;
  };
  let calls = 1;
  for (const until = performance.now() + WARM_UP; performance.now() < until;) if (await batch(calls) < BATCH) calls = Math.ceil(calls * 1.5);
  const values: number[] = [];
  for (let i = 0; i < BATCHES; i += 1) values.push((await batch(calls)) / calls);
  return timing(name, values);
}

function timing(name: string, msPerCall: readonly number[]): Timing {
  const sorted = msPerCall.map((value) => value * 1e6).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)]!;
  return { name, low: at(0.25), median: at(0.5), high: at(0.75), batches: sorted.length };
}

/** Whatever was computed last; read once at the end. */
export function sunk(): boolean {
  return sink !== undefined;
}
