import { writeFileSync } from 'node:fs';
import { chartFiles } from './files.ts';

/* `npm run chart`: writes the chart's copies and its README. A test fails if the files differ from what they are made from. */
for (const [path, text] of chartFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
