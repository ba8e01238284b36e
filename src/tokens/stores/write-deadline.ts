import { STORE_WRITE_MS } from '../../deadlines.ts';
import type { StoreTimes } from '../clock.ts';
import { StoreError } from '../store.ts';

/** The promise, or a StoreError after `STORE_WRITE_MS`. */
export async function withinWriteDeadline<T>(write: Promise<T>, times: StoreTimes): Promise<T> {
  let cancel: (() => void) | undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancel = times.after(STORE_WRITE_MS, () =>
      reject(
        new StoreError(
          `The store cannot be written: a write has not ended within ${STORE_WRITE_MS / 1000} s. Another ` +
            'process may hold its lock.',
        ),
      ),
    );
  });
  try {
    return await Promise.race([write, deadline]);
  } finally {
    cancel?.();
  }
}
