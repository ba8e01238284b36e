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

{{- define "tokenward.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $name := .Values.image.repository -}}
{{- if $registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" $registry) $name -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A list of { name: … }, of names and of such mappings; each once. */}}
{{- define "tokenward.pullSecrets" -}}
{{- $all := list -}}
{{- range concat .Values.global.imagePullSecrets .Values.imagePullSecrets -}}
{{- $all = append $all (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $all -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{- define "tokenward.embedded" -}}
{{- if eq .Values.config.store.type "embedded" }}true{{ end -}}
{{- end -}}

{{- define "tokenward.claimName" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-data" (include "tokenward.fullname" .)) -}}
{{- end -}}

{{- define "tokenward.tlsSecret" -}}
{{- .Values.tls.existingSecret | default (printf "%s-tls" (include "tokenward.fullname" .)) -}}
{{- end -}}

{{- define "tokenward.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tokenward.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What callers speak with the proxy port. */}}
{{- define "tokenward.scheme" -}}
{{- if or .Values.tls.enabled .Values.config.listen.tls -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{/* The names of a Service, as a list in YAML. Takes (list $ NAME). */}}
{{- define "tokenward.serviceNames" -}}
{{- $root := index . 0 -}}
{{- $inNamespace := printf "%s.%s" (index . 1) $root.Release.Namespace -}}
{{- toYaml (list (index . 1) $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.%s" $inNamespace $root.Values.clusterDomain)) -}}
{{- end -}}

{{/* The mount paths of secretFiles, filled in: a list in YAML, each with name, existingSecret, mountPath. */}}
{{- define "tokenward.secretFiles" -}}
{{- $all := list -}}
{{- range $index, $entry := .Values.secretFiles -}}
{{- $path := $entry.mountPath | default "/etc/tokenward/secrets" -}}
{{- $all = append $all (merge (dict "volume" (eq $index 0 | ternary "secrets" (printf "secrets-%d" $index)) "mountPath" $path) (deepCopy $entry)) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}
