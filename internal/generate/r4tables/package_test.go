package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenPackageChecks checks that no other file passes for the package, be it
// named or in the cache.
func TestOpenPackageChecks(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // where the cache is on other systems
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache on this system:", err)
	}
	path := filepath.Join(dir, "noafhir", packageFile)
	if err := keep(path, []byte("something else")); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{path, ""} {
		if _, err := openPackage(given); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("openPackage(%q) = %v, want a complaint about the checksum", given, err)
		}
	}
}

func TestIntegrity(t *testing.T) {
	const want = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
	if got := integrity(nil); got != want {
		t.Errorf("integrity of nothing = %s, want %s", got, want)
	}
}
