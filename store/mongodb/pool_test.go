package mongodb

import "go.mongodb.org/mongo-driver/v2/mongo"

// Database returns the database of a store, for benchmarks that go through the same
// connections.
func Database(s *Store) *mongo.Database { return s.db }
