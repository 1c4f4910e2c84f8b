package search

import "strings"

// Shape describes a query by everything but its values, which may be about
// patients: for logs.
func (q *Query) Shape() string {
	var b strings.Builder
	b.WriteString(q.Type)
	sign := byte('?')
	add := func(text string) {
		b.WriteByte(sign)
		b.WriteString(text)
		sign = '&'
	}
	if q.IDs != nil {
		add("_id")
	}
	for range q.LastUpdated {
		add("_lastUpdated")
	}
	for i := range q.Where {
		add(q.Where[i].shape())
	}
	for i, k := range q.Sort {
		if i == 0 {
			add("_sort=" + k.String())
		} else {
			b.WriteString("," + k.String())
		}
	}
	return b.String()
}

func (c *Clause) shape() string {
	switch {
	case c.Links != nil:
		var all []string
		for _, l := range c.Links {
			if l.Reverse {
				all = append(all, "_has:"+l.Param.Code+"("+l.Target.Shape()+")")
			} else {
				all = append(all, l.Param.Code+".("+l.Target.Shape()+")")
			}
		}
		return strings.Join(all, "|")
	case c.Or != nil:
		var all []string
		for i := range c.Or {
			all = append(all, c.Or[i].Shape())
		}
		return "(" + strings.Join(all, " or ") + ")"
	case c.Not != nil:
		return "not(" + c.Not.Shape() + ")"
	case c.Text != nil:
		return c.Text.Field.String()
	case c.Param == nil:
		return "_"
	case c.Modifier != "":
		return c.Param.Code + ":" + c.Modifier
	}
	return c.Param.Code
}
