import { randomFrom as numbersFrom } from '../hostile/random.ts';

/** Random choices that a seed repeats. */
export interface Random {
  between(least: number, most: number): number;
  pick<T>(list: readonly T[]): T;
}

export function randomFrom(seed: number): Random {
  const next = numbersFrom(seed);
  return {
    between: (least, most) => least + next() * (most - least),
    pick: (list) => list[Math.floor(next() * list.length)]!,
  };
}
