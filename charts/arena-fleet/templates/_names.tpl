{{/* Name of the release's objects, at most 45 characters so that a suffix fits. */}}
{{- define "arena-fleet.fullname" -}}
{{- if contains "arena-fleet" .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-arena-fleet" .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "arena-fleet.selector" -}}
app.kubernetes.io/name: arena-fleet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "arena-fleet.labels" -}}
{{ include "arena-fleet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: arena-fleet
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Address of an image: dict "image" and "tag". */}}
{{- define "arena-fleet.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{/* The namespaces that are acted on, as JSON. */}}
{{- define "arena-fleet.namespaces" -}}
{{- .Values.watchNamespaces | default (list .Release.Namespace) | uniq | sortAlpha | toJson -}}
{{- end -}}

{{- define "arena-fleet.storeSecret" -}}
{{- .Values.store.existingSecret | default (printf "%s-store-key" (include "arena-fleet.fullname" .)) -}}
{{- end -}}

{{- define "arena-fleet.redisSecret" -}}
{{- if .Values.redis.enabled -}}
{{ include "arena-fleet.fullname" . }}-redis
{{- else -}}
{{ required "redis.enabled is false: set redis.existingSecret to a Secret whose key `url` says where your Redis is" .Values.redis.existingSecret }}
{{- end -}}
{{- end -}}
