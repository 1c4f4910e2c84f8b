package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// write prepares an invented patient.
func write(t testing.TB, reg *search.Registry, id, family string) store.Write {
	t.Helper()
	r, err := reg.Codec.ParseJSON(fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"active":true,"name":[{"family":%q}]}`, id, family))
	if err != nil {
		t.Fatal(err)
	}
	return store.Prepare(reg, r, id, "PUT")
}

func put(t testing.TB, s *sqlite.Store, reg *search.Registry, id, family string) {
	t.Helper()
	if _, err := s.Put(ctx, all, write(t, reg, id, family)); err != nil {
		t.Fatal(err)
	}
}

// count returns how many patients have a family name.
func count(t testing.TB, s *sqlite.Store, reg *search.Registry, family string) int64 {
	t.Helper()
	q, err := search.Parse(reg, "Patient", [][2]string{{"family", family}}, search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Count(ctx, all, q)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantRefused fails the test unless opening a file fails with words for an
// operator.
func wantRefused(t *testing.T, path string, reg *search.Registry, words string) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{Registry: reg})
	if err == nil {
		s.Close()
		t.Fatalf("%s was opened", path)
	}
	if !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %q, want one that says %q and names the file", err, words)
	}
}

func TestOpenRefuses(t *testing.T) {
	reg := storetest.NewRegistry(t)
	t.Run("what another program has open", func(t *testing.T) {
		path := temp(t)
		s := openAt(t, path, sqlite.Options{Registry: reg})
		wantRefused(t, path, reg, fmt.Sprintf("another program (process %d) has it open", os.Getpid()))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		openAt(t, path, sqlite.Options{Registry: reg}).Close()
	})
	t.Run("what is no database", func(t *testing.T) {
		path := temp(t)
		text := strings.Repeat("This is no database. ", 1000)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, path, reg, "damaged, or no database")
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Error("the file was changed")
		}
	})
	t.Run("another program's database", func(t *testing.T) {
		path := temp(t)
		s := openAt(t, path, sqlite.Options{Registry: reg})
		if err := sqlite.Exec(s, "PRAGMA application_id=7"); err != nil {
			t.Fatal(err)
		}
		s.Close()
		wantRefused(t, path, reg, "another program")
	})
	t.Run("a newer program's database", func(t *testing.T) {
		path := temp(t)
		s := openAt(t, path, sqlite.Options{Registry: reg})
		if err := sqlite.Exec(s, "PRAGMA user_version=99"); err != nil {
			t.Fatal(err)
		}
		s.Close()
		wantRefused(t, path, reg, "a newer version of this program")
	})
	t.Run("a folder that can not be written to", func(t *testing.T) {
		wantRefused(t, filepath.Join(readOnly(t), "test.db"), reg, "")
	})
	t.Run("a folder in place of a file", func(t *testing.T) {
		wantRefused(t, t.TempDir(), reg, "")
	})
	t.Run("settings there are not", func(t *testing.T) {
		_, err := sqlite.Open(temp(t), sqlite.Options{Registry: reg, Synchronous: "OFF"})
		if err == nil || !strings.Contains(err.Error(), "FULL or NORMAL") {
			t.Errorf("synchronous OFF: %v", err)
		}
	})
}

// readOnly returns a folder in which nothing can be made.
func readOnly(t *testing.T) string {
	if os.Getuid() == 0 {
		if runtime.GOOS != "linux" {
			t.Skip("root may write everywhere")
		}
		return "/proc/sys"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	return dir
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "test.db")
	s := openAt(t, path, sqlite.Options{Registry: storetest.NewRegistry(t)})
	defer s.Close()
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock", filepath.Dir(path)} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

// TestDiskFull fills the database up to a limit on its pages, as a full disk
// would.
func TestDiskFull(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	put(t, s, reg, "first", "Poe")
	if err := sqlite.Exec(s, "PRAGMA max_page_count=100"); err != nil {
		t.Fatal(err)
	}
	stored := int64(1)
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		if _, err = s.Put(ctx, all, write(t, reg, fmt.Sprint("p", i), "Poe")); err == nil {
			stored++
		}
	}
	wantUnavailable(t, "Put", err, "the disk is full")
	wantUnavailable(t, "Check", s.Check(ctx), "the disk is full")
	many := func(tx store.Tx) error {
		for i := range 100 {
			if _, err := tx.Put(ctx, all, write(t, reg, fmt.Sprint("u", i), "Poe")); err != nil {
				return nil // a unit that makes light of it must not be stored either
			}
		}
		return nil
	}
	wantUnavailable(t, "Update", s.Update(ctx, many), "the disk is full")
	if n := count(t, s, reg, "poe"); n != stored {
		t.Errorf("there are %d resources, %d were acknowledged", n, stored)
	}
	if _, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "first"}); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}

	if err := sqlite.Exec(s, "PRAGMA max_page_count=1000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx); err != nil {
		t.Errorf("with room again, Check: %v", err)
	}
	if err := s.Update(ctx, many); err != nil {
		t.Errorf("with room again, Update: %v", err)
	}
	if n := count(t, s, reg, "poe"); n != stored+100 {
		t.Errorf("there are %d resources, want %d", n, stored+100)
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
}

func wantUnavailable(t *testing.T, what string, err error, words string) {
	t.Helper()
	var e *fhir.Error
	if !errors.As(err, &e) || e.Kind != fhir.Unavailable || !strings.Contains(e.Text, words) {
		t.Errorf("%s: got error %v, want Unavailable: %s", what, err, words)
	}
}

// TestDamagedFile overwrites pages in the middle of a database. Nothing it says
// after that may be wrong.
func TestDamagedFile(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg})
	for i := range 200 {
		put(t, s, reg, fmt.Sprint("p", i), strings.Repeat("Poe", 300))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := []byte(strings.Repeat("\xa5", 4096))
	for page := int64(20); page < info.Size()/4096; page++ {
		if _, err := f.WriteAt(junk, page*4096); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()

	s, err = sqlite.Open(path, sqlite.Options{Registry: reg})
	if err != nil {
		if !strings.Contains(err.Error(), "damaged") {
			t.Errorf("got error %q, want one that says it is damaged", err)
		}
		return
	}
	defer s.Close()
	failed := 0
	for i := range 200 {
		switch _, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: fmt.Sprint("p", i)}); {
		case err != nil && fhir.KindOf(err) == fhir.Unavailable:
			failed++
		case err != nil:
			t.Fatalf("reading p%d: %v", i, err)
		}
	}
	if failed == 0 {
		t.Error("every read succeeded")
	}
	wantUnavailable(t, "Check", s.Check(ctx), "damaged")
	if err := s.Verify(ctx); err == nil {
		t.Error("Verify finds nothing wrong")
	}
}

// TestRemovedFile wants writes to be refused when they would be gone with the
// process.
func TestRemovedFile(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	put(t, s, reg, "a", "Poe")
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Put(ctx, all, write(t, reg, "b", "Poe"))
	wantUnavailable(t, "Put", err, "removed or replaced")
	wantUnavailable(t, "Check", s.Check(ctx), "removed or replaced")
	if err := os.Rename(path+".moved", path); err != nil {
		t.Fatal(err)
	}
	put(t, s, reg, "b", "Poe")
}

// TestLinkedFile wants one file to have one lock, whatever it is called.
func TestLinkedFile(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Skip("no symbolic links here")
	}
	wantRefused(t, path+".link", reg, "another program")
}

func TestInterrupt(t *testing.T) {
	s := openAt(t, temp(t), sqlite.Options{Registry: storetest.NewRegistry(t), Readers: 1})
	defer s.Close()
	for range 100 { // the end may come before, while or after the statement begins
		late, cancel := context.WithTimeout(ctx, time.Microsecond)
		if err := sqlite.Spin(late, s); fhir.KindOf(err) != fhir.TooCostly {
			t.Errorf("past the deadline: %v", err)
		}
		cancel()
	}
	given, giveUp := context.WithCancel(ctx)
	go giveUp()
	if err := sqlite.Spin(given, s); fhir.KindOf(err) != fhir.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	// The one connection there is has to be as good as new.
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg})
	put(t, s, reg, "p", "Poe")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, err := s.Put(ctx, all, write(t, reg, "q", "Poe"))
	wantUnavailable(t, "Put", err, "closed")
	_, err = s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "p"})
	wantUnavailable(t, "Read", err, "closed")
	wantUnavailable(t, "Check", s.Check(ctx), "closed")
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("%d bytes are left in the log", info.Size())
	}
}
