import type { Fault } from '../../support/fault-proxy.ts';

/** One fault of a link. Its connections are dropped when it begins, so that it meets fresh ones too. */
export interface LinkFault {
  readonly name: string;
  readonly fault: Fault;
  /** Half a request arrives, and the connection still carries an answer: a server may well say 400 to it. */
  readonly half?: boolean;
}

/** Into the head of a request or reply, and no further. Bytes. */
const MID_REQUEST = 60;
const MID_REPLY = 350;

export const LINK_FAULTS: readonly LinkFault[] = [
  {
    name: 'latency 100 ms, jitter 50',
    fault: { out: { latency: 100, jitter: 50 }, back: { latency: 100, jitter: 50 } },
  },
  { name: 'latency 1 s', fault: { out: { latency: 1_000 } } },
  { name: 'refused', fault: { connect: 'refuse' } },
  { name: 'reset at connect', fault: { connect: 'reset' } },
  { name: 'reset mid request', fault: { out: { after: MID_REQUEST, then: 'reset' } } },
  { name: 'reset after request', fault: { back: { after: 0, then: 'reset' } } },
  { name: 'reset mid reply', fault: { back: { after: MID_REPLY, then: 'reset' } } },
  { name: 'cut mid request', fault: { out: { after: MID_REQUEST, then: 'cut' } } },
  { name: 'cut mid reply', fault: { back: { after: MID_REPLY, then: 'cut' } } },
  { name: 'half-close of the request', fault: { out: { after: MID_REQUEST, then: 'half-close' } }, half: true },
  { name: 'half-close of the reply', fault: { back: { after: MID_REPLY, then: 'half-close' } } },
  { name: '1-byte slices', fault: { out: { slice: 1 }, back: { slice: 1 } } },
  { name: '64 KiB/s', fault: { out: { bandwidth: 65_536 }, back: { bandwidth: 65_536 } } },
  { name: 'black hole', fault: { blackHole: true } },
];
