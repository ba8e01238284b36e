#!/usr/bin/env node
/*
 * Nothing else is imported up here: all that is would be read before a line of it runs, and a signal that came in the
 * meantime would end the process as if nobody heeded it.
 */
import './cli/signals.ts';

await import('./cli/program.ts');
