import { leaseOwner, ownerIsGone } from '../app/process-identity.ts';
import { runWorker } from '../workers/worker.ts';
import { explain } from './exit.ts';
import { outputOf } from './output.ts';
import { handleSignals } from './signals.ts';
import { stopOnFault } from './stop-on-fault.ts';

/** Runs a worker process, which the primary controls. */
export async function serveAsWorker(): Promise<void> {
  // A terminal's SIGINT and SIGHUP reach every process; here the primary decides. SIGTERM to a worker alone makes the
  // primary replace it.
  const { log, stop } = await runWorker({
    dependencies: { owner: leaseOwner(), ownerIsGone },
    explain,
    output: outputOf,
    exit: (code) => process.exit(code),
  });
  handleSignals((signal) => signal === 'SIGTERM' && stop(signal, 0));
  stopOnFault(log, stop);
}
