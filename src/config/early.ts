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
  // Its key may be what is missing. Until everything is there nobody can act, so it is not needed.
  const operator = { ...(written['operator'] as object | undefined), key: undefined };
  const parts = {
    operator: operatorListener.safeParse(operator),
    startup: startup.safeParse(written['startup']),
    log: log.safeParse(written['log']),
  };
  if (!parts.operator.success || !parts.startup.success || !parts.log.success) return undefined;
  return { operator: parts.operator.data, startup: parts.startup.data, log: parts.log.data };
}
