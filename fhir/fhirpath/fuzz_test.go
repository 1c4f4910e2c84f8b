package fhirpath_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// seeds are expressions that use every part of the language.
var seeds = []string{
	"Patient.name.where(use = 'official').given.first() & ' ' & `family`",
	"(1 | 2.50 | 'x\\u00e9' | @2020-01-01T10:00:00.5+02:00 | @T10:30 | 4 days | 5.0 'mg').repeat($this).distinct().count() > 3",
	"name.select(defineVariable('a').given.select(%a.family + $this)).aggregate($total & $this, '')",
	"descendants().ofType(FHIR.Coding).all(code.exists() implies system ~ 'x' xor true)",
	"iif(active, birthDate + 1 year - 3 days, today().lowBoundary(8)).toString().split('-').join('')",
	"entry.resource.subject.resolve().conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')",
	"%resource.type().name.matches('P.*', 'im').not() and ('a' in name.given) or name contains %context",
	"extension('u').value.as(Quantity).toQuantity('cm') / 2 'm' * -1.5 div 2 mod 3",
	"name.sort(family desc, given.first()).skip(1).take(2).exclude({}).intersect($this).combine(telecom)[0].children()",
	"2.power(0.5).round(3).sqrt().ln().exp().log(2).ceiling() // done",
	"identifier.period.end.highBoundary().duration(now(), 'day') + 'ab'.encode('hex').decode('hex').length()",
	"'ab'.replaceMatches('(a)', '$1$1').escape('json').unescape('html').toChars().last()",
	"resolve().trace('x', id).type().baseType /* c */ is System.String",
}

// FuzzParse checks that what is parsed can be written and parsed again.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := fhirpath.Parse(src)
		if err != nil {
			if fhir.KindOf(err) != fhir.Invalid {
				t.Fatalf("%q: an error of kind %d: %v", src, fhir.KindOf(err), err)
			}
			return
		}
		text := e.String()
		again, err := fhirpath.Parse(text)
		if err != nil {
			t.Fatalf("%q, written as %q, is refused: %v", src, text, err)
		}
		if !again.Equal(e) {
			t.Fatalf("%q, written as %q, is read as %q", src, text, again)
		}
	})
}

// FuzzEvaluate checks that evaluation ends, without a panic, in an error that has
// a kind or in items that can be written.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	var resources []*fhir.Resource
	for _, text := range []string{ada, linked, observation} {
		r, err := codec.ParseJSON([]byte(text))
		if err != nil {
			f.Fatal(err)
		}
		resources = append(resources, r)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, r := range resources {
			typ := r.Root().Type()
			if _, err := fhirpath.Compile(r4.Schema(), src, fhirpath.Strict(typ)); err != nil && fhir.KindOf(err) == fhir.Internal {
				t.Fatalf("%q: %v", src, err)
			}
			p, err := fhirpath.Compile(r4.Schema(), src)
			if err != nil {
				if fhir.KindOf(err) == fhir.Internal {
					t.Fatalf("%q: %v", src, err)
				}
				return
			}
			p.Eval(r)
			found, err := p.Evaluate(context.Background(), &fhirpath.Env{Steps: 20_000, TypedReferences: true}, fhirpath.Node(r.Root()))
			if err != nil && fhir.KindOf(err) == fhir.Internal {
				t.Fatalf("%q: %v", src, err)
			}
			for _, i := range found {
				if text := i.AppendJSON(nil); !json.Valid(text) || i.TypeName() == "" {
					t.Fatalf("%q makes %s, of type %q", src, text, i.TypeName())
				}
			}
		}
	})
}
