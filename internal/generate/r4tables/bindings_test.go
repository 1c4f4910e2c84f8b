package main

import "testing"

func TestOnly(t *testing.T) {
	from := func(system string, sets ...string) include { return include{System: system, ValueSet: sets} }
	set := func(url string, in ...include) valueSet {
		v := valueSet{URL: url}
		v.Compose.Include = in
		return v
	}
	systems := newCodeSystems([]valueSet{
		set("one", from("a")),
		set("one twice", from("a"), from("a")),
		set("two", from("a"), from("b")),
		set("import", from("", "one")),
		set("import of a version", from("", "one|4.0.1")),
		set("import of an import", from("", "import"), from("a")),
		set("import that widens", from("b"), from("", "one")),
		set("import that narrows", from("a", "two")),
		set("import of nothing we have", from("", "elsewhere")),
		set("circle", from("", "circle"), from("a")),
		set("no content"),
		set("empty include", from("")),
	})
	for _, tt := range []struct{ set, want string }{
		{"one", "a"},
		{"one|4.0.1", "a"},
		{"one twice", "a"},
		{"two", ""},
		{"import", "a"},
		{"import of a version", "a"},
		{"import of an import", "a"},
		{"import that widens", ""},
		{"import that narrows", "a"},
		{"import of nothing we have", ""},
		{"circle", "a"},
		{"no content", ""},
		{"empty include", ""},
		{"elsewhere", ""},
	} {
		if got := systems.only(tt.set); got != tt.want {
			t.Errorf("only(%q) = %q, want %q", tt.set, got, tt.want)
		}
	}
}
