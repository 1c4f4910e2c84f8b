package sqlite

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// applicationID marks our database files: "nFHR".
const applicationID = 0x6e464852

// migrations lead from an empty file to the present layout, one version each.
// Those that were released do not change any more.
//
//	type     a small number for each resource type
//	res      the newest version of every resource ever, by type and id
//	ver      every version, in the order of writing; vid is lastUpdated in
//	         microseconds since 1970
//	cur      the resources that are not deleted, by creation; d is the clinical
//	         date in milliseconds since 1970, keys the packed keys in post
//	old      the versions of a resource before the newest
//	old_vid  versions that are not current: superseded, or marks of deletion
//	post     the search index: key, clinical date, resource
//	words    the full-text index of the resources in cur, by n: their type, the
//	         words of their narrative, and all their words
var migrations = []string{`
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE type(t INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE res(t INTEGER NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, number INTEGER NOT NULL,
	vid INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY(t, id)) STRICT, WITHOUT ROWID;
CREATE TABLE ver(vid INTEGER PRIMARY KEY, n INTEGER NOT NULL, t INTEGER NOT NULL, number INTEGER NOT NULL,
	method INTEGER NOT NULL, id TEXT NOT NULL, body BLOB) STRICT;
CREATE TABLE cur(n INTEGER PRIMARY KEY, t INTEGER NOT NULL, vid INTEGER NOT NULL, d INTEGER NOT NULL,
	keys BLOB NOT NULL) STRICT;
CREATE INDEX cur_vid ON cur(t, vid);
CREATE TABLE old(n INTEGER NOT NULL, number INTEGER NOT NULL, vid INTEGER NOT NULL,
	PRIMARY KEY(n, number)) STRICT, WITHOUT ROWID;
CREATE TABLE old_vid(t INTEGER NOT NULL, vid INTEGER NOT NULL, PRIMARY KEY(t, vid)) STRICT, WITHOUT ROWID;
CREATE TABLE post(k BLOB NOT NULL, d INTEGER NOT NULL, n INTEGER NOT NULL,
	PRIMARY KEY(k, d, n)) STRICT, WITHOUT ROWID;
`, wordsTable + `
DELETE FROM meta WHERE key='index';
`}

// migrate brings a database to the present layout, in one transaction. It
// refuses files that are not ours and those of a newer program.
func migrate(c *conn) error {
	version, err := layout(c)
	if err != nil || version == len(migrations) {
		return err
	}
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, script := range migrations[version:] {
		if err := c.script(script); err != nil {
			return err
		}
	}
	if version == 0 {
		if err := c.exec(fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
			return err
		}
		id := make([]byte, 16)
		rand.Read(id)
		if err := setMeta(c, "store", hex.EncodeToString(id)); err != nil {
			return err
		}
	}
	if err := c.exec(fmt.Sprintf("PRAGMA user_version=%d", len(migrations))); err != nil {
		return err
	}
	return c.exec("COMMIT")
}

// layout returns the version of the database's layout, 0 if it is empty.
func layout(c *conn) (int, error) {
	application, err := c.value("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	tables, err := c.value("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return 0, err
	}
	if application == "0" && tables == "0" {
		return 0, nil
	}
	if application != strconv.Itoa(applicationID) {
		return 0, fhir.Errorf(fhir.Unavailable, "it is a SQLite database of another program")
	}
	text, err := c.value("PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 {
		return 0, fhir.Errorf(fhir.Unavailable, "its layout version %q is not valid", text)
	}
	if version > len(migrations) {
		return 0, fhir.Errorf(fhir.Unavailable, "it was made by a newer version of this program (layout %d, this program knows %d): use that version", version, len(migrations))
	}
	return version, nil
}

// script runs statements that take no parameters.
func (c *conn) script(text string) error {
	for _, statement := range strings.Split(text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := c.exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// meta returns a value of the meta table, empty if there is none.
func meta(c *conn, key string) (string, error) {
	s, err := c.prepare("SELECT value FROM meta WHERE key=?")
	if err != nil {
		return "", err
	}
	defer s.reset()
	if row, err := s.str(key).step(); err != nil || !row {
		return "", err
	}
	return s.text(0), nil
}

// setMeta changes a value of the meta table.
func setMeta(c *conn, key, value string) error {
	s, err := c.prepare("INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value=excluded.value")
	if err != nil {
		return err
	}
	return s.str(key).str(value).run()
}

// A typeTable numbers the resource types. The numbers are part of the database
// and stay what they are when the definitions change.
type typeTable struct {
	numbers map[string]int64
	names   []string // by number
}

// loadTypes reads the numbers and gives one to each resource type that has none.
func loadTypes(c *conn, schema *fhir.Schema) (*typeTable, error) {
	table := &typeTable{numbers: map[string]int64{}}
	if err := table.read(c); err != nil {
		return nil, err
	}
	var missing []string
	for i := range schema.Types {
		t := &schema.Types[i]
		if t.Kind == fhir.ResourceType && !t.Abstract && table.numbers[t.Name] == 0 {
			missing = append(missing, t.Name)
		}
	}
	if len(missing) == 0 {
		return table, nil
	}
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	for _, name := range missing {
		s, err := c.prepare("INSERT INTO type(name) VALUES(?)")
		if err != nil {
			return nil, err
		}
		if err := s.str(name).run(); err != nil {
			return nil, err
		}
	}
	if err := c.exec("COMMIT"); err != nil {
		return nil, err
	}
	return table, table.read(c)
}

func (table *typeTable) read(c *conn) error {
	s, err := c.prepare("SELECT t, name FROM type")
	if err != nil {
		return err
	}
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		number, name := s.num(0), s.text(1)
		table.numbers[name] = number
		for int64(len(table.names)) <= number {
			table.names = append(table.names, "")
		}
		table.names[number] = name
	}
}
