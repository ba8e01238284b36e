import { leaseOwner, ownerIsGone } from '../app/process-identity.ts';
import { runWorker } from '../workers/worker.ts';
import { explain } from './exit.ts';
import { handleSignals } from './signals.ts';
import { stopOnFault } from './stop-on-fault.ts';

/** One of several processes: the primary tells it what to do. */
export async function serveAsWorker(): Promise<void> {
  // From a terminal these come to every process; the primary's word counts. SIGTERM to a worker alone is an operator's
  // way to have it replaced.
  const { log, stop } = await runWorker({
    dependencies: { owner: leaseOwner(), ownerIsGone },
    explain,
    exit: (code) => process.exit(code),
  });
  handleSignals((signal) => signal === 'SIGTERM' && stop(signal, 0));
  stopOnFault(log, stop);
}
