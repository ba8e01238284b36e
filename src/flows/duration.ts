import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const FORM = 'must be seconds, or a duration such as "500ms", "30s", "5m", "1h"';

/** Durations: text like `500ms`, `30s`, `5m`, `1h`; a number is in seconds. Parsed to milliseconds. */
export const milliseconds = z
  .union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?\s*(ms|s|m|h)?$/, FORM)], { error: FORM })
  .transform((value) =>
    typeof value === 'number'
      ? value * 1000
      : Number.parseFloat(value) * UNITS[value.replace(/^[\d.]+\s*/, '') || 's']!,
  );

/** The same parsed to seconds, between two bounds in seconds. Accepts its own results. */
export function seconds(min: number, max = Infinity) {
  return milliseconds
    .transform((value) => value / 1000)
    .refine((value) => value >= min, `must be at least ${min}s`)
    .refine((value) => value <= max, `must be at most ${max / 3600}h`);
}
