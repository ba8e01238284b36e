import type { RequestItem } from '../item.ts';
import { request } from './requests.ts';

/* Class H: several requests on one connection, ways to get one carried out out of turn, and connections half closed. */

type Unnumbered = (id: string) => Omit<RequestItem, 'id'>;
const get = (path: string, ...fields: string[]): string => request(`GET /api/${path}`, fields);
const remove = (path: string): string => request(`DELETE /api/${path}`);
const post = (path: string, ...fields: string[]): string =>
  request(`POST /api/${path}`, [...fields, 'Content-Length: 2'], 'hi');
const chunked = (path: string, ...fields: string[]): string =>
  request(`POST /api/${path}`, [...fields, 'Transfer-Encoding: chunked'], '2\r\nhi\r\n0\r\n\r\n');
const seen = (method: string, path: string, body = ''): { method: string; target: string; body: string } => ({
  method,
  target: `/api/${path}`,
  body,
});

const inTurn: readonly Unnumbered[] = [
  (id) => ({
    about: 'an unsafe request behind a chunked one',
    send: [chunked(`${id}/1`) + remove(`${id}/2`)],
    fate: [seen('POST', `${id}/1`, 'hi'), seen('DELETE', `${id}/2`)],
  }),
  (id) => ({
    about: 'eight of every kind',
    send: [
      [1, 2]
        .map((i) => get(`${id}/${i}a`) + chunked(`${id}/${i}b`) + remove(`${id}/${i}c`) + post(`${id}/${i}d`))
        .join(''),
    ],
    fate: [1, 2].flatMap((i) => [
      seen('GET', `${id}/${i}a`),
      seen('POST', `${id}/${i}b`, 'hi'),
      seen('DELETE', `${id}/${i}c`),
      seen('POST', `${id}/${i}d`, 'hi'),
    ]),
  }),
  (id) => ({
    about: 'an expectation between two others',
    send: [get(`${id}/1`) + post(`${id}/2`, 'Expect: 100-continue') + get(`${id}/3`)],
    fate: [seen('GET', `${id}/1`), seen('POST', `${id}/2`, 'hi'), seen('GET', `${id}/3`)],
  }),
  (id) => ({
    about: 'three expectations',
    send: [[1, 2, 3].map((i) => chunked(`${id}/${i}`, 'Expect: 100-continue')).join('')],
    fate: [1, 2, 3].map((i) => seen('POST', `${id}/${i}`, 'hi')),
  }),
  (id) => ({
    about: 'two hundred',
    send: [Array.from({ length: 200 }, (_, i) => get(`${id}/${i}`)).join('')],
    fate: Array.from({ length: 200 }, (_, i) => seen('GET', `${id}/${i}`)),
  }),
  (id) => ({
    about: 'the second byte by byte',
    send: [chunked(`${id}/1`), ...remove(`${id}/slowly`)],
    fate: [seen('POST', `${id}/1`, 'hi'), seen('DELETE', `${id}/slowly`)],
  }),
];

const last: readonly Unnumbered[] = [
  'close',
  'Close',
  'close, keep-alive',
  'keep-alive, close',
  'keep-alive,close ,x',
].map((value) => (id) => ({
  about: `a request behind Connection: ${value}`,
  send: [get(`${id}/1`, `Connection: ${value}`) + post(`${id}/2`)],
  fate: [seen('GET', `${id}/1`)],
}));

const TWO_HOSTS = 'Host: evil.example';
const past: readonly Unnumbered[] = [
  (id) => ({
    about: 'two Hosts and an expectation nobody knows, and a request behind it',
    send: [post(`${id}/1`, TWO_HOSTS, 'Expect: x') + remove(`${id}/2`)],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'two Hosts and an expectation, and a request behind it',
    send: [post(`${id}/1`, TWO_HOSTS, 'Expect: 100-continue') + remove(`${id}/2`)],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'another coding and an expectation nobody knows',
    send: [
      request(`POST /api/${id}`, ['Transfer-Encoding: gzip, chunked', 'Expect: x'], '0\r\n\r\n') + remove(`${id}/2`),
    ],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'an expectation nobody knows in HTTP/1.0',
    send: [`POST /api/${id} HTTP/1.0\r\nHost: proxy\r\nExpect: x\r\nContent-Length: 0\r\n\r\n${remove(`${id}/2`)}`],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'CONNECT',
    send: [`CONNECT proxy:443 HTTP/1.1\r\nHost: proxy:443\r\n\r\n${remove(`${id}/2`)}`],
    fate: 'refuse',
    status: 405,
  }),
  (id) => ({
    about: 'CONNECT to a path',
    send: [`CONNECT /api/${id} HTTP/1.1\r\nHost: proxy\r\n\r\n${remove(`${id}/2`)}`],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'CONNECT with a body',
    send: [`CONNECT proxy:443 HTTP/1.1\r\nHost: proxy:443\r\nContent-Length: 2\r\n\r\nhi${remove(`${id}/2`)}`],
    fate: 'refuse',
  }),
  (id) => ({
    about: 'an upgrade, and a request behind it',
    send: [get(id, 'Connection: upgrade', 'Upgrade: websocket') + remove(`${id}/2`)],
    fate: 'refuse',
    status: 501,
  }),
  (id) => ({
    about: 'a climbing path, and a request behind it',
    send: [request(`GET /api/${id}/../../x`) + remove(`${id}/2`)],
    fate: 'refuse',
  }),
];

const halfClosed: readonly Unnumbered[] = [
  (id) => ({ about: 'half closed behind a plain request', send: [get(id)], cut: true, fate: [seen('GET', id)] }),
  (id) => ({
    about: 'half closed behind a chunked one',
    send: [chunked(id)],
    cut: true,
    fate: [seen('POST', id, 'hi')],
  }),
  (id) => ({
    about: 'half closed behind three',
    send: [get(`${id}/1`) + chunked(`${id}/2`) + get(`${id}/3`)],
    cut: true,
    fate: [seen('GET', `${id}/1`), seen('POST', `${id}/2`, 'hi'), seen('GET', `${id}/3`)],
  }),
  (id) => ({
    about: 'half closed behind two hundred, sent while the first is answered',
    send: [get(`${id}/first`), 5, Array.from({ length: 200 }, (_, i) => get(`${id}/${i}`)).join('')],
    cut: true,
    fate: [seen('GET', `${id}/first`), ...Array.from({ length: 200 }, (_, i) => seen('GET', `${id}/${i}`))],
  }),
  (id) => ({ about: 'half closed within a chunked body', send: [chunked(id).slice(0, -5)], cut: true, fate: 'refuse' }),
  (id) => ({ about: 'half closed within a body', send: [post(id).slice(0, -1)], cut: true, fate: 'refuse' }),
];

export const oneConnection: readonly RequestItem[] = [...inTurn, ...last, ...past, ...halfClosed].map((make, i) => {
  const id = `H${String(i + 1).padStart(2, '0')}`;
  return { id, ...make(id) };
});
