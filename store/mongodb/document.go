package mongodb

import (
	"context"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A doc is a document of cur: a resource and its newest version.
type doc struct {
	Ref         string         `bson:"_id"` // Type/id
	Type        string         `bson:"t"`
	ID          string         `bson:"id"`
	N           int64          `bson:"n"`   // the instant of the first version: the order of creation
	Number      int64          `bson:"ver"` // of the version
	LastUpdated int64          `bson:"lu"`  // microseconds since 1970
	Date        int64          `bson:"d"`   // clinical date, milliseconds since 1970
	Deleted     bool           `bson:"del"` // it has no keys, no words and no body
	Method      string         `bson:"m"`
	Gen         int32          `bson:"gen"` // the generation of the index it has its keys from
	Keys        []string       `bson:"k"`   // encoded
	Words       []string       `bson:"w"`   // as wordsOf returns them
	Body        []byte         `bson:"z,omitempty"`
	File        *bson.ObjectID `bson:"b,omitempty"` // in place of Body
}

// An oldDoc is a document of hist: a version that was superseded. One that is
// still current may be there as well, if the server that was about to supersede
// it went down.
type oldDoc struct {
	Name        string         `bson:"_id"` // Type/id|number
	Ref         string         `bson:"rk"`  // Type/id
	Type        string         `bson:"t"`
	ID          string         `bson:"id"`
	Number      int64          `bson:"ver"`
	LastUpdated int64          `bson:"lu"`
	Deleted     bool           `bson:"del"`
	Method      string         `bson:"m"`
	Body        []byte         `bson:"z,omitempty"`
	File        *bson.ObjectID `bson:"b,omitempty"`
}

// superseded returns what hist keeps of d.
func (d *doc) superseded() *oldDoc {
	return &oldDoc{
		Name: versionName(d.Ref, d.Number), Ref: d.Ref, Type: d.Type, ID: d.ID, Number: d.Number, LastUpdated: d.LastUpdated,
		Deleted: d.Deleted, Method: d.Method, Body: d.Body, File: d.File,
	}
}

// doc returns the version in o as a document of cur would have it.
func (o *oldDoc) doc() *doc {
	return &doc{
		Ref: o.Ref, Type: o.Type, ID: o.ID, Number: o.Number, LastUpdated: o.LastUpdated,
		Deleted: o.Deleted, Method: o.Method, Body: o.Body, File: o.File,
	}
}

// versionName returns the _id of a version in hist.
func versionName(ref string, number int64) string {
	return ref + "|" + strconv.FormatInt(number, 10)
}

func (d *doc) key() fhir.Key { return fhir.Key{Type: d.Type, ID: d.ID} }

// versionFields is the projection of cur that a version needs.
var versionFields = bson.D{{Key: "k", Value: 0}, {Key: "w", Value: 0}}

// version returns the version in a document.
func (s *Store) version(ctx context.Context, d *doc) (*store.Version, error) {
	v := &store.Version{
		Key: fhir.Key{Type: d.Type, ID: d.ID}, Number: d.Number, LastUpdated: instant(d.LastUpdated),
		Method: d.Method, Deleted: d.Deleted,
	}
	if d.Deleted {
		return v, nil
	}
	var err error
	v.Body, err = s.body(ctx, v.Key, d.Body, d.File)
	return v, err
}

// parse reads a stored body.
func (s *Store) parse(v *store.Version) (*fhir.Resource, error) {
	return v.Parse(s.codec)
}

// indexed returns what a resource is found by: clinical date, keys and words.
func indexed(reg *search.Registry, id string, r *fhir.Resource) (date int64, keys, words []string) {
	e := reg.IndexAs(r, id)
	return e.Date, encodeKeys(e.Keys), wordsOf(store.WordsOf(reg, r))
}
