package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parseYAML reads a flat mapping of names to scalars or to lists of scalars.
// Scalars come out as written, lists joined by commas. An empty text is an empty
// mapping.
func parseYAML(data []byte) (map[string]string, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, errors.New(firstLine(err.Error()))
	}
	values := map[string]string{}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.NullType {
			continue
		}
		if len(file.Docs) > 1 {
			return nil, errors.New("holds more than one YAML document")
		}
		if err := readMapping(doc.Body, values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// readMapping adds the pairs of a mapping to values.
func readMapping(node ast.Node, values map[string]string) error {
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return errors.New("must hold lines of the form name: value")
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		if _, twice := values[key]; twice {
			return fmt.Errorf("%s: given twice", key)
		}
		text, err := scalars(pair.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		values[key] = text
	}
	return nil
}

// scalars returns a scalar, or the scalars of a list joined by commas.
func scalars(node ast.Node) (string, error) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return scalar(node)
	}
	words := make([]string, len(list.Values))
	for i, item := range list.Values {
		word, err := scalar(item)
		if err != nil {
			return "", err
		}
		words[i] = word
	}
	return strings.Join(words, ","), nil
}

// scalar returns the text of a scalar.
func scalar(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.NullNode:
		return "", errors.New("has no value")
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", errors.New("must be a single value or a list of them")
}

// firstLine drops the excerpt that the YAML library adds to its messages: it
// could show a secret.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
