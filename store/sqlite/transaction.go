package sqlite

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A transaction is the unit of work the writer has in hand. There is one, used
// again for unit after unit.
type transaction struct {
	view
	w        *writer
	ctx      context.Context // of the unit
	open     bool            // a unit is running
	wrote    bool            // the unit has changed something
	changed  bool            // so has a unit of this transaction that was not undone
	failure  error           // the database failed while writing: all is lost
	defines  bool            // search parameters may have changed
	rows     int             // about how many rows have been written
	written  int             // postings written, for the statistics
	postings postingBuffer
	old      keySet // scratch
}

var _ store.Tx = (*transaction)(nil)

// do notes an error of the database. After it, nothing of the transaction can be
// kept, whatever the unit makes of it.
func (tx *transaction) do(err error) error {
	tx.wrote = true
	tx.rows++
	if err != nil && tx.failure == nil {
		tx.failure = err
	}
	return err
}

// row runs a statement that writes. The caller binds its parameters.
func (tx *transaction) row(text string, bind func(*stmt)) error {
	s, err := tx.c.prepare(text)
	if err != nil {
		return tx.do(err)
	}
	bind(s)
	return tx.do(s.run())
}

// flushFor writes the postings that wait, if a search might miss them.
func (tx *transaction) flushFor(q *search.Query) error {
	if !tx.postings.touches(q, tx.s.tuning.streams) {
		return nil
	}
	return tx.flush()
}

// flush writes the postings that wait.
func (tx *transaction) flush() error {
	n, err := tx.postings.flush(tx.c)
	tx.written += n
	if err != nil {
		return tx.do(err)
	}
	return nil
}

// usable refuses calls after the unit's end, and those for requests given up.
func (tx *transaction) usable(ctx context.Context) error {
	if !tx.open {
		return fhir.Errorf(fhir.Internal, "a transaction was used after its end")
	}
	if ctx.Err() != nil {
		return store.ErrGivenUp(ctx)
	}
	return nil
}

// Read implements [store.Reader].
func (tx *transaction) Read(ctx context.Context, who search.Access, key fhir.Key) (*store.Version, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	version, err := tx.read(who, key)
	return version, finish(ctx, err)
}

// ReadVersion implements [store.Reader].
func (tx *transaction) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (*store.Version, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	version, err := tx.readVersion(who, key, number)
	return version, finish(ctx, err)
}

// Search implements [store.Reader].
func (tx *transaction) Search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	if err := tx.flushFor(q); err != nil {
		return nil, translate(err)
	}
	defer tx.c.until(ctx)()
	page, err := tx.search(ctx, who, q)
	return page, finish(ctx, err)
}

// Count implements [store.Reader].
func (tx *transaction) Count(ctx context.Context, who search.Access, q *search.Query) (int64, error) {
	if err := tx.usable(ctx); err != nil {
		return 0, err
	}
	if err := tx.flushFor(q); err != nil {
		return 0, translate(err)
	}
	defer tx.c.until(ctx)()
	n, err := tx.count(ctx, who, q)
	return n, finish(ctx, err)
}

// History implements [store.Reader].
func (tx *transaction) History(ctx context.Context, who search.Access, q store.HistoryQuery) (*store.Page, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	defer tx.c.until(ctx)()
	page, err := tx.history(ctx, who, q)
	return page, finish(ctx, err)
}

// Put implements [store.Tx].
func (tx *transaction) Put(ctx context.Context, who search.Access, w store.Write) (*store.Version, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	version, err := tx.put(who, &w)
	return version, finish(ctx, err)
}

// Delete implements [store.Tx].
func (tx *transaction) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*store.Version, error) {
	if err := tx.usable(ctx); err != nil {
		return nil, err
	}
	version, err := tx.delete(who, key, ifVersion)
	return version, finish(ctx, err)
}

// A head is what is known of a resource's newest version.
type head struct {
	store.Found
	t, n, vid int64
}

// head looks a resource up for a change by who.
func (tx *transaction) head(who search.Access, key fhir.Key) (head, error) {
	h := head{t: tx.s.types.numbers[key.Type]}
	if h.t == 0 {
		return h, fhir.Errorf(fhir.Unsupported, "%q is no resource type of this store", key.Type)
	}
	s, err := tx.c.prepare("SELECT n, number, vid, deleted FROM res WHERE t=? AND id=?")
	if err != nil {
		return h, err
	}
	if h.Exists, err = s.int(h.t).str(key.ID).step(); err != nil || !h.Exists {
		return h, err
	}
	h.n, h.Number, h.vid, h.Deleted = s.num(0), s.num(1), s.num(2), s.num(3) != 0
	s.reset()
	if who.Unrestricted() {
		return h, nil
	}
	version, err := tx.byVid(h.vid)
	if err != nil {
		return h, err
	}
	permitted, err := tx.permits(who, version)
	h.Hidden = !permitted
	return h, err
}

// put stores the next version of a resource. It checks everything before it
// writes.
func (tx *transaction) put(who search.Access, w *store.Write) (*store.Version, error) {
	method := methodNumber(w.Method)
	if method == 0 || method == deleteMethod {
		return nil, fhir.Errorf(fhir.Internal, "%q makes no version", w.Method)
	}
	if !who.Permits(w.Resource) {
		return nil, store.ErrForbidden(w.Key)
	}
	h, err := tx.head(who, w.Key)
	if err != nil {
		return nil, err
	}
	if err := w.Check(h.Found); err != nil {
		return nil, err
	}
	if err := tx.admit(w); err != nil {
		return nil, err
	}
	date, err := tx.keysOf(&h)
	if err != nil {
		return nil, err
	}
	version := &store.Version{Key: w.Key, Number: h.Number + 1, Method: w.Method, Created: !h.Exists || h.Deleted}
	vid := tx.w.nextVid()
	version.LastUpdated = instant(vid)
	version.Body = w.Body.Stamp(version.Number, version.LastUpdated)
	if !h.Exists {
		tx.w.lastN++
		h.n = tx.w.lastN
	}
	tx.defines = tx.defines || w.Key.Type == "SearchParameter"
	if err := tx.addVersion(&h, w.Key.ID, vid, method, tx.s.packer.pack(version.Body)); err != nil {
		return nil, err
	}
	if err := tx.setCurrent(&h, vid, date, tx.entries(w)); err != nil {
		return nil, err
	}
	if err := tx.setWords(&h, w); err != nil {
		return nil, err
	}
	return version, nil
}

