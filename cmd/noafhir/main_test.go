package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	folder := "sqlite:" + dir
	tests := []struct {
		Name string
		Env  map[string]string
		Args []string
		Code int
		Want []string
	}{
		{Name: "no such command", Args: []string{"bogus"}, Code: 2, Want: []string{`unknown command "bogus"`}},
		{Name: "no such flag", Args: []string{"serve", "--bogus"}, Code: 2, Want: []string{"unknown flag: --bogus"}},
		{Name: "too many arguments", Args: []string{"serve", "x"}, Code: 2},
		{Name: "nothing to import", Args: []string{"import"}, Code: 2},
		{Name: "nowhere to export to", Args: []string{"export"}, Code: 2, Want: []string{"--out"}},
		{Name: "no such type", Args: []string{"export", "--out", dir, "--type", "Patient,Robot"}, Code: 2, Want: []string{`"Robot"`}},
		{Name: "open to the network", Args: []string{"serve", "--listen", "0.0.0.0:8080"}, Code: 2, Want: []string{"loopback"}},
		{Name: "open to the network by an empty host", Args: []string{"serve", "--auth=off", "--listen", ":8080"}, Code: 2, Want: []string{"loopback"}},
		{Name: "open to the network by variable", Env: map[string]string{"NOAFHIR_LISTEN": "192.168.1.5:80"}, Args: []string{"serve"}, Code: 2, Want: []string{"loopback"}},
		{Name: "logins", Args: []string{"serve", "--auth", "builtin"}, Code: 2, Want: []string{"not available yet"}},
		{Name: "no auth at all", Args: []string{"serve", "--auth", "none"}, Code: 2, Want: []string{"must be one of off"}},
		{Name: "no such MongoDB", Args: []string{"serve", "--store", "mongodb://user:top-secret@127.0.0.1:1/db?serverSelectionTimeoutMS=100", "--listen", "127.0.0.1:0"}, Code: 1, Want: []string{"can not be reached", "127.0.0.1:1"}},
		{Name: "no such MongoDB to export", Args: []string{"export", "--store", "mongodb://user:top-secret@127.0.0.1:1/db?serverSelectionTimeoutMS=100", "--out", filepath.Join(dir, "out")}, Code: 1, Want: []string{"can not be reached", "127.0.0.1:1"}},
		{Name: "no such MongoDB to shard", Args: []string{"shard", "--store", "mongodb://user:top-secret@127.0.0.1:1/db?serverSelectionTimeoutMS=100"}, Code: 1, Want: []string{"can not be reached", "127.0.0.1:1"}},
		{Name: "no address of MongoDB", Args: []string{"import", "--store", "mongodb://user:top-secret@host:bad/db", dir}, Code: 2, Want: []string{"port must be an integer"}},
		{Name: "a shard of SQLite", Args: []string{"shard", "--store", storeIn(dir)}, Code: 2, Want: []string{"only a store in MongoDB can be sharded"}},
		{Name: "no store", Args: []string{"serve", "--store", "sqlite:"}, Code: 2, Want: []string{"needs a path"}},
		{Name: "everything at once",
			Env:  map[string]string{"NOAFHIR_DEMO": "perhaps", "NOAFHIR_CONFIG": write(t, "n.yaml", "colour: red\nidle-timeout: never\n")},
			Args: []string{"serve", "--log-level", "loud", "--max-count", "-1", "--store", "foo:bar", "--listen", "127.0.0.1:99999", "--cursor-key", "short"}, Code: 2,
			Want: []string{"NOAFHIR_DEMO", "n.yaml: colour", "n.yaml: idle-timeout", "--log-level", "--max-count", "--store", "--listen", "--cursor-key"}},
		{Name: "an export of nothing", Args: []string{"export", "--store", storeIn(filepath.Join(dir, "typo")), "--out", filepath.Join(dir, "out")}, Code: 1, Want: []string{"there is no store"}},
		{Name: "two targets", Args: []string{"import", "--store", storeIn(dir), "--server", "http://127.0.0.1:1/fhir", dir}, Code: 2, Want: []string{"store", "server"}},
		{Name: "everything that does not go together", Args: []string{"serve", "--listen", "host", "--base-url", "ftp://x", "--default-count", "2000", "--cursor-key", "top-secret", "--admin-listen", "x"}, Code: 2,
			Want: []string{"--listen", "--base-url", "--default-count", "--cursor-key", "--admin-listen"}},
		{Name: "unreadable settings", Args: []string{"serve", "--config", filepath.Join(dir, "absent.yaml")}, Code: 2, Want: []string{"absent.yaml: no such file"}},
		{Name: "address in use", Args: []string{"serve", "--store", storeIn(dir), "--listen", busy.Addr().String()}, Code: 1, Want: []string{"address already in use"}},
		{Name: "a folder as store", Args: []string{"serve", "--store", folder, "--listen", "127.0.0.1:0"}, Code: 1, Want: []string{dir}},
		{Name: "no database as store", Args: []string{"serve", "--store", "sqlite:" + write(t, "x.db", strings.Repeat("not a database\n", 99)), "--listen", "127.0.0.1:0"}, Code: 1, Want: []string{"x.db"}},
		{Name: "no such file to import", Args: []string{"import", "--store", storeIn(dir), filepath.Join(dir, "absent")}, Code: 1, Want: []string{"absent: no such file"}},
		{Name: "nobody there", Args: []string{"healthcheck", "http://127.0.0.1:1/readyz"}, Code: 1, Want: []string{"refused"}},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			code, out, errs := runHere(t, test.Env, test.Args...)
			if code != test.Code || out != "" {
				t.Errorf("got exit code %d and output %q; want %d", code, out, test.Code)
			}
			for _, want := range test.Want {
				if !strings.Contains(errs, want) {
					t.Errorf("got %q, want it to tell %q", errs, want)
				}
			}
			if test.Code == 1 && strings.Count(errs, "\n") != 1 {
				t.Errorf("got %q, want one line", errs)
			}
			if strings.Contains(errs, "top-secret") {
				t.Errorf("tells the secret: %s", errs)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.1.2.3:0": true, "[::1]:80": true, "localhost:80": true,
		"": false, ":8080": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "127.0.0.1": false,
		"localhost.example.org:80": false, "127.0.0.1.example.org:80": false, "example.org:80": false,
		"[::ffff:127.0.0.1]:80": true, "[::ffff:10.0.0.1]:80": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("%q: got %t", address, got)
		}
	}
}

