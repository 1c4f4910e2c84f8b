package search

// A feature is something that queries can ask for and stores have to know.
type feature uint8

const (
	links    feature = iota // Clause.Links
	logic                   // Clause.Or and Clause.Not
	words                   // Clause.Text
	includes                // Query.Includes
	sorts                   // Query.Sort by other keys than _id and _lastUpdated
)

// supported says what all stores can answer. Parse refuses what asks for more.
var supported = [...]bool{
	links:    true,
	logic:    true,
	words:    true,
	includes: true,
	sorts:    true,
}

// needs refuses what stores can not answer.
func needs(f feature) error {
	if supported[f] {
		return nil
	}
	return unknownf("it is not supported")
}
