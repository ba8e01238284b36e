import { ReadResponse } from '../../flows/response.ts';
import { CurlError } from './shell-words.ts';

const STATUS_LINE = /^HTTP\/\d(?:\.\d)? +(\d{3})[^\n]*\n/;

/** A sample answer: a body, or a whole response as `curl -i` prints it. Throws a CurlError if it is no success. */
export function readSample(given: string): ReadResponse {
  let text = given.replaceAll('\r\n', '\n').replace(/^[\s\ufeff]+/, '');
  let status = 200;
  const headers: Record<string, string> = {};
  const setCookie: string[] = [];
  // Interim responses and redirects come before the last one.
  for (let found = STATUS_LINE.exec(text); found !== null; found = STATUS_LINE.exec(text)) {
    status = Number(found[1]);
    const end = text.indexOf('\n\n');
    const section = text.slice(found[0].length, end === -1 ? undefined : end);
    for (const line of section.split('\n')) {
      const [, name, value] = /^([^:\s]+):(.*)$/.exec(line) ?? [];
      if (name === undefined) continue;
      headers[name.toLowerCase()] = value!.trim();
      if (/^set-cookie$/i.test(name)) setCookie.push(value!.trim());
    }
    text = end === -1 ? '' : text.slice(end + 2);
  }
  if (status < 200 || status > 299)
    throw new CurlError(`the sample answer has status ${status}; one of a login that worked is needed`);
  return new ReadResponse({ status, headers, setCookie, body: text });
}
