import { readdirSync } from 'node:fs';
import { VALUE_FILES } from '../../deploy/chart.ts';
import { rendered } from '../chart.ts';
import { difference, GOLDEN, goldenFile, goldenText, read } from '../golden.ts';
import type { Part } from '../part.ts';

/** Each values file renders what it rendered when somebody last looked. `--write-golden` renews the files. */
export const golden: Part = {
  name: 'golden',
  run(tally) {
    const known = new Set<string>();
    for (const values of VALUE_FILES) {
      const file = goldenFile(values);
      known.add(file);
      const former = read(file);
      tally.count(
        `${values ?? 'the default'} renders as before`,
        former === undefined
          ? `${file} is missing: npm run verify:kubernetes -- --write-golden`
          : difference(former, goldenText(rendered(values))),
      );
    }
    tally.equal(
      'no golden file is left behind',
      readdirSync(GOLDEN)
        .map((name) => `${GOLDEN}/${name}`)
        .filter((file) => !known.has(file)),
      [],
    );
    return Promise.resolve(`${known.size} files compared`);
  },
};
