import { z } from 'zod';
import { file } from './values.ts';

/** How an upstream's certificate is verified, and the client certificate for it. */
export const upstreamTls = z
  .strictObject({
    caFile: file.optional().describe('Trust these certificate authorities instead of the usual ones, PEM.'),
    certFile: file.optional().describe('The client certificate that tokenward presents, PEM.'),
    keyFile: file.optional().describe('Its private key, PEM.'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  })
  .refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), 'certFile and keyFile go together');
