// Package mongotest gives tests databases on a MongoDB server, or one that speaks
// its protocol, which NOAFHIR_TEST_MONGODB names by its URL. Without that variable
// tests are skipped; with NOAFHIR_TEST_REQUIRE_MONGODB as well, they fail instead.
package mongotest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Available reports whether there is a server to test with, or has to be.
func Available() bool {
	return os.Getenv("NOAFHIR_TEST_MONGODB") != "" || os.Getenv("NOAFHIR_TEST_REQUIRE_MONGODB") != ""
}

// Fresh returns the URL of a database that does not exist yet, and is dropped when
// the test has ended.
func Fresh(t testing.TB) string {
	t.Helper()
	server := os.Getenv("NOAFHIR_TEST_MONGODB")
	switch {
	case server != "":
	case Available():
		t.Fatal("NOAFHIR_TEST_MONGODB is not set: it is the URL of a MongoDB server to test with")
	default:
		t.Skip("NOTHING IS TESTED ON MONGODB: set NOAFHIR_TEST_MONGODB to the URL of a server")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("NOAFHIR_TEST_MONGODB is no URL")
	}
	u.Path = "/noafhir_test_" + strings.ToLower(rand.Text()[:16])
	t.Cleanup(func() { drop(t, u) })
	return u.String()
}

// NeedTransactions ends a test that needs transactions where the server has none:
// it is skipped, or fails with NOAFHIR_TEST_REQUIRE_MONGODB.
func NeedTransactions(t testing.TB, has bool) {
	t.Helper()
	switch {
	case has:
	case os.Getenv("NOAFHIR_TEST_REQUIRE_MONGODB") != "":
		t.Fatal("the server of NOAFHIR_TEST_MONGODB has no transactions")
	default:
		t.Skip("the database has no transactions")
	}
}

// drop removes the database of a URL.
func drop(t testing.TB, u *url.URL) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(u.String()))
	if err == nil {
		err = client.Database(u.Path[1:]).Drop(ctx)
		client.Disconnect(ctx)
	}
	if err != nil {
		t.Errorf("dropping the database of the test: %v", err)
	}
}
