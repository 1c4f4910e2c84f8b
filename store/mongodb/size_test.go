package mongodb

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/profiles/demo"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// maxSize is how many bytes of documents a byte of JSON may come to.
const maxSize = 1.6

// sizes are the bytes of documents by field, and of the JSON they are of.
type sizes struct {
	documents, all, json int
	of                   map[string]int
}

// add adds the document of a new resource.
func (z *sizes) add(t *testing.T, reg *search.Registry, p *packer, r *fhir.Resource) {
	t.Helper()
	w := store.Prepare(reg, r, r.ID(), "POST")
	body := w.Body.Stamp(1, time.Now())
	raw, err := bson.Marshal(&doc{
		Ref: w.Key.String(), Type: w.Key.Type, ID: w.Key.ID, Number: 1, Date: w.Entries.Date, Method: w.Method, Gen: 1,
		Keys: encodeKeys(w.Entries.Keys), Words: wordsOf(w.Words), Body: p.pack(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	elements, err := bson.Raw(raw).Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		z.of[e.Key()] += len(e)
	}
	z.documents, z.all, z.json = z.documents+1, z.all+len(raw), z.json+len(body)
}

// TestSize holds the documents of the demo patients to a size, and tells with -v
// what that consists of.
func TestSize(t *testing.T) {
	reg := storetest.NewRegistry(t)
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	z := sizes{of: map[string]int{}}
	for _, text := range demo.Bundles() {
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(text, &bundle); err != nil {
			t.Fatal(err)
		}
		for _, e := range bundle.Entry {
			r, err := reg.Codec.ParseJSON(e.Resource)
			if err != nil {
				t.Fatal(err)
			}
			z.add(t, reg, p, r)
		}
	}
	if z.documents == 0 || float64(z.all) > maxSize*float64(z.json) {
		t.Errorf("%d documents have %d bytes for %d of JSON, want at most %.1f times as many", z.documents, z.all, z.json, maxSize)
	}
	t.Logf("%d documents of %d bytes each for %d of JSON: %.2f", z.documents, z.all/max(z.documents, 1), z.json/max(z.documents, 1), float64(z.all)/float64(z.json))
	for _, field := range slices.Sorted(maps.Keys(z.of)) {
		t.Logf("%-4s%5d bytes each", field, z.of[field]/z.documents)
	}
}
