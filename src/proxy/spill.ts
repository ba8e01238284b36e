import type { RequestBody, Upload } from '../http/message.ts';
import type { SealedFile } from './sealed-file.ts';

/** What became of bodies that were to be spilled. Values of a metric's label (docs/metrics.md). */
export const SPILL_OUTCOMES = ['kept', 'no_room', 'failed'] as const;
export type SpillOutcome = (typeof SPILL_OUTCOMES)[number];

/** Keeps the bodies of one route that are too large for the replay buffer. */
export interface Spill {
  /** `length`: undefined if it is not known. `open`: the body as it arrives; called once. */
  keep(length: number | undefined, open: () => Upload): RequestBody;
}

/** Where spilled bodies lie, with the limit on all of them together. */
export interface SpillSpace {
  tryReserve(bytes: number): boolean;
  release(bytes: number): void;
  /** Rejects with the system's error. */
  create(): Promise<SealedFile>;
  /** A file could not be written. */
  failed(error: unknown): void;
  /** A body was kept as a whole. */
  succeeded(): void;
}
