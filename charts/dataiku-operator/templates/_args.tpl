{{- /* Arguments of the operator. One that has a default is passed only if the value differs from it. */ -}}
{{- define "dataiku-operator.args" -}}
- run
- --log-format={{ .Values.operator.logFormat }}
- --metrics-address={{ .Values.metrics.address }}:{{ .Values.metrics.port }}
{{- if not .Values.leaderElection.enabled }}
- --leader-election=false
{{- end }}
{{- range uniq .Values.watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- with .Values.operator }}
{{- range .allowAddresses }}
- --allow-address={{ . }}
{{- end }}
{{- with .releaseAfter }}
- --release-after={{ . }}
{{- end }}
{{- with .propagationDeadline }}
- --propagation-deadline={{ . }}
{{- end }}
{{- with .defaultDeletionPolicy }}
- --default-deletion-policy={{ . }}
{{- end }}
{{- if not .requireHostConsent }}
- --require-host-consent=false
{{- end }}
{{- if .allowInsecureTls }}
- --allow-insecure-tls
{{- end }}
{{- range .privilegedPermissions }}
- --privileged-permission={{ . }}
{{- end }}
{{- range .extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Spread over nodes unless the user says otherwise; a constraint without a selector counts this release's pods. */ -}}
{{- define "dataiku-operator.spread" -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if and (not $constraints) (gt (int .Values.replicas) 1) -}}
{{- $constraints = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $complete := list -}}
{{- range $constraints -}}
{{- $complete = append $complete (merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "dataiku-operator.selectorLabels" $ | fromYaml)))) -}}
{{- end -}}
{{- toYaml $complete -}}
{{- end -}}
