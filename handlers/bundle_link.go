package handlers

import (
	"html"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A linkForm says how an element points to a resource.
type linkForm uint8

const (
	noLink        linkForm = iota
	referenceLink          // Reference.reference: a URL, a URN, or the criteria of a search
	urlLink                // an element of type url, such as Attachment.url
	uriLink                // an element of type uri, which may as well be a mere name
	narrativeLink          // XHTML, with links in its attributes
)

// A linkTable says which elements of a schema can link to resources.
type linkTable struct {
	schema *fhir.Schema
	forms  []linkForm     // by element
	entry  fhir.ElementID // Bundle.entry
}

// newLinkTable finds the links among the elements of a schema.
//
// What a transaction replaces is fixed by
// https://hl7.org/fhir/R4/http.html#trules: references, elements of type uri and
// url, and links in the narrative. Elements of type canonical are left alone; so
// are those of type oid and uuid, which could not hold the address that would
// replace them, and system and Extension.url, which name things and never link.
func newLinkTable(schema *fhir.Schema) *linkTable {
	table := &linkTable{schema: schema, forms: make([]linkForm, len(schema.Elements))}
	for t := range schema.Types {
		owner := schema.Types[t].Name
		elements := schema.ElementsOf(fhir.TypeID(t))
		for i := range elements {
			id := schema.Types[t].First + fhir.ElementID(i)
			if owner == "Bundle" && elements[i].Name == "entry" {
				table.entry = id
			}
			table.forms[id] = formOf(owner, elements[i].Name, schema.Types[elements[i].Type].Name)
		}
	}
	return table
}

// formOf returns the form of link that an element of a type can be.
func formOf(owner, name, typ string) linkForm {
	switch {
	case owner == "Reference" && name == "reference":
		return referenceLink
	case typ == "url":
		return urlLink
	case typ == "uri" && name != "system" && !(owner == "Extension" && name == "url"):
		return uriLink
	case typ == "xhtml":
		return narrativeLink
	}
	return noLink
}

// visit calls see for every value in the resource at root that can be a link. The
// entries of a bundle inside it are passed over: their references have a scope of
// their own.
func (t *linkTable) visit(root fhir.Value, see func(v fhir.Value, form linkForm) error) error {
	tree := root.Tree()
	nodes := tree.Nodes
	for i, end := root.Index()+1, nodes[root.Index()].Next; i < end; i++ {
		n := &nodes[i]
		if n.Elem == t.entry && n.Kind == fhir.ArrayNode {
			i = n.Next - 1
			continue
		}
		form := t.forms[n.Elem]
		if form == noLink || n.Kind != fhir.StringNode {
			continue
		}
		if err := see(tree.At(i), form); err != nil {
			return err
		}
	}
	return nil
}

// expression returns the FHIRPath, from the root of its tree, of the value at
// node i.
func expression(schema *fhir.Schema, tree *fhir.Tree, i uint32) string {
	var b strings.Builder
	b.WriteString(schema.Types[tree.Nodes[0].Type].Name)
	for v := tree.Root(); v.Index() != i; {
		place := 0
		for c := range v.Children {
			if i < c.Node().Next {
				if v.Kind() == fhir.ArrayNode {
					b.WriteString("[" + strconv.Itoa(place) + "]")
				} else {
					b.WriteString("." + c.Key())
				}
				v = c
				break
			}
			place++
		}
	}
	return b.String()
}

// A link is what a reference says, taken apart.
type link struct {
	path     string // without version and fragment
	version  bool   // /_history/… follows
	fragment string // with its #
}

// splitLink takes a link apart.
func splitLink(s string) link {
	l := link{path: s}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		l.path, l.fragment = s[:i], s[i:]
	}
	if i := strings.Index(l.path, "/_history/"); i > 0 {
		l.path, l.version = l.path[:i], true
	}
	return l
}

