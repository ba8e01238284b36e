{{- define "tokenward.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name once, not twice, when it already says tokenward. 54: room for suffixes. */}}
{{- define "tokenward.fullname" -}}
{{- $name := include "tokenward.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 54 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 54 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tokenward.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tokenward.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tokenward.labels" -}}
{{ include "tokenward.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "tokenward.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/*
The configuration, as tokenward reads it. Helm merges a user's values into the chart's,
so defaults that no longer apply are taken out again: the embedded store's path under
another store, the leave to act without a key once the operator port has one, the leave for anonymous callers once callers are listed, and the example
account once no route uses it. Where nobody is asked for a key, the Service's names are the
ones to call by.
*/}}
{{- define "tokenward.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if ne $config.store.type "embedded" -}}
{{- $_ := set $config "store" (omit $config.store "path") -}}
{{- end -}}
{{- if kindIs "slice" $config.callers -}}
{{- $config = omit $config "allowAnonymous" -}}
{{- end -}}
{{- if and (eq (toString $config.callers) "none") (not (hasKey $config.listen "hosts")) -}}
{{- $service := include "tokenward.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $service .Release.Namespace -}}
{{- $_ := set $config.listen "hosts" (list $service $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.cluster.local" $inNamespace)) -}}
{{- end -}}
{{- if $config.operator.key -}}
{{- $_ := set $config "operator" (omit $config.operator "allowAnonymous") -}}
{{- end -}}
{{- if not (hasKey $config.operator "hosts") -}}
{{- $service := printf "%s-operator" (include "tokenward.fullname" .) -}}
{{- $inNamespace := printf "%s.%s" $service .Release.Namespace -}}
{{- $_ := set $config.operator "hosts" (list $service $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.cluster.local" $inNamespace)) -}}
{{- end -}}
{{- $used := dict -}}
{{- range $config.routes -}}
{{- $_ := set $used (.account | default "") true -}}
{{- end -}}
{{- if not (hasKey $used "example") -}}
{{- $_ := set $config "accounts" (omit $config.accounts "example") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "tokenward.embedded" -}}
{{- if eq .Values.config.store.type "embedded" }}true{{ end -}}
{{- end -}}

{{- define "tokenward.claimName" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-data" (include "tokenward.fullname" .)) -}}
{{- end -}}

{{/* A duration of the configuration in ms; nothing if only the pod will know it (${…}). */}}
{{- define "tokenward.milliseconds" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h)?$" $text -}}
{{- $units := dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0 -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $units (regexFind "[a-z]+$" $text | default "s")) -}}
{{- end -}}
{{- end -}}

{{/*
Seconds that a stop may take: config.shutdown, and 48 s for a renewal that is under way at its end (src/deadlines.ts).
Nothing if config.shutdown is known only in the pod.
*/}}
{{- define "tokenward.stopSeconds" -}}
{{- $shutdown := .Values.config.shutdown | default dict -}}
{{- $delay := include "tokenward.milliseconds" (hasKey $shutdown "delay" | ternary $shutdown.delay "0s") -}}
{{- $drain := include "tokenward.milliseconds" (hasKey $shutdown "drain" | ternary $shutdown.drain "20s") -}}
{{- if and $delay $drain -}}
{{- int (ceil (divf (addf (float64 $delay) (float64 $drain) 48000) 1000)) -}}
{{- end -}}
{{- end -}}

{{/* The egress rule to the resolvers, shared by both policies. */}}
{{- define "tokenward.dnsEgress" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}
