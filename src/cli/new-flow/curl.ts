import { parseUrl } from '../../parse-url.ts';
import { CurlError } from './shell-words.ts';

/** A request as a curl command makes it. Holds secrets. */
export interface CurlRequest {
  readonly method: string;
  readonly url: URL;
  /** Names as written; without Authorization: Basic and Cookie. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `user:password`. */
  readonly basic: string | undefined;
  readonly cookie: string | undefined;
  /** Parameters that -G adds to the query. */
  readonly body: string | undefined;
  readonly contentType: string | undefined;
  /** What was left out, for people. */
  readonly notes: readonly string[];
}

/** Options with a value, by the name that is used below. */
const WITH_VALUE: Readonly<Record<string, string>> = {
  '-X': 'request',
  '--request': 'request',
  '-H': 'header',
  '--header': 'header',
  '-d': 'data',
  '--data': 'data',
  '--data-ascii': 'data',
  '--data-binary': 'data',
  '--data-raw': 'data-raw',
  '--data-urlencode': 'data-urlencode',
  '--json': 'json',
  '-u': 'user',
  '--user': 'user',
  '-b': 'cookie',
  '--cookie': 'cookie',
  '--url': 'url',
  '--url-query': 'url-query',
  '--oauth2-bearer': 'bearer',
  '-F': 'form',
  '--form': 'form',
  '--form-string': 'form',
  '-T': 'upload',
  '--upload-file': 'upload',
  '-K': 'config',
  '--config': 'config',
  '-E': 'tls',
  '--cert': 'tls',
  '--key': 'tls',
  '--cacert': 'tls',
  '--pass': 'tls',
  '-A': 'agent',
  '--user-agent': 'agent',
};
const IGNORED_WITH_VALUE = new Set(
  (
    '-o -e -m -w -x -c -D -C -r -y -Y -z -t --output --referer --max-time --write-out --proxy --cookie-jar ' +
    '--dump-header --connect-timeout --retry --retry-delay --retry-max-time --max-redirs --resolve --connect-to ' +
    '--interface --proxy-user -U --noproxy --limit-rate --range --ciphers --tls-max --cert-type --key-type --capath ' +
    '--socks5 --socks5-hostname --unix-socket --dns-servers --keepalive-time --trace --trace-ascii --stderr ' +
    '--output-dir --expect100-timeout --happy-eyeballs-timeout-ms --aws-sigv4 --curves --proto --speed-time ' +
    '--speed-limit --create-file-mode --rate --etag-save --etag-compare --hsts --alt-svc --doh-url --preproxy'
  ).split(' '),
);
/** Options with a value, of those with one letter: such a value may follow without a blank. */
const SHORT_WITH_VALUE = new Set(
  [...Object.keys(WITH_VALUE), ...IGNORED_WITH_VALUE]
    .filter((name) => /^-[A-Za-z]$/.test(name))
    .map((name) => name[1]!),
);
/** Fields that describe the program or the connection, not the API. */
const OF_THE_CLIENT = new RegExp(
  '^(host|user-agent|accept|accept-encoding|accept-language|accept-charset|connection|content-length|origin|referer|' +
    'cache-control|pragma|priority|dnt|te|upgrade-insecure-requests|expect|transfer-encoding|keep-alive|sec-.*|' +
    'x-client-data|postman-token|if-none-match|if-modified-since|traceparent|tracestate)$',
  'i',
);

interface Parts {
  method?: string;
  url?: string;
  user?: string;
  cookie?: string;
  isJson: boolean;
  asQuery: boolean;
  head: boolean;
  readonly headers: [string, string][];
  readonly data: string[];
  readonly query: string[];
  readonly notes: string[];
}

/** The request of a curl command. Throws a CurlError. */
export function readCurl(words: readonly string[]): CurlRequest {
  const start = words.findIndex((word) => /^(.*\/)?curl(\.exe)?$/.test(word));
  // A prompt, "sudo" or a variable may stand before it.
  if (start === -1 || start > 3) throw new CurlError('this is no curl command: it must begin with curl');
  if (words.some((word) => word.includes('^')) && words.at(-1) === '^')
    throw new CurlError(
      'this was copied for the Windows command line; copy it as cURL (bash), with lines that end in \\',
    );
  const parts: Parts = { isJson: false, asQuery: false, head: false, headers: [], data: [], query: [], notes: [] };
  let rest = words.slice(start + 1);
  while (rest.length > 0) {
    const [word = '', ...more] = rest;
    rest = more;
    if (word === '--' || word === '') continue;
    if (!word.startsWith('-') || word === '-') {
      setUrl(parts, word);
      continue;
    }
    const isLong = word.startsWith('--');
    const name = isLong ? word : word.slice(0, 2);
    const takesValue = isLong ? name in WITH_VALUE || IGNORED_WITH_VALUE.has(name) : SHORT_WITH_VALUE.has(word[1]!);
    if (!takesValue) {
      setFlag(parts, name);
      if (!isLong && word.length > 2) rest = [`-${word.slice(2)}`, ...rest];
      continue;
    }
    const attached = isLong || word.length === 2 ? undefined : word.slice(2);
    const value = attached ?? rest[0];
    if (value === undefined) throw new CurlError(`the option ${name} has no value`);
    if (attached === undefined) rest = rest.slice(1);
    const option = WITH_VALUE[name];
    if (option === undefined) parts.notes.push(`${name} was ignored`);
    else setOption(parts, option, name, value);
  }
  return requestOf(parts);
}

function setUrl(parts: Parts, text: string): void {
  if (parts.url !== undefined) throw new CurlError('the command has more than one URL; is a quote missing?');
  parts.url = text;
}

