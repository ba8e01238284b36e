import fc from 'fast-check';
import { checkRequest } from '../../../src/proxy/validate.ts';

type Field = readonly [name: string, value: string];

const spelled = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(name, name.toLowerCase(), name.toUpperCase(), name.replace('-', '_'));
const field = fc.oneof(
  fc.tuple(
    spelled('Content-Length'),
    fc.constantFrom(
      '0',
      '5',
      '005',
      '',
      '5, 5',
      '+5',
      '-1',
      '0x5',
      '5 ',
      '999999999999999',
      '9999999999999999',
      '1e3',
      '\u00b2',
    ),
  ),
  fc.tuple(
    spelled('Transfer-Encoding'),
    fc.constantFrom(
      'chunked',
      'Chunked',
      'identity',
      '',
      'gzip, chunked',
      'chunked, chunked',
      'chunked;q=1',
      ' chunked',
      '\u00a0chunked',
    ),
  ),
  fc.tuple(
    fc.constantFrom('Host', 'host'),
    fc.constantFrom('proxy', 'proxy:80', '[::1]:80', '', 'a b', 'a,b', 'user@h', 'h:http', 'h/x'),
  ),
  fc.tuple(fc.constantFrom('Upgrade', 'upgrade'), fc.constantFrom('h2c', 'H2C', 'websocket', 'h2c, websocket', '')),
  fc.tuple(
    fc.constantFrom('X-A', 'Connection', 'Cookie', 'Content-Lengthy', 'Transfer-Encodin'),
    fc.constantFrom('1', 'a\tb', 'a\x00b', 'a\x7f', 'caf\xe9', 'chunked'),
  ),
);

/** What a receiver must make of these, in the words of RFC 9112 §3.2, §6.1 and §6.3. */
function acceptable(fields: readonly Field[], version: string): boolean {
  const values = (name: string): string[] => fields.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  const hosts = values('host');
  if (fields.some(([n]) => ['content_length', 'transfer_encoding'].includes(n.toLowerCase()))) return false;
  for (const [, value] of fields)
    for (const letter of value) if ((letter < ' ' && letter !== '\t') || letter === '\x7f') return false;
  if (lengths.length > 1 || codings.length > 1 || (lengths.length === 1 && codings.length === 1)) return false;
  if (lengths.length === 1 && (lengths[0]!.length > 15 || !/^[0-9]+$/.test(lengths[0]!))) return false;
  if (codings.length === 1 && (codings[0]!.toLowerCase() !== 'chunked' || version === '1.0')) return false;
  if (hosts.length > 1 || (hosts.length === 0 && version === '1.1')) return false;
  if (hosts.some((host) => !['proxy', 'proxy:80', '[::1]:80'].includes(host))) return false;
  return values('upgrade').every((value) => value.toLowerCase() === 'h2c');
}

function passes(fields: readonly Field[], httpVersion: string): boolean {
  try {
    checkRequest(
      { rawHeaders: fields.flat(), httpVersion, method: 'POST', url: '/api/x', validated: false },
      'tokenward-self',
    );
    return true;
  } catch {
    return false;
  }
}

describe('the gate, against a second statement of what framing is acceptable', () => {
  const version = fc.constantFrom('1.1', '1.0');

  it('agrees on any mixture of fields', () => {
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 4 }),
        version,
        (fields, httpVersion) => passes(fields, httpVersion) === acceptable(fields, httpVersion),
      ),
      { numRuns: 20_000 },
    );
  });

  it('agrees when a good Host is there', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 3 }), version, (fields, httpVersion) => {
        const all: Field[] = [['Host', 'proxy'], ...fields];
        return passes(all, httpVersion) === acceptable(all, httpVersion);
      }),
      { numRuns: 20_000 },
    );
  });

  it('counts fields exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 90, max: 110 }), (count) => {
        const fields: Field[] = [['Host', 'proxy'], ...Array.from({ length: count - 1 }, (): Field => ['X', '1'])];
        return passes(fields, '1.1') === count <= 100;
      }),
    );
  });
});
