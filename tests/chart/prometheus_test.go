package chart

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const chartFolder = "../../charts/dataiku-operator"

// The chart rendered with these settings.
func render(t *testing.T, settings ...string) string {
	t.Helper()
	var words []string
	for _, setting := range settings {
		words = append(words, "--set", setting)
	}
	return renderWith(t, words...)
}

// The chart rendered with these arguments; `HELM` names the program.
func renderWith(t *testing.T, arguments ...string) string {
	t.Helper()
	helm := os.Getenv("HELM")
	if helm == "" {
		helm = "helm"
	}
	words := append([]string{"template", "ops", chartFolder, "--namespace", "dataiku", "--set", "crds.enabled=false"}, arguments...)
	output, err := exec.Command(helm, words...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", helm, words, err)
	}
	return string(output)
}

// The one document of this kind, read strictly: a field that its owner does not know is an error.
func document(t *testing.T, rendered, kind string, into any) {
	t.Helper()
	for _, text := range strings.Split(rendered, "\n---\n") {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(text), &head); err != nil {
			t.Fatal(err)
		}
		if head.Kind == kind {
			if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no %s is rendered", kind)
}

func rule(t *testing.T) monitoring.PrometheusRule {
	t.Helper()
	var rule monitoring.PrometheusRule
	document(t, render(t, "metrics.prometheusRule.enabled=true", "metrics.prometheusRule.runbookUrl=https://example.com/alerts"), "PrometheusRule", &rule)
	return rule
}

func alerts(t *testing.T) map[string]monitoring.Rule {
	t.Helper()
	alerts := map[string]monitoring.Rule{}
	for _, group := range rule(t).Spec.Groups {
		for _, alert := range group.Rules {
			alerts[alert.Alert] = alert
		}
	}
	return alerts
}

func parses(t *testing.T, what, expression string) {
	t.Helper()
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(expression); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestMonitorsAreWhatTheirOperatorTakes(t *testing.T) {
	var service monitoring.ServiceMonitor
	document(t, render(t, "metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.interval=30s",
		"metrics.serviceMonitor.scrapeTimeout=10s", "metrics.serviceMonitor.relabelings[0].action=labeldrop",
		"metrics.serviceMonitor.metricRelabelings[0].action=drop"), "ServiceMonitor", &service)
	if len(service.Spec.Endpoints) != 1 || service.Spec.Endpoints[0].Port != "metrics" {
		t.Errorf("%+v", service.Spec.Endpoints)
	}
	var pod monitoring.PodMonitor
	document(t, render(t, "metrics.podMonitor.enabled=true", "metrics.podMonitor.interval=30s"), "PodMonitor", &pod)
	if len(pod.Spec.PodMetricsEndpoints) != 1 {
		t.Errorf("%+v", pod.Spec.PodMetricsEndpoints)
	}
}

// What each alert is tried with: series, loaded once a minute, and whether it is active after two hours.
var cases = []struct {
	alert  string
	series string
	active bool
}{
	{"DataikuOperatorNoLeader", ``, true},
	{"DataikuOperatorNoLeader", `dataiku_operator_leader{job="a",pod="0"} 0x200
		dataiku_operator_leader{job="a",pod="1"} 0x200`, true},
	{"DataikuOperatorNoLeader", `dataiku_operator_leader{job="a",pod="0"} 1x200
		dataiku_operator_leader{job="b",pod="0"} 0x200`, true},
	{"DataikuOperatorNoLeader", `dataiku_operator_leader{job="a",pod="0"} 1x200
		dataiku_operator_leader{job="a",pod="1"} 0x200`, false},
	{"DataikuOperatorSeveralLeaders", `dataiku_operator_leader{job="a",pod="0"} 1x200
		dataiku_operator_leader{job="a",pod="1"} 1x200`, true},
	{"DataikuOperatorSeveralLeaders", `dataiku_operator_leader{job="a",pod="0"} 1x200
		dataiku_operator_leader{job="b",pod="0"} 1x200`, false},
	{"DataikuOperatorAccessRefused", `dataiku_operator_reconcile_total{kind="DssInstance",reason="Forbidden"} 0+1x200`, true},
	{"DataikuOperatorAccessRefused", `dataiku_operator_reconcile_total{kind="DssInstance",reason="InSync"} 0+1x200`, false},
	// Refused an hour ago, and never since.
	{"DataikuOperatorAccessRefused", `dataiku_operator_reconcile_total{kind="DssInstance",reason="Forbidden"} 0+1x60 60x140`, false},
	{"DataikuOperatorRemoteUnavailable", `dataiku_operator_reconcile_total{kind="DssInstance",reason="Unavailable"} 0+1x200`, true},
	{"DataikuOperatorRemoteUnavailable", `dataiku_operator_reconcile_total{kind="DssInstance",reason="Unavailable"} 7x200`, false},
	// Tried again once an hour alone.
	{"DataikuOperatorObjectsStalled", `dataiku_operator_reconcile_total{kind="DssUser",reason="Rejected"} 5x59 6x59 7x59`, true},
	{"DataikuOperatorObjectsStalled", `dataiku_operator_reconcile_total{kind="DssUser",reason="Progressing"} 0+1x200`, false},
	{"DataikuOperatorObjectsStalled", `dataiku_operator_reconcile_total{kind="DssUser",reason="Rejected"} 6x200`, false},
	{"DataikuOperatorAwaitingAcknowledgement", `dataiku_operator_reconcile_total{kind="DssUser",reason="AwaitingAcknowledgement"} 0x100 1x100`, true},
	{"DataikuOperatorAwaitingAcknowledgement", `dataiku_operator_reconcile_total{kind="DssUser",reason="Frozen"} 0x100 1x100`, false},
	{"DataikuOperatorInternalError", `dataiku_operator_reconcile_total{kind="DssUser",reason="InternalError"} 0x100 1x100`, true},
	{"DataikuOperatorInternalError", `dataiku_operator_reconcile_total{kind="DssUser",reason="Unavailable"} 0+1x200`, false},
	{"DataikuOperatorStatusWritesFail", `dataiku_operator_status_write_failures_total{kind="DssUser"} 0+1x200`, true},
	{"DataikuOperatorStatusWritesFail", `dataiku_operator_status_write_failures_total{kind="DssUser"} 3x200`, false},
}

func TestEveryAlertIsActiveWhenItShouldBeAndOnlyThen(t *testing.T) {
	alerts := alerts(t)
	tried := map[string]map[bool]bool{}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute})
	defer engine.Close()
	for _, test := range cases {
		alert, found := alerts[test.alert]
		if !found {
			t.Errorf("there is no alert %s", test.alert)
			continue
		}
		query, err := engine.NewInstantQuery(t.Context(), load(t, test.series), nil, alert.Expr.String(), time.Unix(0, 0).Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatal(err)
		}
		if (len(vector) > 0) != test.active {
			t.Errorf("%s with %q: %v", test.alert, test.series, vector)
		}
		if tried[test.alert] == nil {
			tried[test.alert] = map[bool]bool{}
		}
		tried[test.alert][test.active] = true
	}
	for name := range alerts {
		if !tried[name][true] || !tried[name][false] {
			t.Errorf("%s needs a case in which it is active and one in which it is not", name)
		}
	}
}

