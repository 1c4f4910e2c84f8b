package mappings

import (
	"strings"
	"sync"
)

// A Gene is a gene of male infertility.
type Gene struct {
	HGNC      string `json:"hgnc"` // HGNC:11733
	Symbol    string `json:"symbol"`
	Rule      string `json:"rule"`      // of the code system noa-rule that a pathogenic variant triggers, or empty
	Aetiology string `json:"aetiology"` // of the code system noa-aetiology that it is then, or empty
	Suggests  string `json:"suggests"`  // oa or hypogonadotropic: what a variant hints at, or empty
}

var genes = sync.OnceValue(func() map[string]Gene {
	file := read[struct {
		Genes []Gene `json:"genes"`
	}]("gene-rules.json")
	all := map[string]Gene{}
	for _, g := range file.Genes {
		all[g.HGNC] = g
	}
	return all
})

// GeneOf returns the gene with an HGNC id, such as HGNC:11733 or 11733. It reports
// whether the table has it.
func GeneOf(hgnc string) (Gene, bool) {
	g, ok := genes()["HGNC:"+strings.TrimPrefix(hgnc, "HGNC:")]
	return g, ok
}
