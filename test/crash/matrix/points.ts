import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import type { Child } from '../../harness/child.ts';
import { mark } from '../join.ts';
import type { EndpointMode } from '../modes.ts';
import { hesitate, tokenCall } from '../token-call.ts';

/** A moment of a renewal at which the process is killed. */
export interface KillPoint {
  readonly name: string;
  readonly what: string;
  /** The refresh token or password may have left: what is stored says "maybe spent". */
  readonly maybeSpent: boolean;
  /** The new token is stored: a restart needs no call. */
  readonly stored: boolean;
  /** Gets ready; the function it gives back does (or awaits) the killing, once the renewal has been set off. */
  prepare(child: Child, sandbox: Sandbox, mode: EndpointMode): Promise<() => Promise<void>>;
}

/** How long the endpoint hesitates, so that a kill falls in between. ms. */
const HESITATION = 400;

/** The process kills itself as it passes. */
function checkpoint(name: string, what: string, flags: { maybeSpent?: boolean; stored?: boolean } = {}): KillPoint {
  return {
    name,
    what,
    maybeSpent: flags.maybeSpent ?? false,
    stored: flags.stored ?? false,
    async prepare(child) {
      await child.arm(name, 'SIGKILL');
      return async () => void (await child.ended);
    },
  };
}

export const POINTS: readonly KillPoint[] = [
  checkpoint('P0', 'before the lease'),
  checkpoint('P1', 'lease taken'),
  // What is stored now is the same as at P3, so that nobody can tell afterwards whether the call went out.
  checkpoint('P2', 'intent stored', { maybeSpent: true }),
  {
    name: 'P3',
    what: 'request sent, not acted on yet',
    maybeSpent: true,
    stored: false,
    async prepare(child, sandbox, mode) {
      hesitate(sandbox, mode, 'before', HESITATION);
      const since = mark(sandbox.ledger);
      return async () => {
        await tokenCall(sandbox, since, 'arrived');
        await child.end();
        hesitate(sandbox, mode, 'never');
      };
    },
  },
  {
    name: 'P4',
    what: 'acted on, not answered yet',
    maybeSpent: true,
    stored: false,
    async prepare(child, sandbox, mode) {
      hesitate(sandbox, mode, 'after', HESITATION);
      const since = mark(sandbox.ledger);
      return async () => {
        await tokenCall(sandbox, since, 'committed');
        await child.end();
        hesitate(sandbox, mode, 'never');
      };
    },
  },
  {
    name: 'P5',
    what: 'answer in the kernel, not read',
    maybeSpent: true,
    stored: false,
    async prepare(child, sandbox, mode) {
      hesitate(sandbox, mode, 'after', HESITATION);
      const since = mark(sandbox.ledger);
      return async () => {
        await tokenCall(sandbox, since, 'committed');
        child.kill('SIGSTOP');
        await tokenCall(sandbox, since, 'answered');
        await child.end();
        hesitate(sandbox, mode, 'never');
      };
    },
  },
  checkpoint('P6', 'answer read, not stored', { maybeSpent: true }),
  checkpoint('P7', 'stored, not published', { stored: true }),
  checkpoint('P8', 'published, lease held', { stored: true }),
  checkpoint('P9', 'lease released', { stored: true }),
];
