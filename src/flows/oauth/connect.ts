/*
 * The two ways in which a person consents: in a browser on this machine (authorization code, RFC 6749 §4.1 with PKCE,
 * RFC 7636, on loopback, RFC 8252), or on any other device (RFC 8628). Without terminal, process or sockets: who calls
 * these functions has them.
 */

export {
  connectByCode,
  type BrowserConsent,
  type CallbackListener,
  type ListenForCallback,
} from './connect-by-code.ts';
export { connectByDevice, type DeviceConsent } from './connect-by-device.ts';
