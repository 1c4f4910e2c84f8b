package mongodb_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb"
)

func TestCheckURL(t *testing.T) {
	tests := []struct {
		URL  string
		Want string // part of the error; empty: there is none
	}{
		{URL: "mongodb://127.0.0.1"},
		{URL: "mongodb://127.0.0.1:27017/?replicaSet=rs0"},
		{URL: "mongodb://ada:top%2Fsecret@a:1,b:2/clinic?replicaSet=rs0&authSource=admin&tls=true"},
		{URL: "mongodb+srv://ada:top-secret@cluster.example.org/clinic?srvMaxHosts=2"},
		{URL: "mongodb+srv://[cluster"},
		{URL: "mysql://127.0.0.1", Want: "begins with mongodb://"},
		{URL: "mongodb:", Want: "begins with mongodb://"},
		{URL: "mongodb://", Want: "at least 1 host"},
		{URL: "mongodb://ada:top-secret@", Want: "at least 1 host"},
		{URL: "mongodb://ada:top-secret@host:bad/db", Want: "port must be an integer"},
		{URL: "mongodb://ada:top-secret@host/db?maxPoolSize=some", Want: `maxPoolSize`},
		{URL: "mongodb://ada:top-secret@host/clin.ic", Want: "names a database"},
		{URL: "mongodb://ada:top-secret@host/" + strings.Repeat("x", 64), Want: "names a database"},
		{URL: "mongodb://ada:top-secret@a,b/?directConnection=true", Want: "direct connection"},
		{URL: "mongodb://ada:top-se@cret@host", Want: "%3A"},
		{URL: "mongodb://ada:top-se/cret@host/db", Want: "%3A"},
		{URL: "mongodb://ada:top-%secret@host/db", Want: "%3A"},
		{URL: "mongodb://ada:top:secret@host/db", Want: "%3A"},
		{URL: "mongodb://ada:top-secret:@host:99/db", Want: "%3A"},
	}
	for _, test := range tests {
		err := mongodb.CheckURL(test.URL)
		if (err == nil) != (test.Want == "") || err != nil && !strings.Contains(err.Error(), test.Want) {
			t.Errorf("%s: got %v, want %q", test.URL, err, test.Want)
		}
		if err != nil && (strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), "ada")) {
			t.Errorf("%s: the error quotes the password: %v", test.URL, err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	f.Add("ada", "top-secret", "host:1/db")
	f.Add("", "se@cret%", "[::1]/?tls=true")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		const mark = "Zq9!"
		err := mongodb.CheckURL("mongodb://" + user + ":" + mark + password + "@" + rest)
		if err != nil && strings.Contains(err.Error(), mark) && !strings.Contains(rest, mark) {
			t.Errorf("the error quotes the password: %v", err)
		}
	})
}
