// Command r4tables writes the tables of package r4 from the definitions that
// HL7 publishes in the npm package hl7.fhir.r4.examples.
//
//	package.tgz ──readDefinitions──▶ definitions ──newSchema──▶ fhir.Schema ──sourceFiles──▶ *_gen.go
//
// Everything between the package and the files is a function of its arguments,
// and all that could come in any order is sorted, so the same package gives the
// same bytes.
//
// Run it with go generate in fhir/r4. It takes the package from the file given
// with -package, else from the user's cache, else fetches it with npm into that
// cache. It imports fhir only.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	pkg := flag.String("package", "", "the npm package as a .tgz `file`; if empty, from the cache or by npm")
	dir := flag.String("dir", ".", "the `folder` to write to")
	flag.Parse()
	if err := run(*pkg, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "r4tables:", err)
		os.Exit(1)
	}
}

// run writes the tables to dir. Nothing is written unless all went well.
func run(pkg, dir string) error {
	tgz, err := openPackage(pkg)
	if err != nil {
		return err
	}
	defs, err := readDefinitions(bytes.NewReader(tgz))
	if err != nil {
		return err
	}
	schema, err := newSchema(defs)
	if err != nil {
		return err
	}
	files, err := sourceFiles(schema)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.source, 0o644); err != nil {
			return err
		}
	}
	return nil
}
