{{/*
The configuration, as tokenward reads it. Helm merges a user's values into the chart's,
so defaults that no longer apply are taken out again: the embedded store's path under
another store, the leave for anonymous callers once callers are listed, the leave to act without a key once the operator
port has one, and the example account once no route uses it. Filled in is what only the chart knows: the names
of the Services, the delay of a stop, the files of the certificate, and, without a key for operators, a digest that no key has.
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
{{- $_ := set $config.listen "hosts" (include "tokenward.serviceNames" (list . (include "tokenward.fullname" .)) | fromYamlArray) -}}
{{- end -}}
{{- if .Values.tls.enabled -}}
{{- $files := dict "certFile" "/etc/tokenward/tls/tls.crt" "keyFile" "/etc/tokenward/tls/tls.key" -}}
{{- $_ := set $config.listen "tls" (mergeOverwrite $files ($config.listen.tls | default dict)) -}}
{{- end -}}
{{- if $config.operator.key -}}
{{- $_ := set $config "operator" (omit $config.operator "allowAnonymous") -}}
{{- else if not $config.operator.allowAnonymous -}}
{{- $_ := set $config.operator "key" (printf "sha256:%s" (repeat 64 "0")) -}}
{{- end -}}
{{- if not (hasKey $config.operator "hosts") -}}
{{- $_ := set $config.operator "hosts" (include "tokenward.serviceNames" (list . (printf "%s-operator" (include "tokenward.fullname" .))) | fromYamlArray) -}}
{{- end -}}
{{- $_ := set $config "shutdown" (merge (dict) ($config.shutdown | default dict) (dict "delay" (include "tokenward.delay" .))) -}}
{{- $used := dict -}}
{{- range $config.routes -}}
{{- $_ := set $used (.account | default "") true -}}
{{- end -}}
{{- if not (hasKey $used "example") -}}
{{- $_ := set $config "accounts" (omit $config.accounts "example") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/*
What of the configuration makes new pods when it changes: the keys that tokenward cannot take over while it serves
(docs/configuration.md, Reload). All of it, if it does not watch its files.
*/}}
{{- define "tokenward.restartConfig" -}}
{{- $config := include "tokenward.config" . | fromYaml -}}
{{- if not $config.watch -}}
{{- toYaml $config -}}
{{- else -}}
{{- $listen := omit $config.listen "hosts" "requireHeader" -}}
{{- if hasKey $listen "forward" -}}
{{- $_ := set $listen "forward" true -}}
{{- end -}}
{{- $parts := dict "listen" $listen "operator" $config.operator "workers" ($config.workers | default 1) "store" $config.store -}}
{{- $_ := set $parts "workerConnections" ($config.workerConnections | default "in-turn") -}}
{{- $_ := set $parts "headerBytes" (dig "headerBytes" "" ($config.limits | default dict)) -}}
{{- $_ := set $parts "format" (dig "format" "" ($config.log | default dict)) -}}
{{- if or $listen.forward (dig "authority" false ($listen.tls | default dict)) -}}
{{- $hosts := list -}}
{{- range $config.routes -}}{{- $hosts = append $hosts (hasKey . "host") -}}{{- end -}}
{{- $_ := set $parts "hasHosts" (has true $hosts) -}}
{{- end -}}
{{- toYaml $parts -}}
{{- end -}}
{{- end -}}

{{/* A duration of the configuration in ms; nothing if only the pod will know it (${…}). */}}
{{- define "tokenward.milliseconds" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h)?$" $text -}}
{{- $units := dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0 -}}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (get $units (regexFind "[a-z]+$" $text | default "s")) -}}
{{- end -}}
{{- end -}}

{{/* config.shutdown.delay. Over the embedded store no other pod is coming, so that waiting would only make the gap longer. */}}
{{- define "tokenward.delay" -}}
{{- $shutdown := .Values.config.shutdown | default dict -}}
{{- if hasKey $shutdown "delay" -}}{{ $shutdown.delay }}
{{- else if include "tokenward.embedded" . -}}0s
{{- else -}}5s
{{- end -}}
{{- end -}}

{{/*
Seconds that a stop may take: config.shutdown, and 48 s for a renewal that is under way at its end (src/deadlines.ts).
Nothing if config.shutdown is known only in the pod.
*/}}
{{- define "tokenward.stopSeconds" -}}
{{- $shutdown := .Values.config.shutdown | default dict -}}
{{- $delay := include "tokenward.milliseconds" (include "tokenward.delay" .) -}}
{{- $drain := include "tokenward.milliseconds" (hasKey $shutdown "drain" | ternary $shutdown.drain "20s") -}}
{{- if and $delay $drain -}}
{{- int (ceil (divf (addf (float64 $delay) (float64 $drain) 48000) 1000)) -}}
{{- end -}}
{{- end -}}

{{/*
Where a value of the configuration would show a secret in the ConfigMap: paths, one a line. Takes a dict: path, value, and
key (the last part of path). A reference (${…}) is none, nor is a digest.
*/}}
{{- define "tokenward.writtenOut" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- include "tokenward.writtenOut" (dict "path" (printf "%s.%s" $path $key) "key" $key "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- $key := .key -}}
{{- range $index, $value := .value -}}
{{- include "tokenward.writtenOut" (dict "path" (printf "%s.%d" $path $index) "key" $key "value" $value) -}}
{{- end -}}
{{- else if not (kindIs "bool" .value) -}}
{{- $text := toString (default "" .value) -}}
{{- $isSecret := and (regexMatch "(?i)(password|passphrase|secret|token|keys?)$" .key) (not (regexMatch "^$|\\$\\{|^sha256:" $text)) -}}
{{- if or $isSecret (regexMatch "://[^/@\\s]*:[^$/@\\s][^/@\\s]*@" $text) -}}
{{ $path }}{{ "\n" }}
{{- end -}}
{{- end -}}
{{- end -}}
