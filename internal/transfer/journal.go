package transfer

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
)

// A Journal remembers in a file what has been loaded, so that an import that was
// interrupted goes on where it stopped. It is about one target. It knows files by
// their absolute path, their size and the time of their last change: one that has
// changed is loaded again, and so is what was being loaded when the process died. A
// nil Journal remembers nothing.
type Journal struct {
	file   *os.File
	loaded map[string][]span
}

// A span is a range of lines that have been loaded, as it stands in the journal.
type span struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	Time int64  `json:"time"` // of the last change, in nanoseconds since 1970
	From int    `json:"from"`
	To   int    `json:"to"`            // the last one
	All  bool   `json:"all,omitempty"` // there is nothing else in the file
}

// A head is the first line of a journal.
type head struct {
	Target string `json:"target"` // what was loaded into
}

// OpenJournal opens the journal of imports into a target, or begins one if there
// is no such file. A last line that was not written to its end is forgotten. The
// journal of another target is refused: by it, nothing would seem left to do.
func OpenJournal(name, target string) (*Journal, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: file, loaded: map[string][]span{}}
	if err := j.read(target); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return j, nil
}

// read takes in what was written and stands behind it.
func (j *Journal) read(target string) error {
	text := bufio.NewReader(j.file)
	first, err := text.ReadBytes('\n')
	if err != nil {
		begin, err := json.Marshal(head{target})
		if err != nil {
			return err
		}
		if begin = append(begin, '\n'); !bytes.HasPrefix(begin, first) {
			return errors.New("is no journal of an import")
		}
		if err := j.cut(0); err != nil {
			return err
		}
		_, err = j.file.Write(begin)
		return err
	}
	var h head
	if err := json.Unmarshal(first, &h); err != nil || h.Target == "" {
		return errors.New("is no journal of an import")
	}
	if h.Target != target {
		return errors.New("is the journal of imports into another store")
	}
	end := int64(len(first))
	for n := 2; ; n++ {
		line, err := text.ReadBytes('\n')
		if err != nil {
			break
		}
		var s span
		if err := json.Unmarshal(line, &s); err != nil || s.File == "" {
			return fmt.Errorf("line %d is no entry of an import's journal", n)
		}
		j.loaded[s.File] = append(j.loaded[s.File], s)
		end += int64(len(line))
	}
	for name, spans := range j.loaded {
		j.loaded[name] = join(spans)
	}
	return j.cut(end)
}

// cut ends the file at a place, and stands there.
func (j *Journal) cut(end int64) error {
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	_, err := j.file.Seek(end, 0)
	return err
}

// join sorts spans and makes one of those that follow each other.
func join(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Time, b.Time), a.From-b.From)
	})
	joined := spans[:1]
	for _, s := range spans[1:] {
		last := &joined[len(joined)-1]
		if s.Size == last.Size && s.Time == last.Time && s.From <= last.To+1 {
			last.To, last.All = max(last.To, s.To), last.All || s.All
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// is reports whether a span is of a file as it is now.
func (s *span) is(f *File) bool { return s.Size == f.Size && s.Time == f.modified }

// has reports whether a line has been loaded.
func (j *Journal) has(f *File, line int) bool {
	if j == nil {
		return false
	}
	return slices.ContainsFunc(j.loaded[f.absolute], func(s span) bool {
		return s.is(f) && s.From <= line && line <= s.To
	})
}

// hasAll reports whether everything in a file is known to have been loaded.
func (j *Journal) hasAll(f *File) bool {
	if j == nil {
		return false
	}
	return slices.ContainsFunc(j.loaded[f.absolute], func(s span) bool { return s.is(f) && s.All })
}

// add notes that what stands at the places has been loaded, except the bad ones.
// When it returns, the journal is on disk.
func (j *Journal) add(places []place, bad map[place]bool) error {
	if j == nil {
		return nil
	}
	var spans []span
	for _, at := range places {
		if bad[at] {
			continue
		}
		if n := len(spans) - 1; n >= 0 && spans[n].File == at.file.absolute && at.line <= spans[n].To+1 {
			spans[n].To = at.line
			continue
		}
		spans = append(spans, span{at.file.absolute, at.file.Size, at.file.modified, at.line, at.line, at.only})
	}
	var text []byte
	for _, s := range spans {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if _, err := j.file.Write(text); err != nil {
		return err
	}
	return j.file.Sync()
}

// Close closes the file.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
