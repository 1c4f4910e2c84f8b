package sqlite

func (s *Store) matchIndex() error { return nil }
