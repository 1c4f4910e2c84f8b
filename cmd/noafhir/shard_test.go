package main

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// TestShardDryRun connects to nothing: there is nobody at the address.
func TestShardDryRun(t *testing.T) {
	code, out, errs := runHere(t, nil, "shard", "--dry-run", "--store", "mongodb://ada:top-secret@127.0.0.1:1/clinic")
	if code != 0 || errs != "" {
		t.Fatalf("got exit code %d, %s", code, errs)
	}
	want := []string{
		`sh.enableSharding("clinic")`,
		`db.getSiblingDB("clinic").getCollection("cur").createIndex({"_id": "hashed"})`,
		`sh.shardCollection("clinic.cur", {"_id": "hashed"})`,
		`db.getSiblingDB("clinic").getCollection("hist").createIndex({"rk": "hashed"})`,
		`sh.shardCollection("clinic.hist", {"rk": "hashed"})`,
		`db.getSiblingDB("clinic").getCollection("lock").createIndex({"_id": "hashed"})`,
		`sh.shardCollection("clinic.lock", {"_id": "hashed"})`,
		`db.getSiblingDB("clinic").getCollection("body.chunks").createIndex({"files_id": "hashed"})`,
		`sh.shardCollection("clinic.body.chunks", {"files_id": "hashed"})`,
	}
	if out != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}
}

// TestShardRefuses wants a database that is no cluster to be left as it is.
func TestShardRefuses(t *testing.T) {
	url := mongotest.Fresh(t)
	code, out, errs := runHere(t, nil, "shard", "--store", url)
	if code != 1 || out != "" || !strings.Contains(errs, "use the address of a mongos") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	if there, err := mongodb.Exists(t.Context(), url); err != nil || there {
		t.Errorf("the database is there: %t, %v", there, err)
	}
}
