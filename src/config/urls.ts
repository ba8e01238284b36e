import { parseUrl } from '../parse-url.ts';

/** An http or https URL of one host, without user and password. */
export function isUrl(text: string): boolean {
  const url = parseUrl(text);
  if (url === undefined) return false;
  const { protocol, username, password, hostname } = url;
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' && isHostname(hostname);
}

/** The URL standard allows "*" and "{" in a host; DNS has no such names. */
export function isHostname(hostname: string): boolean {
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(hostname);
}

/** The same without query and fragment, not even an empty one, so that a path can be appended. */
export function isPlainUrl(text: string): boolean {
  return isUrl(text) && !/[?#]/.test(text);
}
