import type { Express } from 'express';
import request from 'supertest';
import type { Config } from '../../src/config/schema.ts';
import { OperatorAccess } from '../../src/operator/access.ts';
import type { Readiness } from '../../src/operator/readiness.ts';
import { createOperatorApp } from '../../src/operator/routes.ts';
import type { StatusDocument } from '../../src/operator/status-document.ts';
import type { OperatorView } from '../../src/operator/view.ts';
import { recorder } from './proxy.ts';

/** A running tokenward, in this process or another. */
interface Running {
  readonly operatorUrl: string;
}

/** supertest at the operator port of a running tokenward: `await operator(proxy).get('/readyz').expect(200)`. */
export function operator({ operatorUrl }: Running): request.Agent {
  return request(operatorUrl);
}

/** What /readyz says of a process that is ready. */
export async function readinessOf(proxy: Running): Promise<Readiness> {
  const { body } = (await operator(proxy).get('/readyz').expect(200)) as { body: Readiness };
  return body;
}

/** What /status says. */
export async function statusOf(proxy: Running): Promise<StatusDocument> {
  const { body } = (await operator(proxy).get('/status').expect(200)) as { body: StatusDocument };
  return body;
}

export interface OperatorAppOptions {
  /** What the app shows; it fails where it is asked for anything else. */
  readonly view?: Partial<OperatorView>;
  /** Changes the section `operator` of a configuration on loopback without a key. */
  readonly section?: Partial<Config['operator']>;
  /** Where its log lines go. */
  readonly lines?: string[];
}

/** The operator's Express app without a port and without a proxy behind it: `await request(operatorApp()).get('/')`. */
export function operatorApp({ view = {}, section, lines = [] }: OperatorAppOptions = {}): Express {
  const access = new OperatorAccess({ host: '127.0.0.1', port: 0, hosts: [], allowAnonymous: false, ...section });
  return createOperatorApp({ view: view as OperatorView, log: recorder(lines), access });
}
