import { writeFileSync } from 'node:fs';
import { chartFiles } from './files.ts';

/* `npm run chart`: writes the chart's copies and its README. A test fails if the files are out of date. */
for (const [path, text] of chartFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
