package profiles

import (
	"sync"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// SearchParams returns the search parameters of the guide, which make the
// content of its extensions searchable. A server has them beside those of R4. The
// caller must not change them.
var SearchParams = sync.OnceValue(func() []fhir.SearchParam {
	var all []fhir.SearchParam
	for _, key := range Keys("SearchParameter") {
		p, err := search.ParamFromResource(index().parse[key]())
		if err != nil {
			panic("profiles: " + key.String() + ": " + err.Error()) // it is part of the binary, and a test has read it
		}
		all = append(all, p)
	}
	return all
})
