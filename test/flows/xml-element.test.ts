import assert from 'node:assert/strict';
import { setElement } from '../../src/flows/xml-element.ts';

/** The same for texts of any letters. */
const set = (text: string, path: string, value = 't'): string | undefined => {
  const changed = setElement(Buffer.from(text, 'utf8').toString('latin1'), path, value);
  return changed === undefined ? undefined : Buffer.from(changed, 'latin1').toString('utf8');
};

describe('an element of an XML document is set, and all else keeps its spelling', () => {
  for (const [text, path, expected] of [
    ['<a><s/></a>', '/a/s', '<a><s>t</s></a>'],
    ['<a><s />\r\n</a>', '/a/s', '<a><s >t</s>\r\n</a>'],
    ['<a><s>old</s></a>', '/a/s', '<a><s>t</s></a>'],
    ['<a><s><b>1</b><!-- x --></s ></a>', '/a/s', '<a><s>t</s ></a>'],
    ['<x:a xmlns:x="u"><x:s y="1">o</x:s></x:a>', '/a/s', '<x:a xmlns:x="u"><x:s y="1">t</x:s></x:a>'],
    ['<x:a><x:s y=">"/></x:a>', '/a/s', '<x:a><x:s y=">">t</x:s></x:a>'],
    ['<s/>', '/s', '<s>t</s>'],
    ['<a><b><s/></b><s/></a>', '/a/s', '<a><b><s/></b><s>t</s></a>'],
    ['<a><s>1</s><s/></a>', '/a/s', '<a><s>t</s><s>t</s></a>'],
    ['<a><s><s>1</s></s></a>', '/a/s/s', '<a><s><s>t</s></s></a>'],
    ['<a><!-- <s/> --><![CDATA[<s>]]><s/></a>', '/a/s', '<a><!-- <s/> --><![CDATA[<s>]]><s>t</s></a>'],
    [
      '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<ключи><ключ/></ключи>',
      '/ключи/ключ',
      '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<ключи><ключ>t</ключ></ключи>',
    ],
  ] as const)
    it(`${path} of ${text}`, () => assert.equal(set(text, path), expected));

  it('writes a value so that it is no XML, in any encoding', () =>
    assert.equal(set('<a/>', '/a', '<ü&]]>"\n😀'), '<a>&#60;&#252;&#38;]]&#62;"&#10;&#128512;</a>'));

  for (const text of [
    '',
    'no xml',
    '{"a":"<s/>"}',
    '<a></a>',
    '<a><t/></a>',
    '<a><s></a>',
    '<a><s/>',
    '<a><s/></b>',
    '<a><s/></a><a><s/></a>',
    '<a><s x="></a>',
    '<a><!-- <s/></a>',
    '<!DOCTYPE a [<!ENTITY s "x">]><a><s/></a>',
    `<a>${'<s/>'.repeat(1_001)}</a>`,
    `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`,
  ])
    it(`is not set in ${text.slice(0, 60)}`, () => assert.equal(set(text, '/a/s'), undefined));

  it('takes no more than the time to read a megabyte of anything', () => {
    const started = Date.now();
    for (const piece of ['<a>', '<a/>', '<', '<!--', '<a b="', '</a>', "<a '", '&'])
      set(piece.repeat(1_000_000 / piece.length), '/a/s');
    assert.ok(Date.now() - started < 5_000);
  });
});
