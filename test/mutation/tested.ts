import type { Stryker } from '@stryker-mutator/core';

export type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

/** Mutants whose fate is known, in a run that may be ended before its last one. */
export const tested: Mutant[] = [];

/** Stryker tells a reporter of each mutant, and everybody else only of all at the end. */
export const strykerPlugins = [
  {
    kind: 'Reporter',
    name: 'tested',
    value: {
      onMutantTested(mutant: Mutant): void {
        tested.push(mutant);
      },
    },
  },
];
