/** What is known when an example's clients are called. */
export interface Setting {
  /** The authority that the application trusts: the path of a file. */
  readonly authority: string;
  /** A token of the service account `backend` in `shop`, for the audience `tokenward`. */
  readonly token: string;
}

/** An application of an example: a program that nobody has changed, and what its manifest gives it. */
export interface Client {
  readonly pod: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Example {
  readonly file: string;
  /** Further values, where the example's own need a cluster. */
  readonly settings?: readonly string[];
  /** The vendor's name leads to the Service, as by `hostAliases` or a mesh. */
  readonly alias?: boolean;
  readonly port: { readonly service: number; readonly container: number };
  readonly clients: (setting: Setting) => readonly Client[];
}

const VENDOR = 'api.chatapp.online';
const CURL = ['curl', '-sS', '--max-time', '8', '-o', '/dev/null', '-w', '%{http_code}'];
const PLAIN = { service: 8080, container: 8080 };
/** The key whose digest stands in the examples. */
const KEY = 'test';

const python = (url: string): readonly string[] => [
  ...['/usr/bin/python3', '-c'],
  'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=8).status, end="")',
  url,
];

export const EXAMPLES: readonly Example[] = [
  {
    file: 'base-url',
    port: PLAIN,
    clients: () => [
      { pod: 'shop', command: [...CURL, 'http://tokenward.egress:8080/crm/v1/licenses'] },
      { pod: 'shop', command: python('http://tokenward.egress:8080/crm/v1/licenses') },
    ],
  },
  {
    file: 'dns-alias',
    alias: true,
    port: { service: 443, container: 8443 },
    clients: ({ authority }) => [
      { pod: 'legacy', command: [...CURL, `https://${VENDOR}/v1/licenses`], env: { CURL_CA_BUNDLE: authority } },
      { pod: 'legacy', command: python(`https://${VENDOR}/v1/licenses`), env: { SSL_CERT_FILE: authority } },
    ],
  },
  {
    file: 'forward-proxy',
    port: PLAIN,
    clients: ({ authority }) => {
      const proxy = { HTTPS_PROXY: `http://billing:${KEY}@tokenward.egress:8080` };
      return [
        {
          pod: 'legacy',
          command: [...CURL, `https://${VENDOR}/v1/licenses`],
          env: { ...proxy, CURL_CA_BUNDLE: authority },
        },
        {
          pod: 'legacy',
          command: python(`https://${VENDOR}/v1/licenses`),
          env: { ...proxy, SSL_CERT_FILE: authority },
        },
      ];
    },
  },
  {
    // The mesh is not there: what it does is that the name, on port 80, leads to the Service.
    file: 'istio',
    settings: ['networkPolicy.callers=[{"podSelector":{"matchLabels":{"app":"legacy"}}}]'],
    alias: true,
    port: { service: 80, container: 8080 },
    clients: () => [
      { pod: 'legacy', command: [...CURL, `http://${VENDOR}/v1/licenses`] },
      { pod: 'legacy', command: python(`http://${VENDOR}/v1/licenses`) },
    ],
  },
  {
    // The Gateway is not there: what it does is that requests come from its pod, with the Host of its listener.
    file: 'gateway-api',
    port: PLAIN,
    clients: () => [
      {
        pod: 'gateway',
        command: [
          ...[...CURL, '-H', 'Host: apis.internal.example', '-H', `X-Api-Key: ${KEY}`],
          'http://tokenward.egress:8080/crm/v1/licenses',
        ],
      },
    ],
  },
  {
    file: 'jwt-callers',
    settings: ['networkPolicy.callers=[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"shop"}}}]'],
    port: PLAIN,
    clients: ({ token }) => [
      {
        pod: 'shop',
        command: [...CURL, '-H', `Authorization: Bearer ${token}`, 'http://tokenward.egress:8080/crm/v1/licenses'],
      },
    ],
  },
];
