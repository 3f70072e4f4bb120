package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// promtool knows what a query alone does not show: that an alert waits for its `for`, and what its annotations say.
func TestPromtoolSeesEachAlertFireAtItsTime(t *testing.T) {
	cases, err := os.ReadFile("alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range alerts(t) {
		if !strings.Contains(string(cases), "alertname: "+name+"\n") {
			t.Errorf("alerts_test.yaml has no case in which %s fires", name)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		skipped(t, "promtool is missing (Debian: prometheus), so the times and texts of alerts are not tested")
	}
	spec, err := yaml.Marshal(rule(t).Spec)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string][]byte{"rules.yaml": spec, "alerts_test.yaml": cases} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		command := exec.Command(promtool, arguments...)
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v: %s", arguments, err, output)
		}
	}
}

// Ends a test that cannot run here; `SKIPPED_TESTS` names the list that `make test` shows at its end.
func skipped(t *testing.T, why string) {
	t.Helper()
	if file := os.Getenv("SKIPPED_TESTS"); file != "" {
		if list, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			defer list.Close()
			_, _ = list.WriteString(t.Name() + ": " + why + "\n")
		}
	}
	t.Skip(why)
}

// Rows of docs/reasons.md of which Stalled is True.
var stalledRow = regexp.MustCompile("(?m)^\\| (`\\w+`(?:, `\\w+`)*) \\| False \\| True \\|")

func TestEveryReasonThatNeedsAPersonRaisesAnAlert(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	expressions := ""
	for _, alert := range alerts(t) {
		expressions += alert.Expr.String() + "\n"
	}
	found := 0
	for _, match := range stalledRow.FindAllStringSubmatch(string(page), -1) {
		for _, reason := range strings.Split(strings.ReplaceAll(match[1], "`", ""), ", ") {
			found++
			if !regexp.MustCompile(`[|"]` + reason + `[|"]`).MatchString(expressions) {
				t.Errorf("no alert counts %s", reason)
			}
		}
	}
	if found < 8 {
		t.Errorf("docs/reasons.md has only %d reasons that need a person: does this test still find its rows?", found)
	}
}
