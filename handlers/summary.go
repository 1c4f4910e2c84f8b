package handlers

// A view says which elements of a resource a client wants to see. The zero value
// is all of them.
type view struct {
	Summary  string   // true, text, data, or empty; count is for searches only
	Elements []string // from _elements
}

// parseView reads _summary and _elements. The error is Invalid.
func parseView(query [][2]string) (view, error) { return view{}, nil }

// whole reports whether v shows every element.
func (v view) whole() bool { return v.Summary == "" && len(v.Elements) == 0 }

// subset returns the JSON of a resource as v shows it, tagged SUBSETTED. The
// result may share body.
func (s *Server) subset(v view, body []byte) ([]byte, error) { return body, nil }
