import assert from 'node:assert/strict';
import { MAX_OCCURRENCES, setMember } from '../../src/flows/json-member.ts';

/** The same for texts of any letters. */
const set = (text: string, pointer: string, value: string): string | undefined => {
  const changed = setMember(Buffer.from(text, 'utf8').toString('latin1'), pointer, value);
  return changed === undefined ? undefined : Buffer.from(changed, 'latin1').toString('utf8');
};

describe('a member of a JSON text is set, and all else keeps its spelling', () => {
  for (const [text, pointer, expected] of [
    ['{}', '/k', '{"k":"t"}'],
    [' { } ', '/k', ' {"k":"t" } '],
    ['{"a":1e400}', '/k', '{"k":"t","a":1e400}'],
    ['{"k" : 12 ,"a":1}', '/k', '{"k" : "t" ,"a":1}'],
    ['{"k":"\\"}","a":"k"}', '/k', '{"k":"t","a":"k"}'],
    ['{"k":[{"k":1},"]"],"a":{"k":2}}', '/k', '{"k":"t","a":{"k":2}}'],
    ['{"\\u006b":1,"k":2}', '/k', '{"\\u006b":"t","k":"t"}'],
    ['{"ключ":1,"ключи":2}', '/ключ', '{"ключ":"t","ключи":2}'],
    ['{"\\u043aлюч":1}', '/ключ', '{"\\u043aлюч":"t"}'],
    ['{"a/b":1}', '/a~1b', '{"a/b":"t"}'],
    ['{"a\\/b":1}', '/a~1b', '{"a\\/b":"t"}'],
    ['{"q\\"":1}', '/q"', '{"q\\"":"t"}'],
    ['{"a":{"k":1},"a":{"k":2}}', '/a/k', '{"a":{"k":1},"a":{"k":"t"}}'],
    ['\ufeff {"k":1}', '/k', '\ufeff {"k":"t"}'],
  ] as const)
    it(`${pointer} of ${text}`, () => assert.equal(set(text, pointer, 't'), expected));

  it('writes a value as JSON in UTF-8', () => assert.equal(set('{}', '/k', 'ü"\n'), '{"k":"ü\\"\\n"}'));

  for (const text of ['', '[1]', '"k"', '{"k":1', '{"k":1}}', 'x{}', '{"a":1}x', '{"a":1}'])
    it(`knows no place in ${text || 'nothing'}`, () => assert.equal(set(text, '/a/k', 't'), undefined));

  it('leaves bytes alone that are not UTF-8', () => {
    const before = Buffer.from('{"a":"\xe4\xff\x80","k":1,"\xfe":2}', 'latin1').toString('latin1');
    assert.equal(setMember(before, '/k', 't'), before.replace('"k":1', '"k":"t"'));
  });

  it('sets a name that occurs often, and refuses one that makes a small body huge', () => {
    const text = (times: number): string => `{${'"k":1,'.repeat(times)}"a":2}`;
    assert.equal(set(text(MAX_OCCURRENCES), '/k', 't'), text(MAX_OCCURRENCES).replaceAll(':1', ':"t"'));
    assert.equal(set(text(MAX_OCCURRENCES + 1), '/k', 't'), undefined);
  });

  /** The least CPU time of three rounds, µs. */
  const cpu = (text: string): number => {
    const rounds = Array.from({ length: 3 }, () => {
      const before = process.cpuUsage();
      assert.notEqual(setMember(text, '/k', 't'), undefined);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.min(...rounds);
  };

  it('takes time in proportion to the text', () => {
    const hostile = (members: number): string =>
      `{${Array.from({ length: members }, (_, index) => `"\\u006b${index}":{"k":[]}`).join(',')}}`;
    const [short, long] = [hostile(10_000), hostile(160_000)];
    cpu(short);
    // Sixteen times the text: 256 times the work if it grew with the square.
    assert.ok(cpu(long) < 80 * Math.max(cpu(short), 1_000));
  });

  it('does not copy the text for each occurrence', () => {
    const text = (times: number): string => `{${'"k":1,'.repeat(times)}"a":"${'x'.repeat(4_000_000)}"}`;
    cpu(text(1));
    assert.ok(cpu(text(MAX_OCCURRENCES)) < 10 * Math.max(cpu(text(1)), 1_000));
  });
});
