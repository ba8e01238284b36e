{{/* The egress rule to the resolvers, shared by both policies. */}}
{{- define "tokenward.dnsEgress" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - { port: {{ . }}, protocol: UDP }
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
{{- end -}}

{{/*
The hosts that the configuration names, as a list in YAML: of every http and https URL in it, and of the presets and
recipes that accounts use (files/flow-hosts.yaml is made from them). Not those of this pod, nor what only the pod knows.
*/}}
{{- define "tokenward.upstreamHosts" -}}
{{- $config := include "tokenward.config" . | fromYaml -}}
{{- $known := .Files.Get "files/flow-hosts.yaml" | fromYaml -}}
{{- $all := .Values.networkPolicy.fqdn.hosts -}}
{{- range $account := concat (values $config.accounts) (values ($config.flows | default dict)) -}}
{{- range $name := list $account.flow $account.extends -}}
{{- $all = concat $all (get $known (toString $name) | default list) -}}
{{- end -}}
{{- end -}}
{{- range regexFindAll "https?://[^/\\\\\"'\\s?#]+" (pick $config "accounts" "flows" "routes" "jwt" | toJson) -1 -}}
{{- $host := regexReplaceAll "^https?://([^@]*@)?" . "" | lower -}}
{{- $host = regexReplaceAll ":[0-9]*$" $host "" -}}
{{- if regexMatch "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$" $host -}}
{{- if not (or (regexMatch "^[0-9.]+$" $host) (eq $host "localhost")) -}}
{{- $all = append $all $host -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml (sortAlpha (uniq $all)) -}}
{{- end -}}
