import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../../src/tokens/store.ts';
import { RedisStore, type RedisOptions } from '../../src/tokens/stores/redis.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { documentedUser } from '../support/redis-acl.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisContract, redisOptions } from './redis-factory.ts';
import { describeStoreContract } from './store-contract.ts';

const PASSWORD = 'canary-secret-of-redis';

describe('Redis over TLS with the ACL user of the docs', () => {
  let server: RedisServer;
  let folder: string;
  let authority: Authority;
  let own: Certificate;
  before(async function () {
    const command = requireTool(this, 'redis-server');
    folder = temporaryFolder();
    authority = new Authority(this, folder);
    const { certFile, keyFile } = authority.forLoopback();
    own = authority.issue({ cn: 'tokenward' });
    const acl = join(folder, 'users.acl');
    writeFileSync(acl, `user default off\n${documentedUser(PASSWORD, 'contract-*')}\n`);
    server = await startRedis(
      command,
      [
        '--aclfile',
        acl,
        '--tls-cert-file',
        certFile,
        '--tls-key-file',
        keyFile,
        '--tls-ca-cert-file',
        authority.caFile,
        '--tls-auth-clients',
        'yes',
      ],
      { plain: false },
    );
  });
  after(async () => {
    await server?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const access = (given: Partial<RedisOptions> = {}): RedisOptions =>
    redisOptions(server, {
      username: 'tokenward',
      password: PASSWORD,
      keyPrefix: 'contract-tls',
      tls: { ca: Buffer.from(authority.ca), cert: Buffer.from(own.cert), key: Buffer.from(own.key) },
      ...given,
    });

  describeStoreContract(
    'the Redis store over TLS, as a user who may no more than the docs say',
    redisContract((keyPrefix) => access({ keyPrefix })),
  );

  it('needs no more to listen, to list and to wait for replicas', async () => {
    const store = await RedisStore.open(access({ waitReplicas: 1, commandTimeout: 1_000 }));
    await store.watch(
      () => undefined,
      () => undefined,
    );
    assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') }), true);
    assert.deepEqual(await store.accounts(), ['crm']);
    await store.close();
  });

  const refused = async (options: RedisOptions, word: RegExp): Promise<void> =>
    assert.rejects(
      RedisStore.open(options),
      (error: Error) => error instanceof StoreError && word.test(error.message) && !error.message.includes('canary'),
    );

  it('says what Redis says of a wrong password, in one word', () =>
    refused(access({ password: 'canary-wrong' }), /WRONGPASS/));
  it('says so when the user may not touch these keys', () => refused(access({ keyPrefix: 'others' }), /NOPERM/));
  it('does not talk to a server whose certificate it cannot trust', () =>
    refused(access({ tls: { cert: Buffer.from(own.cert), key: Buffer.from(own.key) } }), /CERT|SELF_SIGNED/)).timeout(
    15_000,
  );
});
