import assert from 'node:assert/strict';
import { chatapp, freshSandbox, text, twin } from './client.ts';

describe('sandbox: refresh rotation', () => {
  const sandbox = freshSandbox();
  const first = () => {
    const pair = sandbox().chatapp.issueToken();
    return { access: pair.accessToken, refresh: pair.refreshToken ?? '' };
  };
  const works = async (token: string) => (await chatapp.get(sandbox(), token)).status === 200;

  it('keep-old: the old pair goes on', async () => {
    sandbox().chatapp.set({ rotation: 'keep-old' });
    const old = first();
    assert.equal((await chatapp.refresh(sandbox(), old.refresh)).status, 200);
    assert.ok(await works(old.access));
    assert.equal((await chatapp.refresh(sandbox(), old.refresh)).status, 200);
  });

  it('kill-old (default): both old tokens die, the new pair lives on', async () => {
    const old = first();
    const response = await chatapp.refresh(sandbox(), old.refresh);
    assert.ok(!(await works(old.access)));
    assert.equal((await chatapp.refresh(sandbox(), old.refresh)).status, 403);
    assert.equal(sandbox().ledger.last()?.reason, 'spent');
    assert.ok(await works(text(response, 'data.accessToken')));
  });

  it('strict: using a spent refresh token again revokes the family, and only it', async () => {
    sandbox().chatapp.set({ rotation: 'strict' });
    const stranger = first();
    const old = first();
    const response = await chatapp.refresh(sandbox(), old.refresh);
    assert.ok(await works(text(response, 'data.accessToken')));
    assert.equal((await chatapp.refresh(sandbox(), old.refresh)).status, 403);
    assert.equal(sandbox().ledger.last()?.reason, 'family-revoked');
    assert.ok(!(await works(text(response, 'data.accessToken'))));
    assert.equal((await chatapp.refresh(sandbox(), text(response, 'data.refreshToken'))).status, 403);
    assert.ok(await works(stranger.access));
  });

  it('grace: a second use gets the same pair', async () => {
    sandbox().chatapp.set({ rotation: 'strict', rotationGraceSeconds: 30 });
    const old = first();
    const one = await chatapp.refresh(sandbox(), old.refresh);
    const two = await chatapp.refresh(sandbox(), old.refresh);
    assert.equal(two.text, one.text);
    assert.equal(sandbox().ledger.count({ kind: 'refresh', where: (e) => e.issued === 'chatapp#2' }), 2);
  });

  it('grace: or one more new pair', async () => {
    sandbox().chatapp.set({ rotation: 'strict', rotationGraceSeconds: 30, graceReturns: 'new-pair' });
    const old = first();
    const one = await chatapp.refresh(sandbox(), old.refresh);
    const two = await chatapp.refresh(sandbox(), old.refresh);
    assert.notEqual(text(two, 'data.accessToken'), text(one, 'data.accessToken'));
    assert.ok(await works(text(one, 'data.accessToken')));
    assert.ok(await works(text(two, 'data.accessToken')));
  });

  it('grace is over when its time is over', async () => {
    sandbox().chatapp.set({ rotation: 'strict', rotationGraceSeconds: 30 });
    const old = first();
    await chatapp.refresh(sandbox(), old.refresh);
    sandbox().chatapp.set({ clockSkewSeconds: 31 });
    assert.equal((await chatapp.refresh(sandbox(), old.refresh)).status, 403);
  });

  const styles: ['same' | 'omit' | 'empty', unknown][] = [
    ['same', 'itself'],
    ['omit', undefined],
    ['empty', ''],
  ];
  for (const [style, expected] of styles) {
    it(`refreshTokenInAnswer ${style}: the presented one stays good`, async () => {
      sandbox().twin.set({ refreshTokenInAnswer: style });
      const { refreshToken, accessToken } = sandbox().twin.issueToken();
      const response = await twin.refresh(sandbox(), refreshToken ?? '');
      assert.equal(response.at('refreshToken'), expected === 'itself' ? refreshToken : expected);
      assert.notEqual(response.at('token'), accessToken);
      assert.equal((await twin.get(sandbox(), accessToken)).status, 401);
      assert.equal((await twin.refresh(sandbox(), refreshToken ?? '')).status, 200);
    });
  }
});
