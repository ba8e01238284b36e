import { STORE_WRITE_MS } from '../../deadlines.ts';
import { StoreError } from '../store.ts';

/** The promise, or a StoreError after `STORE_WRITE_MS`. */
export async function withinWriteDeadline<T>(write: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new StoreError(
            `The store cannot be written: a write has not ended within ${STORE_WRITE_MS / 1000} s. Another ` +
              'process may hold its lock.',
          ),
        ),
      STORE_WRITE_MS,
    );
  });
  try {
    return await Promise.race([write, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