// isURN reports whether a link names something that only the bundle can
// resolve.
func isURN(s string) bool {
	return strings.HasPrefix(s, "urn:uuid:") || strings.HasPrefix(s, "urn:oid:")
}

// restfulRoot returns what stands before Type/id in a fullUrl, with the slash, or
// nothing if the fullUrl does not have that form.
// See https://hl7.org/fhir/R4/bundle.html#references.
func restfulRoot(schema *fhir.Schema, fullURL string) string {
	if !strings.HasPrefix(fullURL, "http://") && !strings.HasPrefix(fullURL, "https://") {
		return ""
	}
	slash := strings.LastIndexByte(fullURL, '/')
	id, rest := fullURL[slash+1:], fullURL[:slash]
	slash = strings.LastIndexByte(rest, '/')
	if !fhir.ValidID(id) || schema.ResourceByName(rest[slash+1:]) == 0 {
		return ""
	}
	return rest[:slash+1]
}

// isConditional reports whether a reference is the criteria of a search, as
// Practitioner?identifier=1, rather than an address.
// See https://hl7.org/fhir/R4/http.html#trules.
func isConditional(schema *fhir.Schema, reference string) bool {
	typ, _, ok := strings.Cut(reference, "?")
	return ok && schema.ResourceByName(typ) != 0
}

// relink returns XHTML in which the links that resolve knows are replaced, and
// whether there were any. It looks at href and src in start tags; text, comments
// and CDATA sections stay as they are.
func relink(html string, resolve func(url string) (string, bool)) (string, bool) {
	var out strings.Builder
	from := 0
	for at := 0; at < len(html); {
		open := strings.IndexByte(html[at:], '<')
		if open < 0 {
			break
		}
		at += open
		if skip := opaque(html[at:]); skip > 0 {
			at += skip
			continue
		}
		for start, end := range linkAttributes(html, &at) {
			if text, ok := resolve(unescapeXML(html[start:end])); ok {
				out.WriteString(html[from:start])
				out.WriteString(escapeXML(text))
				from = end
			}
		}
	}
	if from == 0 {
		return html, false
	}
	out.WriteString(html[from:])
	return out.String(), true
}

// opaque returns the length of the comment or CDATA section that s begins with,
// 0 if it begins with neither.
func opaque(s string) int {
	for _, mark := range [...][2]string{{"<!--", "-->"}, {"<![CDATA[", "]]>"}} {
		if strings.HasPrefix(s, mark[0]) {
			if end := strings.Index(s, mark[1]); end >= 0 {
				return end + len(mark[1])
			}
			return len(s)
		}
	}
	return 0
}

// linkAttributes iterates over the spans of the values of href and src in the
// tag at html[*at:], and leaves at behind the tag.
func linkAttributes(html string, at *int) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		i := *at + 1
		defer func() { *at = i }()
		for i < len(html) && html[i] != '>' {
			quote := html[i]
			if quote != '"' && quote != '\'' {
				i++
				continue
			}
			length := strings.IndexByte(html[i+1:], quote)
			if length < 0 {
				i = len(html)
				return
			}
			start, end := i+1, i+1+length
			name := attributeName(html[*at:i])
			i = end + 1
			if (name == "href" || name == "src") && !yield(start, end) {
				return
			}
		}
		i = min(i+1, len(html))
	}
}

// attributeName returns the name that stands before an equals sign at the end of
// s.
func attributeName(s string) string {
	s, ok := strings.CutSuffix(strings.TrimRight(s, " \t\r\n"), "=")
	if !ok {
		return ""
	}
	s = strings.TrimRight(s, " \t\r\n")
	return s[strings.LastIndexAny(s, " \t\r\n\"'")+1:]
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "'", "&#39;")

func escapeXML(s string) string { return xmlEscapes.Replace(s) }

// unescapeXML resolves the references of checked XHTML: those of XML by name, and
// all by number. HTML has the same and more.
func unescapeXML(s string) string { return html.UnescapeString(s) }