function setFlag(parts: Parts, name: string): void {
  if (name === '-G' || name === '--get') parts.asQuery = true;
  else if (name === '-I' || name === '--head') parts.head = true;
  else if (name === '-k' || name === '--insecure')
    parts.notes.push(`${name} was ignored: tokenward always verifies certificates; tls.caFile of the account adds one`);
  else if (name === '-n' || name === '--netrc')
    parts.notes.push(`${name} was ignored: credentials come from the configuration`);
  else if (/^--(digest|ntlm|negotiate|anyauth)$/.test(name))
    throw new CurlError(
      `${name} is no way in which tokenward logs in; an API with Digest signs each request (attach: sign)`,
    );
  else if (
    !/^(-[sSiLvfgqN#]|--(silent|show-error|include|location|verbose|fail|fail-with-body|compressed|basic))$/.test(name)
  )
    parts.notes.push(`${name} was ignored`);
}

function setOption(parts: Parts, option: string, name: string, value: string): void {
  switch (option) {
    case 'request':
      parts.method = value.toUpperCase();
      break;
    case 'url':
      setUrl(parts, value);
      break;
    case 'header':
      setHeader(parts, value);
      break;
    case 'json':
    case 'data':
      if (value.startsWith('@')) throw new CurlError(`${name} reads a file; write its content into the command`);
      if (option === 'json') parts.isJson = true;
      parts.data.push(value);
      break;
    case 'data-raw':
      parts.data.push(value);
      break;
    case 'data-urlencode':
      parts.data.push(urlEncoded(value, name));
      break;
    case 'url-query':
      parts.query.push(value.startsWith('+') ? value.slice(1) : urlEncoded(value, name));
      break;
    case 'user':
      parts.user = value;
      break;
    case 'bearer':
      parts.headers.push(['Authorization', `Bearer ${value}`]);
      break;
    case 'cookie':
      if (!value.includes('=')) throw new CurlError(`${name} reads a file; write the cookies as NAME=VALUE`);
      parts.cookie = [parts.cookie, value].filter((one) => one !== undefined).join('; ');
      break;
    case 'tls':
      parts.notes.push(`${name} was ignored: files for TLS are below tls of the account (caFile, certFile, keyFile)`);
      break;
    case 'agent':
      parts.notes.push(`${name} was ignored`);
      break;
    default:
      throw new CurlError(
        option === 'form'
          ? `${name} sends multipart/form-data, which no flow can send; most APIs take a form (-d) or JSON as well`
          : `${name} reads a file, and a login has none`,
      );
  }
}

function setHeader(parts: Parts, line: string): void {
  const [, name, value] = /^([^:;\s]+) ?[:;]([\s\S]*)$/.exec(line) ?? [];
  if (name === undefined) throw new CurlError('a header field is written as NAME: VALUE; is a quote missing?');
  const text = value!.trim();
  if (/^cookie$/i.test(name)) parts.cookie = [parts.cookie, text].filter((one) => one !== undefined).join('; ');
  else parts.headers.push([name, text]);
}

/** As curl encodes it: `name=content`, `=content` or `content`. */
function urlEncoded(value: string, option: string): string {
  const equals = value.indexOf('=');
  if (equals === -1 && value.includes('@')) throw new CurlError(`${option} reads a file; write its content instead`);
  const name = equals > 0 ? `${value.slice(0, equals)}=` : '';
  return `${name}${encodeURIComponent(value.slice(equals + 1))}`;
}

function requestOf(parts: Parts): CurlRequest {
  if (parts.url === undefined) throw new CurlError('the command has no URL');
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(parts.url) ? parts.url : `http://${parts.url}`);
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CurlError('the URL of the command is no http:// or https:// URL');
  const query = [...parts.query, ...(parts.asQuery ? parts.data : [])].join('&');
  if (query !== '') url.search = [url.search.slice(1), query].filter((part) => part !== '').join('&');
  url.hash = '';
  const inUrl = url.username === '' ? undefined : `${decodedUrl(url.username)}:${decodedUrl(url.password)}`;
  url.username = '';
  url.password = '';
  const body = parts.asQuery || parts.data.length === 0 ? undefined : parts.data.join(parts.isJson ? '' : '&');
  const method = parts.method ?? (body === undefined ? 'GET' : 'POST');
  if (parts.head || !['GET', 'POST', 'PUT'].includes(method))
    throw new CurlError('a login is a GET, POST or PUT, and this is another method');
  const authorization = parts.headers.find(([name]) => /^authorization$/i.test(name))?.[1];
  const basic = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  const dropped = parts.headers.filter(([name]) => OF_THE_CLIENT.test(name)).map(([name]) => name);
  const notes = [
    ...parts.notes,
    ...(dropped.length > 0 ? [`header fields of the program were left out: ${dropped.join(', ')}`] : []),
  ];
  return {
    method,
    url,
    headers: parts.headers.filter(
      ([name]) =>
        !OF_THE_CLIENT.test(name) &&
        !/^content-type$/i.test(name) &&
        !(basic !== undefined && /^authorization$/i.test(name)),
    ),
    basic: parts.user ?? (basic === undefined ? inUrl : Buffer.from(basic, 'base64').toString('utf8')),
    cookie: parts.cookie,
    body,
    contentType:
      parts.headers.find(([name]) => /^content-type$/i.test(name))?.[1] ??
      (parts.isJson ? 'application/json' : undefined),
    notes,
  };
}

/** A percent-encoded text; as it is, if it is not well-formed. */
export function decodedUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
