/** The values of a request that the texts of an HMAC signature may use. */
export const HMAC_NAMES: readonly string[] = [
  'method',
  'path',
  'query',
  'sortedQuery',
  'target',
  'host',
  'contentType',
  'timestamp',
  'timestampMs',
  'date',
  'isoDate',
  'nonce',
  'body',
  'bodyHash',
  'bodyHashBase64',
  'bodyMd5',
];
