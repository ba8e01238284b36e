import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './files.ts';

/* `npm run dashboards`: writes the dashboards for Grafana. A test fails if the files differ from the code. */
for (const [path, text] of dashboardFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
