package fhir

import "errors"

// Survey ties the nodes of a tree to their definitions as [Codec.Check] does, but
// goes on where something is wrong, and returns all that is wrong, in document
// order, but no more than limit issues. It is for telling people about a resource; what
// it returns with issues must neither be stored nor indexed.
//
// The resource is nil if the root does not name a type of resource. A node that is
// not what its definition says is [Flawed]; a member that has no definition is
// Flawed and has no Elem.
func (c *Codec) Survey(tree *Tree, limit int) (*Resource, []Issue) {
	k := checker{codec: c, schema: c.Schema, tree: tree, lenient: max(limit, 1)}
	if err := k.resource(0); err != nil {
		_ = k.pass(err, &tree.Nodes[0], 0)
	}
	if tree.Nodes[0].Type == 0 || tree.Nodes[0].Kind != ObjectNode {
		return nil, k.issues
	}
	return c.newResource(tree), k.issues
}

// pass returns err, unless the checker is lenient: then it notes the error, marks
// the node, if there is one, and goes back to a path of that depth.
func (k *checker) pass(err error, n *Node, depth int) error {
	if k.lenient == 0 {
		return err
	}
	var known *Error
	if len(k.issues) < k.lenient && errors.As(err, &known) {
		k.issues = append(k.issues, known.All()...)
	}
	if n != nil {
		n.Flags |= Flawed
	}
	k.path = k.path[:depth]
	return nil
}
