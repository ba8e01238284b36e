import assert from 'node:assert/strict';
import { Mask, masked } from '../../src/app/mask.ts';

const SECRET = 'p&ß "secret"/+1';

function maskOf(...secrets: unknown[]): Mask {
  const mask = new Mask();
  for (const secret of secrets) mask.add(secret);
  return mask;
}

describe('a masked secret', () => {
  it('shows two characters and the length; of a short one, the length alone', () => {
    assert.equal(masked('password-1234'), 'pa…(13 characters)');
    assert.equal(masked('1234567'), '…(7 characters)');
    assert.equal(masked('x'), '…(1 character)');
    assert.equal(masked('\u001b[31mdanger'), '…(11 characters)');
  });
});

describe('the mask', () => {
  const shown = 'p&…(15 characters)';
  const mask = maskOf(SECRET);

  it('finds a secret in every spelling in which a request carries it', () => {
    assert.equal(mask.text(`a ${SECRET} b`), `a ${shown} b`);
    assert.equal(mask.url(`https://a.example/${encodeURIComponent(SECRET)}`), `https://a.example/${shown}`);
    assert.equal(
      mask.url(`https://a.example/?${new URLSearchParams({ p: SECRET }).toString()}`),
      `https://a.example/?p=${shown}`,
    );
    assert.equal(mask.body('application/json', JSON.stringify({ a: [{ b: SECRET }] })), `{"a":[{"b":"${shown}"}]}`);
    assert.equal(
      mask.body('application/x-www-form-urlencoded', new URLSearchParams({ u: 'me', p: SECRET }).toString()),
      `u=me&p=${shown}`,
    );
    assert.equal(mask.body('text/xml', '<p>p&#38;ß &#34;secret&#34;/+1</p>'), `<p>${shown}</p>`);
    assert.equal(mask.header('X-Data', Buffer.from(SECRET).toString('base64')), shown);
  });

  it('shows the user of Basic authentication, and never its password', () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    assert.equal(mask.header('Authorization', basic(`me:${SECRET}`)), `Basic base64 of me:${shown}`);
    assert.equal(mask.header('Authorization', basic('me:unknown-to-it')), 'Basic base64 of me:un…(13 characters)');
  });

  it('hides what stands in a field with the name of a secret, also if it does not know it', () => {
    assert.equal(mask.header('Authorization', 'Bearer not-known-1'), 'Bearer no…(11 characters)');
    assert.equal(mask.header('X-Api-Key', 'abcdefgh'), 'ab…(8 characters)');
    assert.equal(mask.form('client_secret=abcdefgh&client_id=app'), 'client_secret=ab…(8 characters)&client_id=app');
    assert.equal(mask.body('application/json', '{"pin":1234}'), '{"pin":"…(4 characters)"}');
  });

  it('leaves a placeholder as it is', () => {
    assert.equal(mask.header('Authorization', 'Bearer {token}'), 'Bearer {token}');
    assert.equal(mask.form('refresh_token=%7BrefreshToken%7D'), 'refresh_token={refreshToken}');
  });

  it('hides a secret that another one begins with, and a short one where it is a whole value', () => {
    assert.equal(maskOf('abcdefgh', 'abcdefgh-and-more').text('abcdefgh-and-more'), 'ab…(17 characters)');
    assert.equal(maskOf('ab').text('cabbage'), 'cabbage');
    assert.equal(maskOf('ab').body('application/json', '{"x":"ab"}'), '{"x":"…(2 characters)"}');
    assert.equal(maskOf({ inner: ['abcdefgh'] }).text('abcdefgh'), 'ab…(8 characters)');
  });
});
