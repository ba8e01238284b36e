import { z } from 'zod';
import { duration } from './values.ts';

/** `startup`: how a process starts. */
export const startup = z
  .strictObject({
    wait: duration
      .prefault('60s')
      .describe(
        'How long a start waits for a Redis that cannot be reached, or a file of a secret or certificate that is not ' +
          'there yet. Until then /healthz says ok, and /readyz says what is missing. 0: not at all.',
      ),
  })
  .prefault({});
