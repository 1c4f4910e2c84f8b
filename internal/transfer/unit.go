package transfer

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A unit is a Bundle to be performed at once.
type unit struct {
	places []place  // of each entry; a single one if all are from one Bundle of a file
	count  int      // of entries
	whole  bool     // it was one Bundle, and is loaded as one
	batch  bool     // it was a batch, whose entries succeed or fail one by one
	loose  bool     // it was no Bundle, and its entries succeed or fail one by one
	keys   []string // what it changes, as far as its ids are known: two units with a key in common keep their order
	err    error    // why it was postponed

	own  []byte // a batch or transaction as it stands in a file; nil: a transaction is to be made of
	list []byte // entries, separated by commas, which end at
	ends []int
}

// bundle returns the JSON to perform.
func (u *unit) bundle() []byte {
	if u.own != nil {
		return u.own
	}
	head, tail := `{"resourceType":"Bundle","type":"transaction","entry":[`, `]}`
	if u.loose {
		head = `{"resourceType":"Bundle","type":"batch","entry":[`
	}
	out := make([]byte, 0, len(head)+len(u.list)+len(tail))
	return append(append(append(out, head...), u.list...), tail...)
}

// split returns two units that are u together.
func (u *unit) split() [2]*unit {
	m := u.count / 2
	end := u.ends[m-1]
	right := &unit{loose: u.loose, places: u.places[m:], count: u.count - m, list: u.list[end+1:], ends: make([]int, u.count-m)}
	for i, e := range u.ends[m:] {
		right.ends[i] = e - end - 1
	}
	return [2]*unit{{loose: u.loose, places: u.places[:m], count: m, list: u.list[:end], ends: u.ends[:m]}, right}
}

// size returns how many bytes the unit holds on to.
func (u *unit) size() int { return len(u.list) + len(u.own) }

// A gatherer makes units of items.
type gatherer struct {
	most, mostBytes int // bounds of what single resources are gathered into
	emit            func(*unit) bool
	fail            func(place, error)
	loose           bool // single resources need not be loaded all or none

	open *unit // being filled
	seen map[string]bool
}

// add takes an item. It reports whether more is wanted.
func (g *gatherer) add(it item) bool {
	at := it.place
	tree, err := fhir.ScanJSON(it.json, anyNumber)
	if err != nil {
		g.fail(at, err)
		return true
	}
	root := tree.Root()
	typ := root.Get("resourceType").Text()
	switch {
	case typ == "":
		g.fail(at, fhir.Errorf(fhir.Structure, "is no FHIR resource: it has no resourceType"))
		return true
	case typ != "Bundle" || at.file.holdsBundles():
		return g.resource(at, "", root)
	}
	switch kind := root.Get("type").Text(); kind {
	case "batch", "transaction":
		return g.flush() && g.emit(ownUnit(at, kind == "batch", tree))
	case "collection", "searchset", "document", "message":
		return g.flush() && g.collection(at, root) && g.flush()
	default:
		g.fail(at, fhir.Errorf(fhir.Unsupported, "a Bundle of type %q can not be imported", kind))
		return true
	}
}

// ownUnit returns the unit of a Bundle that stands in a file as it is.
func ownUnit(at place, batch bool, tree *fhir.Tree) *unit {
	u := &unit{places: []place{at}, whole: true, batch: batch, own: tree.Src}
	for e := range tree.Root().Get("entry").Children {
		u.count++
		request := e.Get("request")
		if url := request.Get("url").Text(); request.Get("method").Text() != "POST" && !strings.Contains(url, "?") {
			u.keys = append(u.keys, url)
		}
	}
	return u
}

// collection gathers the entries of a Bundle, which stay together: references
// between them hold, and a document is not torn apart.
func (g *gatherer) collection(at place, root fhir.Value) bool {
	most, mostBytes := g.most, g.mostBytes
	g.most, g.mostBytes = maxItem, maxItem
	defer func() { g.most, g.mostBytes = most, mostBytes }()
	for e := range root.Get("entry").Children {
		resource := e.Get("resource")
		if !resource.Exists() || e.Get("search").Get("mode").Text() == "outcome" {
			continue
		}
		if !g.resource(at, e.Get("fullUrl").Text(), resource) {
			return false
		}
	}
	if g.open != nil {
		g.open.whole, g.open.loose, g.open.places = true, false, []place{at}
	}
	return true
}

// resource gathers a resource: as an update if it has an id, else as a create.
func (g *gatherer) resource(at place, fullURL string, r fhir.Value) bool {
	typ, id := r.Get("resourceType").Text(), r.Get("id").Text()
	method, url := "POST", typ
	if id != "" {
		method, url = "PUT", typ+"/"+id
	}
	if g.full(url, id != "", r) && !g.flush() {
		return false
	}
	if g.open == nil {
		g.open, g.seen = &unit{loose: g.loose}, map[string]bool{}
	}
	u := g.open
	if id != "" {
		u.keys = append(u.keys, url)
		g.seen[url] = true
	}
	if u.count > 0 {
		u.list = append(u.list, ',')
	}
	u.list = append(u.list, '{')
	if fullURL != "" {
		u.list = append(fhir.AppendQuoted(append(u.list, `"fullUrl":`...), fullURL), ',')
	}
	u.list = append(append(u.list, `"resource":`...), r.Raw()...)
	u.list = append(append(u.list, `,"request":{"method":"`...), method...)
	u.list = append(fhir.AppendQuoted(append(u.list, `","url":`...), url), `}}`...)
	u.ends = append(u.ends, len(u.list))
	u.count++
	u.places = append(u.places, at)
	return true
}

// full reports whether a resource has to go into another unit than the open one.
// A transaction must not change a resource twice.
func (g *gatherer) full(url string, keyed bool, r fhir.Value) bool {
	u := g.open
	if u == nil {
		return false
	}
	return u.count >= g.most || len(u.list)+len(r.Raw()) > g.mostBytes || keyed && g.seen[url]
}

// flush hands on the open unit. It reports whether more is wanted.
func (g *gatherer) flush() bool {
	u := g.open
	g.open = nil
	return u == nil || g.emit(u)
}