// addVersion writes a version and makes it the newest. The versions before it
// move from where the current ones are to where the others are.
func (tx *transaction) addVersion(h *head, id string, vid, method int64, body []byte) error {
	err := tx.row("INSERT INTO ver(vid, n, t, number, method, id, body) VALUES(?,?,?,?,?,?,?)", func(s *stmt) {
		s.int(vid).int(h.n).int(h.t).int(h.Number + 1).int(method).str(id).blob(body)
	})
	if err != nil {
		return err
	}
	deleted := int64(0)
	if method == deleteMethod {
		deleted = 1
	}
	if !h.Exists {
		return tx.row("INSERT INTO res(t, id, n, number, vid, deleted) VALUES(?,?,?,?,?,?)", func(s *stmt) {
			s.int(h.t).str(id).int(h.n).int(1).int(vid).int(deleted)
		})
	}
	err = tx.row("UPDATE res SET number=?, vid=?, deleted=? WHERE t=? AND id=?", func(s *stmt) {
		s.int(h.Number + 1).int(vid).int(deleted).int(h.t).str(id)
	})
	if err != nil {
		return err
	}
	err = tx.row("INSERT INTO old(n, number, vid) VALUES(?,?,?)", func(s *stmt) { s.int(h.n).int(h.Number).int(h.vid) })
	if err != nil || h.Deleted {
		return err // the mark of deletion is in old_vid since it was made
	}
	return tx.oldVid(h.t, h.vid)
}

func (tx *transaction) oldVid(t, vid int64) error {
	return tx.row("INSERT INTO old_vid(t, vid) VALUES(?,?)", func(s *stmt) { s.int(t).int(vid) })
}

// setCurrent makes a resource found by its new entries, and not by those of the
// version before, which are in tx.old and have that date.
func (tx *transaction) setCurrent(h *head, vid, date int64, e *search.Entries) error {
	if !h.Exists || h.Deleted {
		tx.postings.add(nil, 0, e.Keys, e.Date, h.n)
		tx.rows += len(e.Keys)
		return tx.row("INSERT INTO cur(n, t, vid, d, keys) VALUES(?,?,?,?,?)", func(s *stmt) {
			s.int(h.n).int(h.t).int(vid).int(e.Date).blob(packKeys(e.Keys))
		})
	}
	before := len(tx.postings.rows)
	tx.postings.add(&tx.old, date, e.Keys, e.Date, h.n)
	changes := len(tx.postings.rows) - before
	tx.rows += changes
	if changes == 0 && date == e.Date {
		return tx.row("UPDATE cur SET vid=? WHERE n=?", func(s *stmt) { s.int(vid).int(h.n) })
	}
	return tx.row("UPDATE cur SET vid=?, d=?, keys=? WHERE n=?", func(s *stmt) {
		s.int(vid).int(e.Date).blob(packKeys(e.Keys)).int(h.n)
	})
}

// keysOf unpacks the keys of a resource into tx.old and returns its clinical
// date. A resource that is not there has neither.
func (tx *transaction) keysOf(h *head) (int64, error) {
	if !h.Exists || h.Deleted {
		return 0, nil
	}
	s, err := tx.c.prepare("SELECT d, keys FROM cur WHERE n=?")
	if err != nil {
		return 0, err
	}
	defer s.reset()
	row, err := s.int(h.n).step()
	if err != nil {
		return 0, err
	}
	if !row || !tx.old.unpack(s.view(1)) {
		return 0, errDamaged()
	}
	return s.num(0), nil
}

// delete marks a resource as deleted. It checks everything before it writes.
func (tx *transaction) delete(who search.Access, key fhir.Key, ifVersion int64) (*store.Version, error) {
	if tx.s.types.numbers[key.Type] == 0 {
		return nil, nil
	}
	h, err := tx.head(who, key)
	if err != nil {
		return nil, err
	}
	switch {
	case ifVersion != 0 && (!h.Visible() || h.Number != ifVersion):
		return nil, store.ErrStale(key, ifVersion)
	case !h.Visible():
		return nil, nil
	case h.Deleted:
		return tx.byVid(h.vid)
	}
	date, err := tx.keysOf(&h)
	if err != nil {
		return nil, err
	}
	vid := tx.w.nextVid()
	tx.defines = tx.defines || key.Type == "SearchParameter"
	if err := tx.addVersion(&h, key.ID, vid, deleteMethod, nil); err != nil {
		return nil, err
	}
	if err := tx.oldVid(h.t, vid); err != nil {
		return nil, err
	}
	tx.postings.removeAll(&tx.old, date, h.n)
	tx.rows += tx.old.Len()
	if err := tx.removeWords(h.n); err != nil {
		return nil, err
	}
	if err := tx.row("DELETE FROM cur WHERE n=?", func(s *stmt) { s.int(h.n) }); err != nil {
		return nil, err
	}
	return &store.Version{Key: key, Number: h.Number + 1, LastUpdated: instant(vid), Method: methods[deleteMethod], Deleted: true}, nil
}
