import type { z } from 'zod';
import { log } from './schema/log.ts';
import { operatorListener } from './schema/operator.ts';
import { startup } from './schema/startup.ts';

/** What a start needs of a configuration before all of it can be read. */
export interface EarlyConfig {
  readonly operator: z.infer<typeof operatorListener>;
  readonly startup: z.infer<typeof startup>;
  readonly log: z.infer<typeof log>;
}

/** Undefined: one of these parts cannot be read either. */
export function earlyConfig(written: Readonly<Record<string, unknown>>): EarlyConfig | undefined {
  const parts = {
    operator: operatorListener.safeParse(written['operator']),
    startup: startup.safeParse(written['startup']),
    log: log.safeParse(written['log']),
  };
  if (!parts.operator.success || !parts.startup.success || !parts.log.success) return undefined;
  return { operator: parts.operator.data, startup: parts.startup.data, log: parts.log.data };
}
