import type { Express } from 'express';
import { createExpress } from '../http/server/express.ts';
import type { OperatorAccess } from './access.ts';

/**
 * The operator port of a process that starts: alive, and not ready. `reason`: what it waits for; undefined: nothing,
 * it is just not done.
 */
export function createStartingApp(access: OperatorAccess, reason: () => string | undefined = () => undefined): Express {
  const app = createExpress();
  app.use((request, response) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (reads && request.path === '/healthz') {
      response.type('text').send('ok\n');
      return;
    }
    const refusal = access.checkRead(request);
    if (refusal !== undefined) {
      response.status(refusal.status).json({ code: refusal.code, title: refusal.title });
      return;
    }
    const missing = reason();
    const problem = missing === undefined ? 'tokenward is starting' : `tokenward is starting, and waits: ${missing}`;
    response.setHeader('retry-after', '1');
    response.status(503);
    if (reads && request.path === '/readyz') response.json({ ready: false, problems: [{ problem }] });
    else response.json({ code: 'starting', title: `${problem}${problem.endsWith('.') ? '' : '.'}` });
  });
  return app;
}
