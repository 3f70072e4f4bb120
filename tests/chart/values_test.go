package chart

import (
	"encoding/json"
	"os"
	"testing"

	"sigs.k8s.io/yaml"
)

// Values that only charts which depend on this one have.
var foreign = map[string]bool{"enabled": true}

func TestTheSchemaIsClosedAndHasNoValueThatIsNotInTheValues(t *testing.T) {
	var schema, values object
	content, err := os.ReadFile(chartFolder + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	if content, err = os.ReadFile(chartFolder + "/values.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &values); err != nil {
		t.Fatal(err)
	}
	if leaves := compare(t, "", schema, values); leaves < 80 {
		t.Errorf("only %d values were compared", leaves)
	}
}

// Holds the properties of a schema against the keys of the values, and returns how many leaves there are.
func compare(t *testing.T, path string, schema, values object) int {
	t.Helper()
	properties, _ := schema["properties"].(object)
	// What is global belongs to the charts around this one, too.
	if schema["additionalProperties"] != false && path != ".global" {
		t.Errorf("%s takes any key", path)
	}
	leaves := 0
	for name, property := range properties {
		at := path + "." + name
		value, exists := values[name]
		if !exists {
			if !foreign[name] {
				t.Errorf("%s is in the schema, but not in values.yaml", at)
			}
			continue
		}
		inner, nested := value.(object)
		if _, fixed := property.(object)["properties"]; nested && fixed && at != ".resources" && at != ".dnsConfig" && at != ".strategy" {
			leaves += compare(t, at, property.(object), inner)
		} else {
			leaves++
		}
	}
	for name := range values {
		if _, exists := properties[name]; !exists {
			t.Errorf("%s.%s is in values.yaml, but not in the schema", path, name)
		}
	}
	return leaves
}
