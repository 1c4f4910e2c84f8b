package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

func fhirpathCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fhirpath EXPR FILE",
		Short: "Evaluate a FHIRPath expression on a resource",
		Long: `fhirpath prints the result of an expression on the resource in a file, JSON or
XML, as a JSON array of {"type":…,"value":…}. The exit code is 1 if the expression
can not be evaluated, and 2 if it is none.`,
		Example: `  noafhir fhirpath 'name.given.first()' patient.json`,
		Args:    cobra.ExactArgs(2),
	}
}

// evaluate prints what an expression yields on the resource in a file.
func evaluate(ctx context.Context, p *program, args []string) error {
	expr, err := fhirpath.Parse(args[0])
	if err != nil {
		return usageError{err}
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	r, err := readResource(defs.codec, args[1])
	if err != nil {
		return err
	}
	root := r.Root()
	compiled, err := fhirpath.CompileExpr(defs.codec.Schema, expr, fhirpath.Strict(root.Type()))
	if err != nil {
		return err
	}
	items, err := compiled.Evaluate(ctx, &fhirpath.Env{}, fhirpath.Node(root))
	if err != nil {
		return err
	}
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"type":`...)
		out = fhir.AppendQuoted(out, item.TypeName())
		out = append(out, `,"value":`...)
		out = append(item.AppendJSON(out), '}')
	}
	_, err = fmt.Fprintf(p.stdout, "%s]\n", out)
	return err
}

// readResource reads a file that holds one resource, in JSON or XML.
func readResource(codec *fhir.Codec, name string) (*fhir.Resource, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	parse := codec.ParseJSON
	if text := bytes.TrimLeft(data, "\xEF\xBB\xBF \t\r\n"); len(text) > 0 && text[0] == '<' {
		parse = codec.ParseXML
	}
	r, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}
