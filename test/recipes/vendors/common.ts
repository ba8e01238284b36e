import { randomBytes } from 'node:crypto';
import { json, type Expected, type Reply, type Step } from '../vendor.ts';

/** `Authorization: Bearer` with the live token. */
export const BEARER: Expected = { headers: { authorization: 'Bearer <token>' } };

/** RFC 6749 §5.1; `more`: what a vendor adds. */
export const granted = (more: object = {}): Reply =>
  json(200, { access_token: '<token>', token_type: 'Bearer', expires_in: 3600, ...more });

/** The same with a refresh token. */
export const grantedPair = (more: object = {}): Reply => granted({ refresh_token: '<refresh>', ...more });

/** RFC 6749 §5.2. */
export const oauthError = (error: string, status = 400): Reply => json(status, { error, error_description: 'No.' });

/** RFC 6749 §6; `expect`: how the client shows itself. */
export const refreshes = (at: string, expect: Expected, reply = grantedPair()): Step => ({
  at: `POST ${at}`,
  expect: { ...expect, form: { grant_type: 'refresh_token', refresh_token: '<refresh>', ...expect.form } },
  reply,
});

/** A client that shows itself in the form. */
export const CLIENT_IN_FORM: Expected = { form: { client_id: '<clientId>', client_secret: '<clientSecret>' } };

/** A 401 in JSON, as most APIs refuse a token. */
export const UNAUTHORIZED = json(401, { message: 'Unauthorized' });

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A credential that nothing else contains. */
export const secret = (name: string): string => `${name}x${randomBytes(12).toString('hex')}`;

/** Credentials of an OAuth 2.0 client. */
export const client = (): { clientId: string; clientSecret: string } => ({
  clientId: 'app-1',
  clientSecret: secret('clientSecret'),
});
