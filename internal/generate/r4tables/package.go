package main

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	packageName = "hl7.fhir.r4.examples@4.0.1"
	packageFile = "hl7.fhir.r4.examples-4.0.1.tgz" // what npm pack names it

	// packageIntegrity is the checksum as npm shows it:
	// npm view hl7.fhir.r4.examples@4.0.1 dist.integrity
	packageIntegrity = "sha512-DXBdIZOeQaSKIgCU7w6HOC7sw/6BzylmipLkBW4f//pT+Bc94x+8LImwTdvaNThPJoOzpBzvxAzNqjeu3X/zLw=="
)

// openPackage returns the package, checked: from path, or if that is empty from
// the cache, which it fills first if need be.
func openPackage(path string) ([]byte, error) {
	if path != "" {
		return readPackage(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	path = filepath.Join(cache, "noafhir", packageFile)
	tgz, err := readPackage(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fetchPackage(path)
	}
	return tgz, err
}

// readPackage reads a file and refuses it unless it is the package.
func readPackage(path string) ([]byte, error) {
	tgz, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if got := integrity(tgz); got != packageIntegrity {
		return nil, fmt.Errorf("%s is not %s: its checksum is %s, not %s", path, packageName, got, packageIntegrity)
	}
	return tgz, nil
}

func integrity(b []byte) string {
	sum := sha512.Sum512(b)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// fetchPackage has npm fetch the package and keeps it at path.
func fetchPackage(path string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "r4tables")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("npm", "pack", "--silent", packageName)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm pack %s: %w", packageName, err)
	}
	tgz, err := readPackage(filepath.Join(dir, packageFile))
	if err != nil {
		return nil, err
	}
	return tgz, keep(path, tgz)
}

// keep writes a file whole or not at all.
func keep(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, b, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
