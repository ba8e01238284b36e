import { TracingError } from '../app/open-tracing.ts';
import { AuthorityError } from '../authority/authority-error.ts';
import { ConfigError } from '../config/load.ts';
import { RestartNeededError } from '../config/reloadable.ts';
import { ListenError } from '../http/server/listen.ts';
import { TlsFileError } from '../http/tls.ts';
import { describeFault } from '../log.ts';
import { JwksFileError } from '../proxy/jwt.ts';
import { SpillError } from '../proxy/spill-error.ts';
import { AccountBusyError } from '../tokens/held-lease.ts';
import { StoreError } from '../tokens/store.ts';
import { WorkerStartError } from '../workers/worker-start-error.ts';
import { DemoError } from '../demo/stage.ts';
import { configReport } from './config-report.ts';
import { ConnectError } from './connect.ts';
import { FlowTryError } from './flow-try.ts';
import { ImportTargetError } from './import-account.ts';
import { ImportInputError } from './import-input.ts';
import { OperatorError } from './operator-client.ts';

/** Errors whose message alone is printed. */
const FAILURES = [
  ...[AccountBusyError, StoreError, ListenError, TlsFileError, JwksFileError, OperatorError],
  ...[ConnectError, FlowTryError, AuthorityError, SpillError, DemoError, TracingError],
];

/** The message and exit code for an error that ends the program. `command`: the one whose help says more. */
export function explain(error: unknown, command = ''): { message: string; exitCode: number } {
  if (error instanceof ImportTargetError || error instanceof ImportInputError) {
    const help = `tokenward ${command === '' ? '' : `${command} `}--help`;
    return { message: `${error.message}${/[.?]$/.test(error.message) ? '' : '.'} Try: ${help}`, exitCode: 2 };
  }
  if (error instanceof ConfigError) return { message: configReport(error), exitCode: 2 };
  if (error instanceof WorkerStartError) return error;
  if (isFailure(error)) return { message: error.message, exitCode: 1 };
  return { message: `unexpected fault (${describeFault(error)})`, exitCode: 1 };
}

function isFailure(error: unknown): error is Error {
  return FAILURES.some((kind) => error instanceof kind);
}

/** Why a configuration cannot be used, for people. Undefined: the error is a fault of the program. */
export function explainReload(error: unknown): string | undefined {
  const isKnown =
    [ConfigError, RestartNeededError, WorkerStartError].some((kind) => error instanceof kind) || isFailure(error);
  return isKnown ? (error as Error).message : undefined;
}
