package chart

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/yaml"
)

const customization = "../../deploy/argocd/resource_customizations/dataiku-operator.io/_"

// In an expected object, stands for any time: the action writes the present one.
const anyTime = "0001-01-01T00:00:00Z"

type object = map[string]any

// Health as Argo CD reads it from the table that a script returns.
type health struct {
	Status          string `json:"status"`
	Message         string `json:"message"`
	DeletionMessage string `json:"deletionMessage,omitempty"`
}

// The files of health_test.yaml and action_test.yaml, in the form that Argo CD's own tests read.
type healthTests struct {
	Tests []struct {
		HealthStatus health `json:"healthStatus"`
		InputPath    string `json:"inputPath"`
	} `json:"tests"`
}

type actionTests struct {
	DiscoveryTests []struct {
		InputPath string   `json:"inputPath"`
		Result    []object `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string `json:"action"`
		InputPath          string `json:"inputPath"`
		ExpectedOutputPath string `json:"expectedOutputPath"`
	} `json:"actionTests"`
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Runs a script as Argo CD does: base, table, and of os only the time; no string library, one second.
func run(t *testing.T, script string, input object) []byte {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.PreloadModule(lua.OsLibName, func(l *lua.LState) int {
		lua.OpenOs(l)
		full := l.Get(-1).(*lua.LTable)
		safe := l.NewTable()
		for _, name := range []string{"time", "date"} {
			safe.RawSetString(name, full.RawGetString(name))
		}
		l.SetGlobal(lua.OsLibName, lua.LNil)
		l.Push(safe)
		return 1
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", value(l, input))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	returned := l.Get(-1)
	if returned.Type() != lua.LTTable {
		t.Fatalf("a script returns a table, not %s", returned.Type())
	}
	encoded, err := luajson.Encode(returned)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func value(l *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case object:
		table := l.NewTable()
		for key, member := range from {
			table.RawSetString(key, value(l, member))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, member := range from {
			table.Append(value(l, member))
		}
		return table
	case string:
		return lua.LString(from)
	case bool:
		return lua.LBool(from)
	case float64:
		return lua.LNumber(from)
	case int64:
		return lua.LNumber(from)
	}
	return lua.LNil
}

func script(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(customization, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEveryStateHasItsHealth(t *testing.T) {
	health_lua := script(t, "health.lua")
	var tests healthTests
	read(t, filepath.Join(customization, "health_test.yaml"), &tests)
	used := map[string]bool{}
	for _, test := range tests.Tests {
		used[filepath.Base(test.InputPath)] = true
		t.Run(strings.TrimSuffix(filepath.Base(test.InputPath), ".yaml"), func(t *testing.T) {
			var input object
			read(t, filepath.Join(customization, test.InputPath), &input)
			var found health
			if err := json.Unmarshal(run(t, health_lua, input), &found); err != nil {
				t.Fatal(err)
			}
			if found != test.HealthStatus {
				t.Errorf("found %+v, expected %+v", found, test.HealthStatus)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join(customization, "testdata/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		if !used[filepath.Base(file)] {
			t.Errorf("no test uses %s", file)
		}
	}
}

// Rows of docs/reasons.md: reason, Ready, Stalled.
var row = regexp.MustCompile("(?m)^\\| (`\\w+`(?:, `\\w+`)*) \\| (True|False) \\| (True)? ?\\|")

func TestEveryReasonHasAHealthThatFollowsFromItsConditions(t *testing.T) {
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	health_lua := script(t, "health.lua")
	reasons := 0
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		for _, reason := range strings.Split(strings.ReplaceAll(match[1], "`", ""), ", ") {
			reasons++
			conditions := []any{object{"type": "Ready", "status": match[2], "reason": reason, "message": "m"}}
			expected := map[string]string{"True": "Healthy", "False": "Progressing"}[match[2]]
			if match[3] == "True" {
				conditions = append(conditions, object{"type": "Stalled", "status": "True", "reason": reason, "message": "m"})
				expected = "Degraded"
			}
			if reason == "Paused" || reason == "Frozen" {
				expected = "Suspended"
			}
			input := object{
				"metadata": object{"generation": int64(2)},
				"status":   object{"observedGeneration": int64(2), "conditions": conditions},
			}
			var found health
			if err := json.Unmarshal(run(t, health_lua, input), &found); err != nil {
				t.Fatal(err)
			}
			if found.Status != expected || found.Message != reason+": m" {
				t.Errorf("%s: found %+v, expected %s", reason, found, expected)
			}
		}
	}
	if reasons < 15 {
		t.Errorf("docs/reasons.md has only %d reasons: does this test still find its rows?", reasons)
	}
}