func TestHelp(t *testing.T) {
	tests := []struct {
		Args []string
		Want []string
		Not  []string
	}{
		{Args: nil, Want: []string{"serve", "import", "export", "copy", "reindex", "shard", "fhirpath", "version"}, Not: []string{"healthcheck", "completion", "no-help", "validate"}},
		{Args: []string{"serve"}, Want: []string{"--listen", "--store", "--demo", "--max-bundle-bytes", "NOAFHIR_READ_TIMEOUT"}},
		{Args: []string{"import"}, Want: []string{"FILE|DIR", "--server", "--resume", "--report"}, Not: []string{"--listen"}},
		{Args: []string{"export"}, Want: []string{"--out", "--type", "--gzip"}},
		{Args: []string{"copy"}, Want: []string{"--from", "--to", "exit code"}, Not: []string{"--store "}},
		{Args: []string{"version"}},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.Args, " "), func(t *testing.T) {
			code, out, errs := runHere(t, nil, append(test.Args, "--help")...)
			if code != 0 || errs != "" {
				t.Errorf("got exit code %d, errors %q", code, errs)
			}
			for _, want := range test.Want {
				if !strings.Contains(out, want) {
					t.Errorf("does not tell %s:\n%s", want, out)
				}
			}
			for _, not := range test.Not {
				if strings.Contains(out, not) {
					t.Errorf("tells %s:\n%s", not, out)
				}
			}
		})
	}
}

// TestDocumented checks that every setting is bound to some command and stands in
// the operator's manual.
func TestDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	bound := concat(serveSettings, importSettings, exportSettings, shardSettings, copySettings)
	for _, name := range new(settings).declare().Names() {
		if !slices.Contains(bound, name) {
			t.Errorf("no command has --%s", name)
		}
		if !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("docs/operations.md does not tell of %s", name)
		}
	}
}

func TestVersion(t *testing.T) {
	code, out, _ := runHere(t, nil, "version")
	if code != 0 || !strings.HasPrefix(out, "noafhir "+version+" ") {
		t.Errorf("got %d, %q", code, out)
	}
}
