/** An http or https URL that carries no user and password, and names one host. */
export function isUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' && isHostname(hostname);
}

/** The URL standard lets "*" and "{" pass in a host; no name server knows such a one. */
export function isHostname(hostname: string): boolean {
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(hostname);
}

/** The same, with nothing behind the path: something can be appended to it. */
export function isPlainUrl(text: string): boolean {
  return isUrl(text) && new URL(text).search === '' && new URL(text).hash === '';
}
