{{- define "evcommand.name" -}}
{{- if contains "evcommand" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-evcommand" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "evcommand.selector" -}}
app.kubernetes.io/name: evcommand
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "evcommand.labels" -}}
{{ include "evcommand.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "evcommand.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The settings of all processes; a role's own settings win over them. Takes root and role. */}}
{{- define "evcommand.settings" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $settings := dict
  "TEMPORAL_ADDRESS" $values.temporal.address
  "TEMPORAL_NAMESPACE" $values.temporal.namespace
  "EVCOMMAND_DATABASE_URL_FILE" "/etc/evcommand/database/url"
  "EVCOMMAND_METRICS_LISTEN" (printf "0.0.0.0:%v" $values.metrics.port)
  "EVCOMMAND_METRICS_TOKEN_FILE" "/etc/evcommand/metrics/token"
  "EVCOMMAND_STOP_LIMIT_S" (toString $values.stopLimitSeconds)
-}}
{{- if $values.temporal.ui -}}
{{- $_ := set $settings "EVCOMMAND_TEMPORAL_UI" $values.temporal.ui -}}
{{- end -}}
{{- if $values.temporal.tls.existingSecret -}}
{{- $_ := set $settings "TEMPORAL_TLS_SERVER_CA_CERT_PATH" "/etc/evcommand/temporal/ca.crt" -}}
{{- $_ := set $settings "TEMPORAL_TLS_CLIENT_CERT_PATH" "/etc/evcommand/temporal/tls.crt" -}}
{{- $_ := set $settings "TEMPORAL_TLS_CLIENT_KEY_PATH" "/etc/evcommand/temporal/tls.key" -}}
{{- if $values.temporal.tls.serverName -}}
{{- $_ := set $settings "TEMPORAL_TLS_SERVER_NAME" $values.temporal.tls.serverName -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := mergeOverwrite $settings $values.settings .own (index $values .role).settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* One Deployment. Takes root, role, own (settings), ports (name to number), secrets (folder to Secret). */}}
{{- define "evcommand.deployment" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .role -}}
{{- $secrets := merge (dict "database" $root.Values.database.existingSecret "metrics" $root.Values.metrics.existingSecret) .secrets -}}
{{- if $root.Values.temporal.tls.existingSecret -}}
{{- $_ := set $secrets "temporal" $root.Values.temporal.tls.existingSecret -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "evcommand.name" $root }}-{{ .role }}
  labels:
    {{- include "evcommand.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "evcommand.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
  template:
    metadata:
      labels:
        {{- include "evcommand.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
    spec:
      serviceAccountName: {{ include "evcommand.name" $root }}
      automountServiceAccountToken: false
      # Time to leave the Service, then to drain.
      terminationGracePeriodSeconds: {{ add $values.preStopSeconds $root.Values.stopLimitSeconds 10 }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: {type: RuntimeDefault}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations: {{ toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "evcommand.selector" $root | nindent 14 }}
              app.kubernetes.io/component: {{ .role }}
      containers:
        - name: {{ .role }}
          image: {{ include "evcommand.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .role }}]
          env: {{- include "evcommand.settings" . | nindent 12 }}
          ports:
            {{- range $name, $port := merge (dict "metrics" $root.Values.metrics.port) .ports }}
            - name: {{ $name }}
              containerPort: {{ $port }}
            {{- end }}
          startupProbe:
            httpGet: {path: /live, port: metrics}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /live, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /ready, port: metrics}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          {{- if $values.preStopSeconds }}
          lifecycle:
            preStop:
              exec: {command: [sleep, {{ $values.preStopSeconds | quote }}]}
          {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- range $folder, $_ := $secrets }}
            - name: {{ $folder }}
              mountPath: /etc/evcommand/{{ $folder }}
              readOnly: true
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        {{- range $folder, $secret := $secrets }}
        - name: {{ $folder }}
          secret: {secretName: {{ $secret }}, defaultMode: 0440}
        {{- end }}
{{- end -}}
