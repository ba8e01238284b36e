import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { versionOf } from '../machine.ts';
import { tool } from '../tools.ts';
import type { Peer } from './peer.ts';

const program = (): string | undefined => tool('envoy', 'envoy/envoy/_bin/envoy');

export const envoy: Peer = {
  name: 'envoy',
  about: 'its credential injector with a fixed credential; one worker thread',
  keepsAlive: true,
  slowRunsOnly: true,
  missing: () => (program() === undefined ? 'envoy is not installed' : undefined),
  async start({ processes, folder, port, cpu, upstreamPort, token }) {
    const file = join(folder, 'envoy.json');
    writeFileSync(file, JSON.stringify(config(port, upstreamPort, token)), { mode: 0o600 });
    const started = processes.start(
      program()!,
      ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'],
      { cpu },
    );
    await started.accepts(port);
    return {
      port,
      pids: [started.pid],
      version: /\/(\d+\.\d+\.\d+)\//.exec(versionLine())?.[1] ?? versionOf(program()!, '--version'),
      stop: () => started.stop(),
    };
  },
};

function versionLine(): string {
  return spawnSync(program()!, ['--version'], { encoding: 'utf8', timeout: 5_000 }).stdout;
}

const typed = (type: string, fields: object = {}): object => ({
  '@type': `type.googleapis.com/envoy.${type}`,
  ...fields,
});
const address = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function config(port: number, upstreamPort: number, token: string): object {
  const most = { max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 };
  return {
    static_resources: {
      secrets: [{ name: 'credential', generic_secret: { secret: { inline_string: token } } }],
      listeners: [
        {
          address: address(port),
          filter_chains: [
            {
              filters: [
                {
                  name: 'http',
                  typed_config: typed('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
                    stat_prefix: 'in',
                    codec_type: 'HTTP1',
                    generate_request_id: false,
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            {
                              match: { prefix: '/' },
                              route: {
                                cluster: 'api',
                                timeout: '60s',
                                host_rewrite_literal: `127.0.0.1:${upstreamPort}`,
                              },
                            },
                          ],
                        },
                      ],
                    },
                    http_filters: [
                      {
                        name: 'injector',
                        typed_config: typed('extensions.filters.http.credential_injector.v3.CredentialInjector', {
                          overwrite: true,
                          credential: {
                            name: 'envoy.http.injected_credentials.generic',
                            typed_config: typed('extensions.http.injected_credentials.generic.v3.Generic', {
                              credential: { name: 'credential' },
                              header: 'Authorization',
                            }),
                          },
                        }),
                      },
                      {
                        name: 'router',
                        typed_config: typed('extensions.filters.http.router.v3.Router', {
                          suppress_envoy_headers: true,
                        }),
                      },
                    ],
                  }),
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'api',
          type: 'STATIC',
          connect_timeout: '3s',
          circuit_breakers: { thresholds: [most] },
          load_assignment: {
            cluster_name: 'api',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
    },
  };
}