func TestEveryAlertHasAnEntryInTheRunbookAndALevel(t *testing.T) {
	page, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := alerts(t)
	for name, alert := range alerts {
		if !strings.Contains(string(page), "\n## "+name+"\n") {
			t.Errorf("docs/alerts.md has no entry %s", name)
		}
		if level := alert.Labels["severity"]; level != "critical" && level != "warning" {
			t.Errorf("%s has the severity %q", name, level)
		}
		if alert.Annotations["summary"] == "" || alert.Annotations["description"] == "" {
			t.Errorf("%s lacks an annotation", name)
		}
		if alert.Annotations["runbook_url"] != "https://example.com/alerts#"+strings.ToLower(name) {
			t.Errorf("%s links %s", name, alert.Annotations["runbook_url"])
		}
	}
	if entries := strings.Count(string(page), "\n## DataikuOperator"); entries != len(alerts) {
		t.Errorf("docs/alerts.md has %d entries for %d alerts", entries, len(alerts))
	}
}

var reasonLabel = regexp.MustCompile(`reason[=!]~?"([^"]*)"`)

func TestRulesAndPanelsNameReasonsThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	expressions := panels(t)
	for name, alert := range alerts(t) {
		expressions[name] = alert.Expr.String()
	}
	found := 0
	for name, expression := range expressions {
		for _, match := range reasonLabel.FindAllStringSubmatch(expression, -1) {
			for _, reason := range strings.Split(match[1], "|") {
				found++
				if !strings.Contains(string(page), "`"+reason+"`") && reason != "Expired" {
					t.Errorf("%s: docs/reasons.md has no reason %s", name, reason)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no expression names a reason")
	}
}

// The expressions of the dashboard by their panels, with the variables of Grafana filled in.
func panels(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile(chartFolder + "/files/dashboards/dataiku-operator.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	expressions := map[string]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			filled := strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*").Replace(target.Expr)
			expressions[panel.Title] = filled
		}
	}
	return expressions
}

func TestPanelsAreQueries(t *testing.T) {
	panels := panels(t)
	if len(panels) < 10 {
		t.Errorf("only %d panels", len(panels))
	}
	for title, expression := range panels {
		parses(t, title, expression)
	}
}
