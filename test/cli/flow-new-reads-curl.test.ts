import assert from 'node:assert/strict';
import { readCurl, type CurlRequest } from '../../src/cli/new-flow/curl.ts';
import { readCommand } from '../../src/cli/new-flow/shell-words.ts';

const words = (text: string): readonly string[] | undefined => readCommand(text)?.words;

describe('the words of a pasted command', () => {
  for (const [text, expected] of [
    [`a 'b c' "d e" f\\ g`, ['a', 'b c', 'd e', 'f g']],
    [`a'b'"c"d`, ['abcd']],
    [`a '' ""`, ['a', '', '']],
    [`"a\\"b\\$c\\d" 'e\\f'`, ['a"b$c\\d', 'e\\f']],
    [`$'a\\'b\\n\\t\\\\\\x41\\u00e9\\U0001f600\\101'`, ["a'b\n\t\\AéeA".replace('eA', '😀A')]],
    ['a \\\n  b \\\r\n c', ['a', 'b', 'c']],
    ['\n\n  a\n', ['a']],
    ['a # b', ['a']],
    ['a#b', ['a#b']],
    ['$HOME "$USER" ${X}', ['$HOME', '$USER', '${X}']],
    ["'a\nb'", ['a\nb']],
  ] as const)
    it(`are those of a shell: ${JSON.stringify(text)}`, () => assert.deepEqual(words(text), expected));

  it('are not complete while a quote is open or the last line goes on', () => {
    for (const text of ["a 'b", 'a "b', "a $'b", 'a \\', 'a \\\n', "a $'b\\"]) assert.equal(words(text), undefined);
  });

  it('end at a line end, pipe or other operator; what follows in further lines is left', () => {
    assert.deepEqual(readCommand('a b\n{"c": 1}\n'), { words: ['a', 'b'], rest: '{"c": 1}\n', cut: false });
    for (const end of ['| jq .', '; rm -rf /', '&& b', '> file'])
      assert.deepEqual(readCommand(`a ${end}\nrest`), { words: ['a'], rest: 'rest', cut: true });
  });

  it('hold no command substitution, since nothing is executed', () => {
    for (const text of ['a $(id)', 'a "$(id)"', 'a `id`', 'a "`id`"'])
      assert.throws(() => readCommand(text), /command substitution, which is not executed/);
    assert.deepEqual(words("a '$(id)'"), ['a', '$(id)']);
  });
});

const curl = (text: string): CurlRequest => readCurl(readCommand(text)!.words);

describe('a pasted curl command', () => {
  it('is read with its method, URL, header fields and body', () => {
    const { method, url, headers, body, contentType } = curl(
      `$ curl --location --request PUT 'https://a.example/x?y=1#z' --header 'X-A:  b' -HContent-Type:application/json --data '{}'`,
    );
    assert.deepEqual(
      [method, url.href, body, contentType],
      ['PUT', 'https://a.example/x?y=1', '{}', 'application/json'],
    );
    assert.deepEqual(headers, [['X-A', 'b']]);
  });

  it('has the method that curl would take', () => {
    assert.equal(curl('curl https://a.example').method, 'GET');
    assert.equal(curl('curl https://a.example -d a=b').method, 'POST');
    assert.equal(curl('curl https://a.example -G -d a=b').method, 'GET');
    assert.equal(curl('curl -XPUT a.example').url.href, 'http://a.example/');
  });

  it('joins its data as curl does, and encodes what is to be encoded', () => {
    assert.equal(
      curl(`curl a.example -d a=1 --data-raw '@b' --data-urlencode 'c=d&é' --data-urlencode '=e f'`).body,
      'a=1&@b&c=d%26%C3%A9&e%20f',
    );
    assert.equal(curl(`curl 'a.example?x=1' -G -d a=1 --data-urlencode 'b=c d'`).url.search, '?x=1&a=1&b=c%20d');
    const json = curl(`curl a.example --json '{"a":' --json '1}'`);
    assert.deepEqual([json.body, json.contentType], ['{"a":1}', 'application/json']);
  });

  it('has Basic authentication from -u, from a header field, or from its URL', () => {
    assert.equal(curl('curl -u me:pw:1 a.example').basic, 'me:pw:1');
    assert.equal(
      curl(`curl a.example -H 'Authorization: Basic ${Buffer.from('me:pw').toString('base64')}'`).basic,
      'me:pw',
    );
    const inUrl = curl('curl https://me:p%40w@a.example/x');
    assert.deepEqual([inUrl.basic, inUrl.url.href], ['me:p@w', 'https://a.example/x']);
    assert.deepEqual(curl('curl a.example --oauth2-bearer abc').headers, [['Authorization', 'Bearer abc']]);
  });

  it('has cookies from -b and from a header field', () => {
    assert.equal(curl(`curl a.example -b 'a=1' -H 'Cookie: b=2'`).cookie, 'a=1; b=2');
  });

  it('leaves out what does not concern the API, and says so', () => {
    const { headers, notes } = curl(
      `curl -sSLkv --compressed --http2 -m 5 -o out -A agent a.example -H 'User-Agent: x' -H 'sec-ch-ua: y' --cacert f`,
    );
    assert.deepEqual(headers, []);
    assert.deepEqual(
      notes.map((note) => note.split(' ', 1)[0]),
      ['-k', '--http2', '-m', '-o', '-A', '--cacert', 'header'],
    );
  });

  for (const [text, message] of [
    ['wget a.example', /it must begin with curl/],
    ['curl', /has no URL/],
    ['curl a.example b.example', /more than one URL/],
    ['curl ftp://a.example', /no http:\/\/ or https:\/\/ URL/],
    ['curl a.example -F a=b', /-F sends multipart\/form-data, which no flow can send/],
    ['curl a.example -d @file', /-d reads a file/],
    ['curl a.example --data-urlencode a@file', /--data-urlencode reads a file/],
    ['curl a.example -b jar', /-b reads a file/],
    ['curl a.example -T file', /-T reads a file/],
    ['curl a.example -X', /the option -X has no value/],
    ['curl a.example -X DELETE', /a login is a GET, POST or PUT/],
    ['curl a.example -I', /a login is a GET, POST or PUT/],
    ['curl a.example -H nonsense', /a header field is written as NAME: VALUE/],
    ['curl a.example --digest -u a:b', /--digest is no way in which tokenward logs in/],
  ] as const)
    it(`cannot be: ${text}`, () => assert.throws(() => curl(text), message));
});
