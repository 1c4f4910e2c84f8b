package mongodb

import (
	"cmp"
	"context"
	neturl "net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/noafhir/noafhir/fhir"
)

const (
	connectWait     = 10 * time.Second
	maxIdle         = 10 * time.Minute
	maxConnecting   = 8
	defaultDatabase = "noafhir"
	closeWait       = 10 * time.Second
	tidyWait        = 5 * time.Second // for what can be left undone
)

// connect opens the database that a connection string names.
func (s *Store) connect(ctx context.Context, url string, wait time.Duration) error {
	if err := CheckURL(url); err != nil {
		return err
	}
	if err := readable(url); err != nil {
		return err
	}
	name, err := databaseOf(url)
	if err != nil {
		return err
	}
	o := options.Client().
		SetAppName("noafhir").
		SetServerSelectionTimeout(wait).
		SetConnectTimeout(connectWait).
		SetMaxConnIdleTime(maxIdle).
		SetMaxConnecting(maxConnecting).
		ApplyURI(url). // may say otherwise of what is above, but not of what is below
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetWriteConcern(majority()).
		SetMonitor(s.stats.commandMonitor()).
		SetPoolMonitor(s.stats.poolMonitor()).
		SetLoggerOptions(options.Logger().SetSink(silent{}))
	if s.client, err = mongo.Connect(o); err != nil {
		return err
	}
	s.db = s.client.Database(name)
	s.cur, s.hist, s.locks, s.meta = s.db.Collection("cur"), s.db.Collection("hist"), s.db.Collection("lock"), s.db.Collection("meta")
	s.files = s.db.GridFSBucket(options.GridFSBucket().SetName("body"))
	return nil
}

// majority is the write concern of everything.
func majority() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: "majority", Journal: &journal}
}

// databaseOf returns the name of the database in a connection string. What else
// stands there is left to the driver.
func databaseOf(url string) (string, error) {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, name, _ := strings.Cut(rest, "/")
	name, err := neturl.PathUnescape(name)
	if err != nil {
		return "", fhir.Errorf(fhir.Invalid, "the name of the database in the connection string is not valid")
	}
	return cmp.Or(name, defaultDatabase), nil
}

// silent is where the driver logs to, whatever the environment says: it would
// log what is asked and stored.
type silent struct{}

// Info implements [options.LogSink].
func (silent) Info(int, string, ...any) {}

// Error implements [options.LogSink].
func (silent) Error(error, string, ...any) {}