func TestTheActionIsOfferedWhereItHasAnEffect(t *testing.T) {
	discovery := script(t, "actions/discovery.lua")
	var tests actionTests
	read(t, filepath.Join(customization, "actions/action_test.yaml"), &tests)
	if len(tests.DiscoveryTests) == 0 {
		t.Fatal("no tests")
	}
	for _, test := range tests.DiscoveryTests {
		var input object
		read(t, filepath.Join(customization, "actions", test.InputPath), &input)
		var found map[string]object
		if err := json.Unmarshal(run(t, discovery, input), &found); err != nil {
			t.Fatal(err)
		}
		listed := []object{}
		for name, action := range found {
			action["name"] = name
			listed = append(listed, action)
		}
		if !reflect.DeepEqual(listed, test.Result) {
			t.Errorf("%s: found %v, expected %v", test.InputPath, listed, test.Result)
		}
	}
}

func TestTheActionSetsOneAnnotationAndChangesNothingElse(t *testing.T) {
	var tests actionTests
	read(t, filepath.Join(customization, "actions/action_test.yaml"), &tests)
	if len(tests.ActionTests) == 0 {
		t.Fatal("no tests")
	}
	for _, test := range tests.ActionTests {
		var input, expected, found object
		read(t, filepath.Join(customization, "actions", test.InputPath), &input)
		read(t, filepath.Join(customization, "actions", test.ExpectedOutputPath), &expected)
		output := run(t, script(t, filepath.Join("actions", test.Action, "action.lua")), input)
		if err := json.Unmarshal(output, &found); err != nil {
			t.Fatal(err)
		}
		annotations := found["metadata"].(object)["annotations"].(object)
		const name = "dataiku-operator.io/reconcile-at"
		at, err := time.Parse(time.RFC3339, annotations[name].(string))
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%v is not the present time", annotations[name])
		}
		annotations[name] = anyTime
		if !reflect.DeepEqual(found, expected) {
			t.Errorf("%s: found %v, expected %v", test.InputPath, found, expected)
		}
	}
}

func TestTheConfigMapHasTheScriptsForEveryKind(t *testing.T) {
	var config struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   object            `json:"metadata"`
		Data       map[string]string `json:"data"`
	}
	read(t, "../../deploy/argocd/argocd-cm.yaml", &config)
	definitions, err := filepath.Glob("../../crds/*.dataiku-operator.io.yaml")
	if err != nil || len(definitions) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	if len(config.Data) != 2*len(definitions) {
		t.Errorf("%d keys for %d kinds", len(config.Data), len(definitions))
	}
	for _, file := range definitions {
		var definition struct {
			Spec struct{ Names struct{ Kind string } }
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(content, &definition); err != nil {
			t.Fatal(err)
		}
		kind := "dataiku-operator.io_" + definition.Spec.Names.Kind
		if config.Data["resource.customizations.health."+kind] != script(t, "health.lua") {
			t.Errorf("%s has another health check", kind)
		}
		var actions struct {
			Discovery   string `json:"discovery.lua"`
			Definitions []struct {
				Name   string `json:"name"`
				Action string `json:"action.lua"`
			} `json:"definitions"`
		}
		if err := yaml.UnmarshalStrict([]byte(config.Data["resource.customizations.actions."+kind]), &actions); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(actions.Discovery) != strings.TrimSpace(script(t, "actions/discovery.lua")) {
			t.Errorf("%s has another discovery", kind)
		}
		if len(actions.Definitions) != 1 || actions.Definitions[0].Name != "reconcile" ||
			strings.TrimSpace(actions.Definitions[0].Action) != strings.TrimSpace(script(t, "actions/reconcile/action.lua")) {
			t.Errorf("%s has other actions", kind)
		}
	}
}
