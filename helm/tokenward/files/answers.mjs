/*
 * The program of `helm test`: asks a tokenward that was just installed, and ends with 1 if an answer is not the one of
 * a tokenward that serves. From the environment: OPERATOR and PROXY, two URLs, and TEST_PATH, a path of a route or nothing.
 */
const { OPERATOR, PROXY, TEST_PATH } = process.env;
let failed = 0;

/** A Service may need a moment until its pod is known everywhere. */
async function ask(url) {
  for (let left = 20; ; left -= 1) {
    try {
      return await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'manual' });
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

async function expect(what, url, isRight) {
  let found;
  try {
    const response = await ask(url);
    const text = await response.text();
    found = `status ${response.status}: ${text.slice(0, 300)}`;
    if (isRight(response, text)) return console.log(`right  ${what}: status ${response.status}`);
  } catch (error) {
    found = `${error.message}${error.cause?.message === undefined ? '' : `: ${error.cause.message}`}`;
  }
  failed += 1;
  console.log(`WRONG  ${what} at ${url}: ${found}`);
}

await expect('tokenward is ready', `${OPERATOR}/readyz`, ({ status }, text) => status === 200 && JSON.parse(text).ready === true);
await expect('the metrics can be read', `${OPERATOR}/metrics`, ({ status }, text) => status === 200 && text.includes('tokenward_build_info'));
// No route has such a path, so that no account is used. Without a caller's key 401 comes first.
const isOurs = ({ status, headers }) => (status === 404 || status === 401) && headers.get('content-type') === 'application/problem+json';
if (PROXY.startsWith('http:')) await expect('the proxy port answers', `${PROXY}/.well-known/tokenward-test`, isOurs);
if (TEST_PATH) await expect('a route answers', `${PROXY}${TEST_PATH}`, ({ ok }) => ok);
process.exit(failed === 0 ? 0 : 1);
