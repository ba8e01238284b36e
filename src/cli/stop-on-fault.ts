import { describeFault, type Logger } from '../log.ts';

/**
 * No error should get here. If one does, the state is unknown: stop in an orderly way, and let the supervisor restart.
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
