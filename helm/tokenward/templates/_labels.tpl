{{- define "tokenward.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tokenward.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/*
The metadata of an object: name, namespace, labels, annotations. Takes a dict: root; name; and where it needs them
namespace, component, labels (the user's), annotations (the user's), own (annotations that win).
Everything is merged, so that no key is there twice, and the chart's own labels win: Services and policies find by them.
*/}}
{{- define "tokenward.metadata" -}}
{{- $root := .root -}}
{{- $labels := dict
  "app.kubernetes.io/version" (toString $root.Chart.AppVersion)
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- with .component -}}
{{- $_ := set $labels "app.kubernetes.io/component" . -}}
{{- end -}}
{{- $labels = mergeOverwrite (dict) $root.Values.commonLabels (.labels | default dict) $labels (include "tokenward.selectorLabels" $root | fromYaml) -}}
{{- $annotations := mergeOverwrite (dict) $root.Values.commonAnnotations (.annotations | default dict) (.own | default dict) -}}
name: {{ .name | quote }}
namespace: {{ .namespace | default $root.Release.Namespace | quote }}
labels: {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
The labels of the pods. Neither the chart's version nor, where a digest says which image runs, the application's: a
new version of the chart alone must make no new pod.
*/}}
{{- define "tokenward.podLabels" -}}
{{- $own := include "tokenward.selectorLabels" . | fromYaml -}}
{{- if not .Values.image.digest -}}
{{- $_ := set $own "app.kubernetes.io/version" (.Values.image.tag | default .Chart.AppVersion | toString | trunc 63 | trimAll "-._") -}}
{{- end -}}
{{- toYaml (mergeOverwrite (dict) .Values.commonLabels .Values.podLabels $own) -}}
{{- end -}}
