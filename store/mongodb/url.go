package mongodb

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
)

// CheckURL tells what is wrong with a connection string, as far as that can be
// told without a network. The error never quotes a user or a password.
func CheckURL(url string) error {
	scheme, _, _ := strings.Cut(url, "://")
	if scheme != "mongodb" && scheme != "mongodb+srv" {
		return fhir.Errorf(fhir.Invalid, "a connection string of MongoDB begins with mongodb:// or mongodb+srv://")
	}
	if scheme == "mongodb" {
		if err := readable(url); err != nil {
			return err
		}
	}
	name, err := databaseOf(url)
	if err != nil {
		return err
	}
	if len(name) > maxName || strings.ContainsAny(name, "/\\. \"$*<>:|?@\x00") {
		return fhir.Errorf(fhir.Invalid, "the connection string names a database in a way that MongoDB does not allow")
	}
	return nil
}

// maxName is how many bytes the name of a database may have. See
// https://www.mongodb.com/docs/manual/reference/limits/.
const maxName = 63

// readable tells why the driver can not read a connection string. For
// mongodb+srv it asks the DNS. The driver's words may quote what it stumbles
// over, so it reads the string without user and password first, and with them
// only for whether it can.
func readable(url string) error {
	scheme, rest, _ := strings.Cut(url, "://")
	bare := rest[strings.LastIndexByte(rest, '@')+1:]
	if err := options.Client().ApplyURI(scheme + "://" + bare).Validate(); err != nil {
		text := strings.TrimPrefix(err.Error(), "error parsing uri: ")
		return fhir.Errorf(fhir.Invalid, "the connection string can not be read: %s", strings.TrimPrefix(text, "error validating uri: "))
	}
	if options.Client().ApplyURI(url).Validate() != nil {
		return fhir.Errorf(fhir.Invalid, "the connection string can not be read: in a user or a password, each of : / ? # [ ] @ %% has to be written as %%3A and so on")
	}
	return nil
}

// Exists reports whether a database holds a store. It makes nothing.
func Exists(ctx context.Context, url string) (bool, error) {
	s := &Store{}
	defer s.letGo()
	if err := s.connect(ctx, url, defaultWait); err != nil {
		return false, opening(err)
	}
	names, err := s.db.ListCollectionNames(ctx, bson.D{{Key: "name", Value: "cur"}})
	if err != nil {
		return false, opening(err)
	}
	return len(names) > 0, nil
}
