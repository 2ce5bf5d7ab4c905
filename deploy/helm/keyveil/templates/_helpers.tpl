{{- define "keyveil.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* What pods are selected by; never changes. */}}
{{- define "keyveil.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "keyveil.labels" -}}
{{ include "keyveil.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "keyveil.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "keyveil.claim" -}}
{{ .Values.data.existingClaim | default (printf "%s-data" (include "keyveil.name" .)) }}
{{- end }}

{{- define "keyveil.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What can't work, said before anything is installed. */}}
{{- define "keyveil.check" -}}
{{- if not .Values.server.publicUrl }}{{ fail "server.publicUrl is needed: the https address that browsers use" }}{{ end }}
{{- if and (gt (int .Values.server.replicas) 1) (not .Values.database.urlSecret.name) }}
{{- fail "SQLite is one server's: name database.urlSecret, or set server.replicas to 1" }}
{{- end }}
{{- if and (gt (int .Values.server.replicas) 1) (not .Values.data.existingClaim) (not (has "ReadWriteMany" .Values.data.accessModes)) }}
{{- fail "several replicas share the data folder: data.accessModes has to hold ReadWriteMany" }}
{{- end }}
{{- if and (eq .Values.kms.engine "local") (not .Values.kms.rootKeySecret.name) }}
{{- fail "kms.rootKeySecret is needed: the root key must not lie in the data folder" }}
{{- end }}
{{- end }}

{{/* Of the server's containers. */}}
{{- define "keyveil.environment" -}}
- name: KEYVEIL_PUBLIC_URL
  value: {{ .Values.server.publicUrl | quote }}
- name: KEYVEIL_HTTP_DRAIN_SECS
  value: {{ .Values.server.drainSecs | quote }}
- name: KEYVEIL_KMS_ENGINE
  value: {{ .Values.kms.engine }}
# Each pod writes the player's files for itself; the same build gives the same bytes.
- name: KEYVEIL_PAGES_SDK_DIRS
  value: /run/keyveil/sdk,/usr/local/share/keyveil/sdk
{{- with .Values.server.trustedProxies }}
- name: KEYVEIL_HTTP_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.database.urlSecret }}
{{- if .name }}
- name: KEYVEIL_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .name }}, key: {{ .key }}}
{{- end }}
{{- end }}
{{- with .Values.storage }}
{{- if .url }}
- name: KEYVEIL_STORAGE_URL
  value: {{ .url | quote }}
- name: KEYVEIL_STORAGE_REGION
  value: {{ .region | quote }}
- name: KEYVEIL_STORAGE_READS
  value: {{ .reads }}
{{- if .endpoint }}
- name: KEYVEIL_STORAGE_ENDPOINT
  value: {{ .endpoint | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.kms.rootKeySecret.name }}
- name: CREDENTIALS_DIRECTORY
  value: /run/credentials
- name: KEYVEIL_KMS_LOCAL_ROOT_KEY_CREDENTIAL
  value: {{ .Values.kms.rootKeySecret.key }}
{{- end }}
{{- if .Values.metrics.enabled }}
- name: KEYVEIL_METRICS_LISTEN
  value: 0.0.0.0:9464
{{- end }}
{{- range $name, $value := .Values.server.environment }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "keyveil.mounts" -}}
- {name: data, mountPath: /var/lib/keyveil}
- {name: sdk, mountPath: /run/keyveil/sdk}
- {name: tmp, mountPath: /tmp}
{{- if .Values.kms.rootKeySecret.name }}
- {name: root-key, mountPath: /run/credentials, readOnly: true}
{{- end }}
{{- end }}
