import assert from 'node:assert/strict';
import request from 'supertest';
import { operatorApp } from '../support/operator.ts';

/** As a fault's message may quote it. */
const SECRET = 'tOkEn-in-a-message-71c3';

describe("a fault of tokenward's own on the operator port", () => {
  it('is a 500 in the form of all errors and a line in the log, which say where and not what', async () => {
    const lines: string[] = [];
    const broken = operatorApp({ view: { status: () => Promise.reject(new RangeError(SECRET)) }, lines });
    const { text } = await request(broken)
      .get('/status')
      .expect(500)
      .expect('content-type', 'application/problem+json; charset=utf-8')
      .expect(/"code":"internal"/);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /"level":"error","message":"unexpected fault on the operator port"/);
    assert.match(lines[0]!, /RangeError at .*unexpected-fault\.test\.ts/);
    assert.ok(!`${text}${lines.join('')}`.includes(SECRET));
  });

  it('leaves the rest of the port as it is', async () => {
    const app = operatorApp({ view: { status: () => Promise.reject(new RangeError(SECRET)) } });
    await request(app).get('/status').expect(500);
    await request(app).get('/healthz').expect(200, 'ok\n');
  });
});
