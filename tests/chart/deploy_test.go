package chart

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Files below deploy/ that are tests of Argo CD, no objects.
var tests = map[string]bool{"health_test.yaml": true, "action_test.yaml": true}

func TestEveryFileBelowDeployHoldsObjects(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../../deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" || tests[entry.Name()] {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range strings.Split(string(content), "\n---\n") {
			var head struct {
				APIVersion string `json:"apiVersion"`
				Kind       string `json:"kind"`
			}
			if err := yaml.Unmarshal([]byte(text), &head); err != nil {
				t.Errorf("%s: %v", path, err)
			} else if head.APIVersion == "" || head.Kind == "" {
				t.Errorf("%s holds something without apiVersion or kind", path)
			}
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files, %v", files, err)
	}
}
