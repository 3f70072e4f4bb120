{{- define "dataiku-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dataiku-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "dataiku-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dataiku-operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- /* Name of objects outside of namespaces: two releases of one name may exist in two namespaces. */ -}}
{{- define "dataiku-operator.clusterName" -}}
{{- $name := include "dataiku-operator.fullname" . -}}
{{- $namespace := include "dataiku-operator.namespace" . -}}
{{- if eq $name $namespace -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" $namespace $name -}}
{{- end -}}
{{- end -}}

{{- define "dataiku-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dataiku-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is required if serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "dataiku-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dataiku-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* Labels of every object; those of the chart win over the user's, since selectors rely on them. */ -}}
{{- define "dataiku-operator.labels" -}}
{{- $own := include "dataiku-operator.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" .Chart.Name -}}
{{- $_ := set $own "app.kubernetes.io/version" (.Chart.AppVersion | trunc 63) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- toYaml (merge $own .Values.commonLabels) -}}
{{- end -}}

{{- /* Metadata of an object: a dict with context, name, and optionally namespace, labels, annotations. */ -}}
{{- define "dataiku-operator.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- toYaml (merge (include "dataiku-operator.labels" .context | fromYaml) (default dict .labels)) | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .context.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "dataiku-operator.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- $repository := .Values.image.repository -}}
{{- if $registry -}}
{{- $repository = printf "%s/%s" ($registry | trimSuffix "/") $repository -}}
{{- end -}}
{{- $image := printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- with .Values.image.digest -}}
{{- $image = printf "%s@%s" $image . -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{- /* The watched namespaces as a list in JSON; one empty name stands for all. */ -}}
{{- define "dataiku-operator.watched" -}}
{{- default (list "") (uniq .Values.watchNamespaces) | toJson -}}
{{- end -}}

{{- /* "true" if an object of the Prometheus operator is to be rendered: a dict with context, value and what it is. */ -}}
{{- define "dataiku-operator.rendered" -}}
{{- if .value.enabled -}}
{{- $known := .context.Capabilities.APIVersions.Has "monitoring.coreos.com/v1" -}}
{{- if or $known (eq .value.renderMode "alwaysRender") -}}
true
{{- else if eq .value.renderMode "failIfMissing" -}}
{{- fail (printf "metrics.%s.enabled is true, but the cluster does not have the API monitoring.coreos.com/v1: install the Prometheus operator, or set metrics.%s.renderMode to alwaysRender" .what .what) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What no schema can say: values that contradict each other. */ -}}
{{- define "dataiku-operator.validate" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection.enabled) -}}
{{- fail "replicas is more than 1, but leaderElection.enabled is false: all replicas would write at once" -}}
{{- end -}}
{{- if and (not (kindIs "invalid" .Values.podDisruptionBudget.minAvailable)) (not (kindIs "invalid" .Values.podDisruptionBudget.maxUnavailable)) -}}
{{- fail "podDisruptionBudget takes minAvailable or maxUnavailable, not both" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled needs metrics.service.enabled; metrics.podMonitor needs no Service" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled are both true: every series would be scraped twice" -}}
{{- end -}}
{{- $alerts := list -}}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).alerts -}}
{{- $alerts = append $alerts .alert -}}
{{- end -}}
{{- range .Values.metrics.prometheusRule.disabled -}}
{{- if not (has . $alerts) -}}
{{- fail (printf "metrics.prometheusRule.disabled names the alert %s, which does not exist; there are: %s" . (join ", " $alerts)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
