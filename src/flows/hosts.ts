import { isLoopback } from '../loopback.ts';
import { parseUrl } from '../parse-url.ts';
import type { Flow } from './flow.ts';
import { placeholdersIn, UnfitValueError } from './template.ts';

/*
 * A response may name a host: for further calls, or for requests. A credential goes there, so only hosts that the
 * configuration lists count, by HTTPS. Plain HTTP is for servers of the same machine.
 */

/** Whether a URL's host may be chosen by an answer: a placeholder stands there that is no credential. */
export function isFromAnswer({ credentials }: Pick<Flow, 'credentials'>, template: string): boolean {
  // A default may be a URL, whose slashes do not end the authority of this one.
  const names = template.replaceAll(/\{(\w+)=[^{}]*\}/g, '{$1}');
  const [authority = ''] = /^(https?:\/\/)?[^/?]*/i.exec(names) ?? [];
  return placeholdersIn(authority).some(({ name }) => !Object.hasOwn(credentials, name));
}

/** Throws an UnfitValueError if an answer has chosen a host that the flow does not list. */
export function checkHost(flow: Flow, template: string, url: string): void {
  if (!isFromAnswer(flow, template)) return;
  if (!(flow.hosts ?? []).some((pattern) => isAllowed(url, pattern)))
    throw new UnfitValueError('an answer names a host for the next call that is not among the hosts of the flow');
}

/** Whether a URL is one of the host or hosts that a pattern stands for: `api.example.com`, `*.example.com`. */
export function isAllowed(text: string, pattern: string): boolean {
  const url = parseUrl(text);
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) return false;
  const wanted = pattern.toLowerCase();
  if (!wanted.startsWith('*.')) return url.host === wanted || `${url.host}:443` === wanted;
  const end = wanted.slice(1);
  return url.host.endsWith(end) && /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(url.host.slice(0, -end.length));
}
