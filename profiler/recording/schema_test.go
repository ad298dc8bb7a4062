package recording

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../../docs/recording.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func matches(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchemaAcceptsWhatEncodeWrites(t *testing.T) {
	schema := compileSchema(t)
	data := [][]byte{encoded(t)}
	incomplete := sample()
	incomplete.Complete, incomplete.Incomplete = false, []string{"7 calls were lost"}
	incomplete.Losses["calls_no_room"] = 7
	bare := &Recording{
		APIVersion: APIVersion, Kind: Kind, ID: sample().ID, Complete: true,
		StartedAt: sample().StartedAt, Host: Host{Architecture: "aarch64"},
		Workload: Workload{Kind: KindCgroup},
	}
	for _, r := range []*Recording{incomplete, bare, containerSample()} {
		b, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b)
	}
	files, _ := filepath.Glob("../../testdata/recordings/*.json")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b)
	}
	for i, b := range data {
		if err := matches(t, schema, b); err != nil {
			t.Errorf("document %d: %v", i, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	good := encoded(t)
	for _, change := range [][2]string{
		{`"scallop/v1"`, `"scallop/v2"`},
		{`"Recording"`, `"Profile"`},
		{`"tool"`, `"mood"`},
		{`"complete": true`, `"complete": false`},
		{`"calls_no_room": 0`, `"calls_no_room": 1`},
		{`"nr": 2`, `"nr": -2`},
		{`"count": 9`, `"count": 0`},
		{`"command"`, `"pet"`},
		{`"startup"`, `"Startup"`},
		{`"offsetNs": 2`, `"offsetNs": 2.5`},
	} {
		bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, good) {
			t.Errorf("%s does not occur", change[0])
		}
		if err := matches(t, schema, bad); err == nil {
			t.Errorf("accepted with %s", change[1])
		}
	}
}
