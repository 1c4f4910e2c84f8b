package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/noafhir/noafhir/internal/config"
)

// settings are one of each kind.
type settings struct {
	Listen  string
	Timeout time.Duration
	Body    int
	Pages   int
	Demo    bool
	Types   []string
	Level   string
	Key     config.Secret
}

func declare(c *settings) *config.Set {
	s := &config.Set{}
	config.Add(s, &c.Listen, "listen", "127.0.0.1:8080", "address", config.Text)
	config.Add(s, &c.Timeout, "read-timeout", "30s", "time to read", config.Span)
	config.Add(s, &c.Body, "max-body", "5MiB", "largest body", config.Size)
	config.Add(s, &c.Pages, "pages", "2", "how many", config.Whole(1))
	config.Add(s, &c.Demo, "demo", "false", "demo", config.Switch)
	config.Add(s, &c.Types, "type", "", "types", config.Words)
	config.Add(s, &c.Level, "log-level", "info", "level", config.OneOf("debug", "info"))
	config.Add(s, &c.Key, "key", "", "key", config.Hidden("secret"))
	return s
}

// resolve runs the whole way with these flags, variables and file.
func resolve(t *testing.T, args []string, env map[string]string, yaml string) (settings, error) {
	t.Helper()
	var c settings
	s := declare(&c)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s.Bind(flags, "listen", "read-timeout", "max-body", "pages", "demo", "type", "log-level", "key")
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	file := ""
	if yaml != "" {
		file = filepath.Join(t.TempDir(), "noafhir.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Resolve(func(name string) string { return env[name] }, file)
	return c, err
}

func TestPrecedence(t *testing.T) {
	flag, variable, file := "--listen=flag:1", map[string]string{"NOAFHIR_LISTEN": "env:1"}, "listen: file:1\n"
	tests := []struct {
		Name string
		Args []string
		Env  map[string]string
		YAML string
		Want string
	}{
		{Name: "default", Want: "127.0.0.1:8080"},
		{Name: "file over default", YAML: file, Want: "file:1"},
		{Name: "variable over file", YAML: file, Env: variable, Want: "env:1"},
		{Name: "flag over variable", YAML: file, Env: variable, Args: []string{flag}, Want: "flag:1"},
		{Name: "empty variable is none", YAML: file, Env: map[string]string{"NOAFHIR_LISTEN": ""}, Want: "file:1"},
		{Name: "last flag", Args: []string{flag, "--listen=flag:2"}, Want: "flag:2"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			c, err := resolve(t, test.Args, test.Env, test.YAML)
			if err != nil || c.Listen != test.Want {
				t.Errorf("got %q, %v; want %q", c.Listen, err, test.Want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	c, err := resolve(t, []string{"--demo"}, nil, strings.Join([]string{
		"# all kinds", "read-timeout: 1m30s", "max-body: 64KiB", "pages: 7", "type: [Patient, Observation]",
		`log-level: "debug"`, "key: 'a # b'", ""}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{Listen: "127.0.0.1:8080", Timeout: 90 * time.Second, Body: 65536, Pages: 7, Demo: true,
		Types: []string{"Patient", "Observation"}, Level: "debug", Key: config.NewSecret("a # b")}
	if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", want) || c.Key.Reveal() != "a # b" {
		t.Errorf("got %+v, key %q; want %+v", c, c.Key.Reveal(), want)
	}
}

// TestRefused also shows that every problem is told at once, from wherever it
// comes, and that secrets are not.
func TestRefused(t *testing.T) {
	file := strings.Join([]string{"read-timeout: soon", "max-body: 5MB5", "colour: red", "pages:", ""}, "\n")
	tests := []struct {
		Name string
		Args []string
		Env  map[string]string
		YAML string
		Want []string
	}{
		{Name: "each place", Args: []string{"--pages=0"},
			Env:  map[string]string{"NOAFHIR_DEMO": "maybe", "NOAFHIR_LOG_LEVEL": "loud"},
			YAML: "read-timeout: soon\nmax-body: 5MBB\ncolour: red\n",
			Want: []string{"--pages", "NOAFHIR_DEMO", "NOAFHIR_LOG_LEVEL", "noafhir.yaml: read-timeout", "noafhir.yaml: max-body", "noafhir.yaml: colour: no such setting"}},
		{Name: "no value", YAML: file, Want: []string{"noafhir.yaml: pages: has no value"}},
		{Name: "twice", YAML: "pages: 1\npages: 2\n", Want: []string{"noafhir.yaml"}},
		{Name: "nested", YAML: "pages: {a: 1}\n", Want: []string{"pages: must be a single value"}},
		{Name: "no mapping", YAML: "- pages\n", Want: []string{"name: value"}},
		{Name: "no YAML", YAML: "key: [top-secret\n", Want: []string{"noafhir.yaml"}},
		{Name: "secret twice", Env: map[string]string{"NOAFHIR_KEY": "top-secret", "NOAFHIR_KEY_FILE": "/nowhere"},
			Want: []string{"NOAFHIR_KEY and NOAFHIR_KEY_FILE are both set"}},
		{Name: "secret file", Env: map[string]string{"NOAFHIR_KEY_FILE": "/nowhere"}, Want: []string{"NOAFHIR_KEY_FILE: open /nowhere"}},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, err := resolve(t, test.Args, test.Env, test.YAML)
			if err == nil {
				t.Fatal("accepted")
			}
			if got := strings.Count(err.Error(), "\n") + 1; got != len(test.Want) {
				t.Errorf("got %d problems, want %d:\n%v", got, len(test.Want), err)
			}
			for _, want := range test.Want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to tell %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "top-secret") {
				t.Errorf("tells the secret: %v", err)
			}
		})
	}
}

func TestFileOfSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := resolve(t, nil, map[string]string{"NOAFHIR_KEY_FILE": path}, "key: from the settings\n")
	if err != nil || c.Key.Reveal() != "from a file" {
		t.Errorf("got %q, %v", c.Key.Reveal(), err)
	}
}

func TestMissingFile(t *testing.T) {
	var c settings
	err := declare(&c).Resolve(func(string) string { return "" }, "/nowhere/noafhir.yaml")
	if err == nil || !strings.Contains(err.Error(), "--config: open /nowhere/noafhir.yaml") {
		t.Errorf("got %v", err)
	}
}

// TestSecretDoesNotPrint tries the ways in which values get into logs.
func TestSecretDoesNotPrint(t *testing.T) {
	s := config.NewSecret("top-secret")
	out := &strings.Builder{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(out, verb, s)
		fmt.Fprintf(out, verb, struct{ Key config.Secret }{s})
	}
	slog.New(slog.NewTextHandler(out, nil)).Info("start", "key", s)
	if err := json.NewEncoder(out).Encode(map[string]any{"key": s}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "top") || strings.Contains(out.String(), fmt.Sprintf("%x", "top")) {
		t.Errorf("told: %s", out)
	}
}

func TestSize(t *testing.T) {
	tests := map[string]int{"1": 1, "10B": 10, "64KiB": 65536, "5 MiB": 5 << 20, "2GiB": 2 << 30,
		"": 0, "0": 0, "-1": 0, "5MB": 0, "1KiBB": 0, "99999999999GiB": 0, "MiB": 0}
	for text, want := range tests {
		got, err := config.Size.Parse(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add("listen: a\ntype: [b, c]\n")
	f.Add("a: &x 1\nb: *x\n")
	f.Add("? a\n: |\n  b\n")
	path := filepath.Join(f.TempDir(), "noafhir.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var c settings
		// Whatever stands in the file, it ends in settings or in an error.
		_ = declare(&c).Resolve(func(string) string { return "" }, path)
	})
}
