package report

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestJSONIsAsTheSchemaHasIt is for those who have programs that read the report:
// a name may be added to the schema, none may go.
func TestJSONIsAsTheSchemaHasIt(t *testing.T) {
	judge := func(text string) error { return validate(t, "schema.json", text) }
	for name, r := range runs() {
		var b strings.Builder
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if err := judge(b.String()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, wrong := range []struct{ from, to string }{
			{`"state": "`, `"state": "not `},
			{`"ended": "`, `"ended": "not `},
			{`"requests_per_s"`, `"rate"`},
			{`"kept_alive"`, `"keep_alive"`},
			{`"std_dev"`, `"deviation"`},
			{`"notes"`, `"more": [], "notes"`},
			{`"failed": `, `"failed": -1`},
		} {
			if text := strings.Replace(b.String(), wrong.from, wrong.to, 1); text != b.String() && judge(text) == nil {
				t.Errorf("%s with %s is valid", name, wrong.to)
			}
		}
	}
}

// validate says what of the JSON text is not as the schema has it.
func validate(t *testing.T, name, text string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}
