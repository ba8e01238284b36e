import { describeFault, type Logger } from '../log.ts';

/**
 * Nothing may get here. If something does, the state is unknown: stop in good order, and let the supervisor start anew.
 */
export function stopOnFault(log: Logger, stop: (why: string, code: number) => void): (error: unknown) => void {
  const fault = (error: unknown): void => {
    log.error('uncaught fault, stopping', { detail: describeFault(error) });
    stop('fault', 1);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  return fault;
}
