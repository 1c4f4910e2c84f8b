package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/noafhir/noafhir/fhir"
)

// maxItem bounds the bytes of one JSON text or line, so that a file that is not
// what it seems can not take all memory.
const maxItem = 512 << 20

// A File is something to import.
type File struct {
	Path  string
	Size  int64
	Found bool // it lay in a folder that was named, rather than being named itself

	absolute string // how journals know it
	modified int64  // in nanoseconds since 1970
}

// holdsBundles reports whether Bundles in the file are resources themselves: by
// the convention of bulk data, which Export keeps, its name says so.
func (f *File) holdsBundles() bool {
	name := strings.TrimSuffix(filepath.Base(f.Path), ".gz")
	return name == "Bundle.ndjson"
}

// An item is one JSON text of a file.
type item struct {
	place
	json []byte
}

// A place is where a resource stands in the files.
type place struct {
	file *File
	line int  // from 1; 0: the file as a whole
	only bool // there is nothing else in the file
}

// Find returns the files to import, in the order given and, within a folder, by
// name, folders within folders included. Names that begin with a dot are left
// out. The error tells of the first path that can not be read.
func Find(paths []string) ([]*File, error) {
	var files []*File
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path != root && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return filepath.SkipDir
				}
				return nil
			case entry.IsDir():
				return nil
			}
			f := &File{Path: path, Found: path != root}
			switch info, err := os.Stat(path); {
			case err != nil && !f.Found:
				return err
			case err != nil: // such as a link that leads nowhere: reading it will tell
			case info.IsDir():
				return nil
			default:
				f.Size, f.modified = info.Size(), info.ModTime().UnixNano()
			}
			f.absolute, err = filepath.Abs(path)
			files = append(files, f)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// errNoResources says that a file holds something else.
var errNoResources = errors.New("is neither JSON, NDJSON nor XML")

// A reader takes a file apart into items.
type reader struct {
	codec *fhir.Codec // for XML
	read  func(n int) // told of bytes read from the disk
	skip  func(f *File, line int) bool
}

// items calls yield for each item of a file until it returns false, and fail for
// each line that can not be one. The error is about the file as a whole.
func (r *reader) items(f *File, yield func(item) bool, fail func(line int, err error)) error {
	raw, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer raw.Close()
	text, err := unpack(&countingReader{raw, r.read})
	if err != nil {
		return err
	}
	first, err := start(text)
	switch {
	case err != nil:
		return err
	case first == '<':
		return r.xml(f, text, yield)
	case first != '{':
		return errNoResources
	}
	return r.json(f, text, yield, fail)
}

// json yields the JSON of a file. Several lines are NDJSON if the name says so
// or if the first of them is a JSON text by itself; else they are one text.
func (r *reader) json(f *File, text *bufio.Reader, yield func(item) bool, fail func(int, error)) error {
	line, err := readLine(text)
	if err != nil && err != io.EOF {
		return err
	}
	if named(f.Path, ".ndjson", ".jsonl") {
		return r.lines(f, line, text, yield, fail)
	}
	if _, err := text.Peek(1); err == nil {
		if _, err := fhir.ScanJSON(line, anyNumber); err == nil {
			return r.lines(f, line, text, yield, fail)
		}
		tail, err := io.ReadAll(io.LimitReader(text, maxItem))
		if err != nil {
			return err
		}
		line = append(append(line, '\n'), tail...)
		if len(line) > maxItem {
			return errTooLong
		}
	} else if err != io.EOF {
		return err
	}
	if !r.skip(f, 1) {
		yield(item{place{f, 1, true}, line})
	}
	return nil
}

// unpack returns the text of a file, unzipped if it begins as gzip does.
func unpack(r io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(r, 256<<10)
	magic, err := text.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return text, nil // too short for gzip: start says so
	}
	z, err := gzip.NewReader(text)
	if err != nil {
		return nil, fmt.Errorf("looks like gzip but is not: %w", err)
	}
	return bufio.NewReaderSize(z, 256<<10), nil
}

// start skips a byte order mark and white space and returns the first byte after
// them, which is not consumed.
func start(text *bufio.Reader) (byte, error) {
	if mark, _ := text.Peek(3); bytes.Equal(mark, []byte("\xEF\xBB\xBF")) {
		if _, err := text.Discard(3); err != nil {
			return 0, err
		}
	}
	for {
		c, err := text.ReadByte()
		switch {
		case err == io.EOF:
			return 0, errors.New("is empty")
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return c, text.UnreadByte()
		}
	}
}

// anyNumber lets bundles have as many values as they like: their bytes are
// bounded, and the target has limits of its own.
var anyNumber = fhir.Limits{Nodes: 1 << 28}

// lines yields the lines of NDJSON, of which the first has been read. Empty ones
// are passed over.
func (r *reader) lines(f *File, line []byte, text *bufio.Reader, yield func(item) bool, fail func(int, error)) error {
	for n := 1; ; n++ {
		if len(bytes.TrimSpace(line)) > 0 && !r.skip(f, n) && !yield(item{place{file: f, line: n}, line}) {
			return nil
		}
		var err error
		line, err = readLine(text)
		switch {
		case err == errTooLong:
			fail(n+1, err)
		case err == io.EOF && len(line) == 0:
			return nil
		case err != nil && err != io.EOF:
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
}

// xml yields the resource of an XML file.
func (r *reader) xml(f *File, text io.Reader, yield func(item) bool) error {
	data, err := io.ReadAll(io.LimitReader(text, maxItem))
	if err != nil {
		return err
	}
	resource, err := r.codec.ParseXML(data)
	if err != nil {
		return err
	}
	if !r.skip(f, 1) {
		yield(item{place{f, 1, true}, resource.JSON()})
	}
	return nil
}

var errTooLong = fmt.Errorf("is over %d MiB", maxItem>>20)

// readLine returns the next line without its end, in memory of its own. The
// error is io.EOF with the last line if nothing ends it, and errTooLong, without
// a line, for one that is passed over.
func readLine(text *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := text.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxItem; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case long && (err == nil || err == io.EOF):
			return nil, errTooLong
		}
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
}

// named reports whether a path ends in one of the endings, .gz aside.
func named(path string, endings ...string) bool {
	path = strings.TrimSuffix(strings.ToLower(path), ".gz")
	for _, ending := range endings {
		if strings.HasSuffix(path, ending) {
			return true
		}
	}
	return false
}

// A countingReader tells how much is read.
type countingReader struct {
	r    io.Reader
	read func(n int)
}

// Read implements [io.Reader].
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read(n)
	return n, err
}
