import { VALUE_FILES } from '../deploy/chart.ts';

/** Further values, each of which was once refused by the API server only. */
const SETTINGS: readonly (readonly string[])[] = [
  ['replicas=0'],
  ['replicas=null'],
  ['persistence.storageClass="-"'],
  ['persistence={"accessMode":"ReadWriteOncePod","selector":{"matchLabels":{"a":"b"}}}'],
  ['secretFiles=[{"existingSecret":"1234"}]', 'existingSecret="5678"'],
  ['nameOverride="1234"', 'fullnameOverride="gate"'],
  ['podLabels={"app.kubernetes.io/name":"x"}', 'podAnnotations={"checksum/config":"x"}'],
  ['podDisruptionBudget={"enabled":true,"maxUnavailable":"50%"}'],
  ['strategy={"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":1}}'],
  ['service={"clusterIP":"None"}'],
  ['service={"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6","IPv4"]}'],
  ['service={"trafficDistribution":"PreferSameNode","internalTrafficPolicy":"Local"}'],
  [
    'service={"type":"NodePort","nodePort":30080,"externalTrafficPolicy":"Local"}',
    `config.callers=[{"name":"a","key":"sha256:${'1'.repeat(64)}"}]`,
  ],
  ['networkPolicy.enabled=false'],
  ['existingConfigMap="9"'],
  ['tests.enabled=false', 'serviceAccount.create=false'],
];

/** Values that the chart must render, and that the API server and tokenward must take. */
export interface Variant {
  readonly name: string;
  readonly values: string | undefined;
  readonly settings: readonly string[];
}

export const VARIANTS: readonly Variant[] = [
  ...VALUE_FILES.map((values) => ({ name: values ?? 'the default', values, settings: [] })),
  ...SETTINGS.map((settings) => ({ name: settings.join(' '), values: undefined, settings })),
];
