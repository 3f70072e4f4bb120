package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/yaml"
)

// Reads each document of deploy/flux strictly as the type of its controller: a field that it does not know is an error.
func TestFluxKnowsEveryFieldOfItsExamples(t *testing.T) {
	files, err := filepath.Glob("../../deploy/flux/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	read := map[string]int{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Split(string(content), "\n---\n") {
			var head struct {
				APIVersion string `json:"apiVersion"`
				Kind       string `json:"kind"`
			}
			if err := yaml.Unmarshal([]byte(text), &head); err != nil {
				t.Fatal(err)
			}
			what := head.APIVersion + " " + head.Kind
			into := map[string]any{
				"helm.toolkit.fluxcd.io/v2 HelmRelease":        &helm.HelmRelease{},
				"kustomize.toolkit.fluxcd.io/v1 Kustomization": &kustomize.Kustomization{},
				"source.toolkit.fluxcd.io/v1 GitRepository":    &source.GitRepository{},
				"source.toolkit.fluxcd.io/v1 OCIRepository":    &source.OCIRepository{},
				"v1 Namespace": &object{},
			}[what]
			if into == nil {
				t.Errorf("%s: no controller of Flux reads %s", file, what)
				continue
			}
			if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
				t.Errorf("%s, %s: %v", file, what, err)
			}
			read[head.Kind]++
		}
	}
	for _, kind := range []string{"OCIRepository", "HelmRelease", "GitRepository", "Kustomization"} {
		if read[kind] == 0 {
			t.Errorf("there is no example of %s", kind)
		}
	}
}

// The values of a HelmRelease or an Application are values of the chart: its schema is closed.
func TestExamplesInstallTheChartWithValuesThatItTakes(t *testing.T) {
	var release struct {
		Spec struct{ Values object }
	}
	last := func(path string, into any) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(string(content), "\n---\n")
		if err := yaml.Unmarshal([]byte(documents[len(documents)-1]), into); err != nil {
			t.Fatal(err)
		}
	}
	last("../../deploy/flux/operator.yaml", &release)
	var application struct {
		Spec struct {
			Source struct {
				Path string
				Helm struct{ ValuesObject object }
			}
		}
	}
	last("../../deploy/argocd/examples/operator.yaml", &application)
	if _, err := os.Stat(filepath.Join("../..", application.Spec.Source.Path, "Chart.yaml")); err != nil {
		t.Errorf("the Application names no chart: %v", err)
	}
	for what, values := range map[string]object{"Flux": release.Spec.Values, "Argo CD": application.Spec.Source.Helm.ValuesObject} {
		if len(values) == 0 {
			t.Fatalf("the example of %s sets no values", what)
		}
		content, err := yaml.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if rendered := renderWith(t, "--values", file); !strings.Contains(rendered, "image: \"registry.example.com/platform/dataiku-operator:") &&
			!strings.Contains(rendered, "image: registry.example.com/platform/dataiku-operator:") {
			t.Errorf("%s: the image is not the one of the example", what)
		}
	}
}
