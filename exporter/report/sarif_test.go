package report

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scallop-sec/scallop/exporter/gate"
)

// officialSchema is OASIS's JSON schema of SARIF 2.1.0 (errata 01), which github.com/owenrumney/go-sarif
// ships as a constant of its source.
func officialSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatalf("find the package that has the schema: %v", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := constant(t, file, "schema")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// constant is the text of a string constant in a file.
func constant(t *testing.T, file *ast.File, name string) (text string) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != name {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is no literal", name)
		}
		var err error
		if text, err = strconv.Unquote(literal.Value); err != nil {
			t.Fatal(err)
		}
		return false
	})
	if text == "" {
		t.Fatalf("there is no constant %s", name)
	}
	return text
}

func TestSARIFValidates(t *testing.T) {
	schema := officialSchema(t)
	validate := func(data []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
	results := map[string]*gate.Result{
		"failing": failing(t, "deploy/profile.json", "run.json", "web", "/usr/bin/web"), "passing": passing(t),
		"hostile":  failing(t, "p,1:2%.json", "a|b.json", hostile, "/tmp/"+hostile),
		"absolute": failing(t, "/etc/a b/profile.json", "-", "", ""),
	}
	for name, r := range results {
		if err := validate(render(t, "sarif", r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The schema does refuse what it should.
	good := render(t, "sarif", results["failing"])
	for _, edit := range [][2]string{{`"level": "error"`, `"level": "grave"`}, {`"version": "2.1.0"`, `"version": "9"`}, {`"startLine": `, `"startLine": -`}, {`"message": {`, `"massage": {`}} {
		if validate(bytes.Replace(good, []byte(edit[0]), []byte(edit[1]), 1)) == nil {
			t.Errorf("the schema takes %s", edit[1])
		}
	}
}

func TestFileURI(t *testing.T) {
	for path, want := range map[string]string{
		"deploy/p.json": "deploy/p.json", "./p.json": "p.json", "/etc/a b.json": "file:///etc/a%20b.json", "p,1:2%.json": "./p,1:2%25.json",
	} {
		if got := fileURI(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
