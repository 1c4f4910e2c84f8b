package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
)

// probe finds out whether the database has transactions. Those that say so are
// taken at their word only when an aborted one has left nothing, and a committed one
// what it wrote: some accept the commands and store everything at once.
func (s *Store) probe(ctx context.Context) (bool, error) {
	var hello struct {
		SetName string `bson:"setName"`
		Msg     string `bson:"msg"`
	}
	if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return false, err
	}
	if hello.SetName == "" && hello.Msg != "isdbgrid" {
		return false, nil
	}
	mark := "probe " + bson.NewObjectID().Hex()
	defer s.meta.DeleteOne(ctx, byID(mark))
	if left, err := s.try(ctx, mark, (*mongo.Session).AbortTransaction); err != nil {
		return false, err
	} else if left {
		return false, fhir.Errorf(fhir.Unavailable, "the database says that it is a replica set, but stores what a transaction wrote that was aborted: this is not safe")
	}
	kept, err := s.try(ctx, mark, (*mongo.Session).CommitTransaction)
	if err == nil && !kept {
		err = fhir.Errorf(fhir.Unavailable, "the database says that it is a replica set, but does not store what a transaction wrote: this is not safe")
	}
	return kept, err
}

// try writes in a transaction, ends it in a way, and reports whether what was
// written is there.
func (s *Store) try(ctx context.Context, mark string, end func(*mongo.Session, context.Context) error) (bool, error) {
	session, err := s.client.StartSession()
	if err != nil {
		return false, err
	}
	defer session.EndSession(ctx)
	if err := session.StartTransaction(); err != nil {
		return false, err
	}
	if _, err := s.meta.InsertOne(mongo.NewSessionContext(ctx, session), byID(mark)); err != nil {
		return false, err
	}
	if err := end(session, ctx); err != nil {
		return false, err
	}
	n, err := s.meta.CountDocuments(ctx, byID(mark), options.Count().SetLimit(1))
	return n == 1, err
}
