import { z } from 'zod';
import { headerName } from '../../flows/flow.ts';
import { httpUrl } from './values.ts';

const VALUE = /^(?![\t ])[\t\x20-\x7e]*(?<![\t ])$/;
const UNFIT = 'holds characters that cannot be sent in a header (line ends, letters beyond ASCII, or blanks at an end)';

/** `tracing`. */
export const tracing = z.strictObject({
  endpoint: httpUrl.describe(
    'Where spans go: the base URL of an OTLP receiver over HTTP, as http://localhost:4318. /v1/traces is appended.',
  ),
  sample: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("The share of the traces beginning here that are recorded. A caller's own decision is honoured."),
  headers: z
    .record(headerName, z.string().min(1).regex(VALUE, UNFIT))
    .default({})
    .describe('Header fields for the receiver, such as a key.'),
  service: z.string().trim().min(1).max(100).default('tokenward').describe('The service.name of its spans.'),
  attributes: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/, 'must be a name such as deployment.environment.name'),
      z.string().min(1).max(255),
    )
    .default({})
    .describe('Further attributes of the resource, such as k8s.pod.name.'),
});

export type TracingSettings = z.infer<typeof tracing>;
