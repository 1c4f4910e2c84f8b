package fhirpath

import (
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#conversion.
var conversionFunctions = map[string]function{
	"iif":                {2, 3, iif},
	"toBoolean":          conversion(toBoolean),
	"toInteger":          conversion(toInteger),
	"toDecimal":          conversion(toDecimal),
	"toString":           conversion(toString),
	"toDate":             conversion(toDate),
	"toDateTime":         conversion(toDateTime),
	"toTime":             conversion(toTime),
	"toQuantity":         scalar(wantAny, toQuantity, wantString|optional),
	"convertsToBoolean":  converts(toBoolean),
	"convertsToInteger":  converts(toInteger),
	"convertsToDecimal":  converts(toDecimal),
	"convertsToString":   converts(toString),
	"convertsToDate":     converts(toDate),
	"convertsToDateTime": converts(toDateTime),
	"convertsToTime":     converts(toTime),
	"convertsToQuantity": scalar(wantAny, func(f *frame, e *Expr, i Item, args []Item) Item {
		return Boolean(toQuantity(f, e, i, args).kind != 0)
	}, wantString|optional),
}

// conversion makes a function of one that returns the zero Item where there is no
// conversion.
func conversion(to func(Item) Item) function {
	return scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item { return to(i) })
}

// converts makes the function that tells whether there is a conversion.
func converts(to func(Item) Item) function {
	return scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item { return Boolean(to(i).kind != 0) })
}

// iif evaluates one of two arguments. Both, and the condition, are about the
// input.
func iif(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		focus := input(f, in)
		if len(focus) > 1 {
			return f.fail(fhir.Invalid, e, "iif() is applied to %d items", len(focus))
		}
		if !f.spend(1) {
			return nil
		}
		switch {
		case f.truth(e.Args[0], args[0](f, focus)) == yes:
			return args[1](f, focus)
		case len(args) == 3 && f.err == nil:
			return args[2](f, focus)
		}
		return nil
	}, nil
}

func toBoolean(i Item) Item {
	switch i.kind {
	case BooleanItem:
		return i
	case IntegerItem, DecimalItem:
		switch {
		case compareNumbers(i, Integer(1)) == 0:
			return Boolean(true)
		case compareNumbers(i, Integer(0)) == 0:
			return Boolean(false)
		}
	case StringItem:
		switch strings.ToLower(i.text) {
		case "true", "t", "yes", "y", "1", "1.0":
			return Boolean(true)
		case "false", "f", "no", "n", "0", "0.0":
			return Boolean(false)
		}
	}
	return Item{}
}

func toInteger(i Item) Item {
	switch i.kind {
	case IntegerItem:
		return i
	case BooleanItem:
		return Integer(i.integer())
	case StringItem:
		if text, ok := numeral(i.text); ok && !strings.Contains(text, ".") {
			if n, ok := number(text); ok {
				return n
			}
		}
	}
	return Item{}
}

// numeral reads [+-]digits[.digits]; what it returns has no + and no zeros in
// front.
func numeral(s string) (string, bool) {
	unsigned := strings.TrimLeft(s, "+-")
	if len(s)-len(unsigned) > 1 {
		return "", false
	}
	before, after, point := strings.Cut(unsigned, ".")
	if before == "" || point && after == "" || len(s) > maxDigits {
		return "", false
	}
	for _, c := range []byte(before + after) {
		if !isDigit(c) {
			return "", false
		}
	}
	if s[0] == '-' {
		return "-" + unpadded(unsigned), true
	}
	return unpadded(unsigned), true
}

// unpadded drops zeros in front of a number without a sign.
func unpadded(s string) string {
	for len(s) > 1 && s[0] == '0' && isDigit(s[1]) {
		s = s[1:]
	}
	return s
}

func toDecimal(i Item) Item {
	switch i.kind {
	case DecimalItem:
		return i
	case IntegerItem:
		text, _ := i.Text()
		return Item{kind: DecimalItem, text: text}
	case BooleanItem:
		return Item{kind: DecimalItem, text: map[bool]string{true: "1.0", false: "0.0"}[i.at == 1]}
	case StringItem:
		if text, ok := numeral(i.text); ok {
			if d, _, err := apd.NewFromString(text); err == nil {
				return decimalItem(d)
			}
		}
	}
	return Item{}
}

func toString(i Item) Item {
	if i.kind == QuantityItem {
		if i.ucum {
			return String(i.text + " '" + i.unit + "'")
		}
		return String(i.text + " " + i.unit)
	}
	if text, ok := i.Text(); ok {
		return String(text)
	}
	return Item{}
}

func toDate(i Item) Item {
	switch i.kind {
	case DateItem:
		return i
	case DateTimeItem:
		day, _, _ := strings.Cut(i.text, "T")
		return Item{kind: DateItem, text: day}
	}
	return momentFrom(i, DateItem)
}

func toDateTime(i Item) Item {
	switch i.kind {
	case DateTimeItem:
		return i
	case DateItem:
		return Item{kind: DateTimeItem, text: i.text}
	}
	return momentFrom(i, DateTimeItem)
}

func toTime(i Item) Item {
	if i.kind == TimeItem {
		return i
	}
	return momentFrom(i, TimeItem)
}

// momentFrom reads a string as a date or time.
func momentFrom(i Item, kind Kind) Item {
	if i.kind != StringItem {
		return Item{}
	}
	m, ok := parseMoment(kind, i.text)
	if !ok {
		return Item{}
	}
	return m.item()
}

// toQuantity reads a number or text as a quantity and converts it to the unit
// asked for. What has no unit takes that unit.
func toQuantity(f *frame, _ *Expr, i Item, args []Item) Item {
	q := quantityFrom(i)
	if q.kind == 0 || args[0].kind == 0 {
		return q
	}
	to := Item{kind: QuantityItem, unit: args[0].text, ucum: singular(args[0].text) == ""}
	if q.unit == "1" && q.ucum {
		to.text = q.text
		return to
	}
	factor, ok := f.factor(q, to, true)
	d, fine := q.decimal()
	if !ok || !fine {
		return Item{}
	}
	if d = scale(d, factor); d == nil {
		return Item{}
	}
	return to.withNumber(d)
}

// quantityFrom returns the quantity that a value is, or reads one: number, then
// optionally a UCUM code in quotes or a word for a unit of time.
func quantityFrom(i Item) Item {
	switch i.kind {
	case QuantityItem:
		return i
	case IntegerItem, DecimalItem:
		return i.quantity()
	case BooleanItem:
		return toDecimal(i).quantity()
	case StringItem:
	default:
		return Item{}
	}
	end := strings.IndexFunc(i.text, func(r rune) bool { return !strings.ContainsRune("+-.0123456789", r) })
	if end < 0 {
		end = len(i.text)
	}
	text, ok := numeral(i.text[:end])
	unit := strings.TrimLeft(i.text[end:], " \t\r\n")
	switch {
	case !ok:
		return Item{}
	case unit == "":
		return Item{kind: QuantityItem, text: text, unit: "1", ucum: true}
	case len(unit) > 2 && unit[0] == '\'' && strings.IndexByte(unit[1:], '\'') == len(unit)-2:
		return Item{kind: QuantityItem, text: text, unit: unit[1 : len(unit)-1], ucum: true}
	case singular(unit) != "":
		return Item{kind: QuantityItem, text: text, unit: unit}
	}
	return Item{}
}
