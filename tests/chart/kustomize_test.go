package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// Everything that kustomize builds in a folder, by kind; `KUBECTL` names the program.
func build(t *testing.T, folder string) map[string][]object {
	t.Helper()
	kubectl := os.Getenv("KUBECTL")
	if kubectl == "" {
		kubectl = "kubectl"
	}
	output, err := exec.Command(kubectl, "kustomize", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", folder, err, output)
	}
	again, err := exec.Command(kubectl, "kustomize", folder).CombinedOutput()
	if err != nil || string(again) != string(output) {
		t.Errorf("%s is built differently each time: %v", folder, err)
	}
	built := map[string][]object{}
	for _, text := range strings.Split(string(output), "\n---\n") {
		var one object
		if err := yaml.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		kind := one["kind"].(string)
		built[kind] = append(built[kind], one)
	}
	return built
}

func container(t *testing.T, built map[string][]object) object {
	t.Helper()
	if len(built["Deployment"]) != 1 {
		t.Fatalf("%d Deployments", len(built["Deployment"]))
	}
	pod := pod(built)
	return pod["containers"].([]any)[0].(object)
}

func pod(built map[string][]object) object {
	return built["Deployment"][0]["spec"].(object)["template"].(object)["spec"].(object)
}

// What each overlay is for. An overlay without a line here fails.
var overlays = map[string]func(*testing.T, map[string][]object){
	"namespaced": func(t *testing.T, built map[string][]object) {
		for _, kind := range []string{"ClusterRole", "ClusterRoleBinding"} {
			if len(built[kind]) != 0 {
				t.Errorf("it has a %s", kind)
			}
		}
		if len(built["Role"]) != 2 {
			t.Errorf("it has %d Roles", len(built["Role"]))
		}
		if arguments := container(t, built)["args"].([]any); !slices.Contains(arguments, any("--watch-namespace=dataiku-operator")) {
			t.Errorf("the operator watches everything: %v", arguments)
		}
	},
	"private-network": func(t *testing.T, built map[string][]object) {
		if arguments := container(t, built)["args"].([]any); !slices.Contains(arguments, any("--allow-address=10.0.0.0/8")) {
			t.Errorf("the operator calls public addresses only: %v", arguments)
		}
		if image := container(t, built)["image"]; image != "registry.example.com/platform/dataiku-operator:0.1.0" {
			t.Errorf("the image is %v", image)
		}
	},
	"production": func(t *testing.T, built map[string][]object) {
		if image := container(t, built)["image"].(string); !strings.Contains(image, "dataiku-operator@sha256:") {
			t.Errorf("the image is not pinned: %s", image)
		}
		if pod(built)["topologySpreadConstraints"] == nil {
			t.Error("the pods may share a node")
		}
		budgets := built["PodDisruptionBudget"]
		labels := built["Deployment"][0]["spec"].(object)["template"].(object)["metadata"].(object)["labels"].(object)
		if len(budgets) != 1 {
			t.Fatalf("%d budgets", len(budgets))
		}
		for key, value := range budgets[0]["spec"].(object)["selector"].(object)["matchLabels"].(object) {
			if labels[key] != value {
				t.Errorf("the budget selects %s=%v, which the pods do not have", key, value)
			}
		}
		var monitor monitoring.ServiceMonitor
		text, err := yaml.Marshal(built["ServiceMonitor"][0])
		if err == nil {
			err = yaml.UnmarshalStrict(text, &monitor)
		}
		if err != nil {
			t.Fatal(err)
		}
		ports := built["Service"][0]["spec"].(object)["ports"].([]any)
		if monitor.Spec.Endpoints[0].Port != ports[0].(object)["name"] {
			t.Errorf("the monitor reads a port that the Service does not have: %v", ports)
		}
	},
}

func TestEveryOverlayBuildsAndIsWhatItIsFor(t *testing.T) {
	folders, err := filepath.Glob("../../deploy/kustomize/overlays/*")
	if err != nil || len(folders) != len(overlays) {
		t.Fatalf("%d overlays, %d lines: %v", len(folders), len(overlays), err)
	}
	definitions, err := filepath.Glob("../../crds/*.dataiku-operator.io.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(folders, "../../deploy", "../../deploy/kustomize/base") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			built := build(t, folder)
			if found := len(built["CustomResourceDefinition"]); found != len(definitions) {
				t.Errorf("%d definitions, expected %d", found, len(definitions))
			}
			context := container(t, built)["securityContext"].(object)
			if context["readOnlyRootFilesystem"] != true || context["allowPrivilegeEscalation"] != false || pod(built)["securityContext"].(object)["runAsNonRoot"] != true {
				t.Errorf("a namespace that enforces restricted refuses the pod: %v", context)
			}
			// Every binding grants a role that is there, to the account that the pod has.
			roles := map[any]bool{}
			for _, kind := range []string{"Role", "ClusterRole"} {
				for _, role := range built[kind] {
					roles[kind+"/"+role["metadata"].(object)["name"].(string)] = true
				}
			}
			for _, kind := range []string{"RoleBinding", "ClusterRoleBinding"} {
				for _, binding := range built[kind] {
					ref := binding["roleRef"].(object)
					if !roles[ref["kind"].(string)+"/"+ref["name"].(string)] {
						t.Errorf("a binding names %v, which is not there", ref)
					}
					subject := binding["subjects"].([]any)[0].(object)
					if subject["name"] != pod(built)["serviceAccountName"] {
						t.Errorf("a binding is for %v", subject)
					}
				}
			}
			if check := overlays[filepath.Base(folder)]; check != nil {
				check(t, built)
			}
		})
	}
}
