package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// ExportOptions say what to export, and where to.
type ExportOptions struct {
	Store store.Reader
	Who   search.Access
	Types []string // resource types
	Dir   string   // must be empty or not exist
	Gzip  bool

	Written func(n, bytes int) // told of n resources written; nil: not
}

// exportPage is how many resources are asked for at once.
const exportPage = 1000

// Export writes the current version of every resource of some types into a
// folder, one NDJSON file a type, named after it; types without resources get
// none. A file has its name only when it is complete and on disk. It returns the
// number of resources by type.
//
// What Export sees is what the Reader shows it: give it a snapshot for a
// consistent copy.
func Export(ctx context.Context, o ExportOptions) (map[string]int, error) {
	if err := makeEmpty(o.Dir); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, typ := range o.Types {
		n, err := o.exportType(ctx, typ)
		if err != nil {
			return counts, fmt.Errorf("exporting %s: %w", typ, err)
		}
		if n > 0 {
			counts[typ] = n
		}
	}
	return counts, nil
}

// makeEmpty makes a folder, or accepts an empty one.
func makeEmpty(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("the folder %s is not empty", dir)
	}
	return err
}

// exportType writes the resources of one type.
func (o *ExportOptions) exportType(ctx context.Context, typ string) (int, error) {
	q := &search.Query{Type: typ, Count: exportPage}
	page, err := o.Store.Search(ctx, o.Who, q)
	if err != nil || len(page.Versions) == 0 {
		return 0, err
	}
	name := filepath.Join(o.Dir, typ+".ndjson")
	if o.Gzip {
		name += ".gz"
	}
	n := 0
	err = writeFile(name, o.Gzip, func(w io.Writer) error {
		for {
			bytes, err := writeLines(w, page.Versions)
			if err != nil {
				return err
			}
			n += len(page.Versions)
			if o.Written != nil {
				o.Written(len(page.Versions), bytes)
			}
			if page.Next == nil {
				return nil
			}
			next := *q
			next.After = page.Next
			if page, err = o.Store.Search(ctx, o.Who, &next); err != nil {
				return err
			}
		}
	})
	return n, err
}

// writeLines writes bodies, which are compact JSON and so have no line breaks,
// and returns their length.
func writeLines(w io.Writer, versions []*store.Version) (int, error) {
	bytes := 0
	for _, v := range versions {
		if _, err := w.Write(v.Body); err != nil {
			return bytes, err
		}
		if _, err := w.Write([]byte{'\n'}); err != nil {
			return bytes, err
		}
		bytes += len(v.Body) + 1
	}
	return bytes, nil
}

// writeFile makes a file of what fill writes. It bears its name only once all is
// on disk; on an error there is none.
func writeFile(name string, zip bool, fill func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // gone already if all went well
	buffer := bufio.NewWriterSize(part, 1<<20)
	if zip {
		z, zerr := gzip.NewWriterLevel(buffer, gzip.BestSpeed)
		if err = zerr; err == nil {
			err = errors.Join(fill(z), z.Close())
		}
	} else {
		err = fill(buffer)
	}
	err = errors.Join(err, buffer.Flush(), part.Sync(), part.Close())
	if err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}
