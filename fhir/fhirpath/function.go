package fhirpath

import "github.com/noafhir/noafhir/fhir"

// A function compiles one call. Build gets the input and the arguments already
// compiled; which focus the arguments have is for the step it returns to decide.
type function struct {
	min, max int // arguments; max -1: any number
	build    func(e *Expr, input step, args []step) (step, error)
}

// library finds the standard functions by their names.
var library = func() map[string]function {
	all := map[string]function{}
	for _, part := range []map[string]function{
		existenceFunctions, filterFunctions, subsetFunctions, conversionFunctions, stringFunctions, mathFunctions,
		treeFunctions, boundaryFunctions, dateFunctions, aggregateFunctions, fhirFunctions,
	} {
		for name, fn := range part {
			all[name] = fn
		}
	}
	return all
}()

// call compiles a call.
func (c *compiler) call(e *Expr) (step, error) {
	switch e.Text {
	case "is", "as", "ofType":
		return c.typeCall(e)
	case "defineVariable":
		return c.defineVariable(e)
	case "elementDefinition", "slice":
		return nil, errorAt(fhir.Unsupported, e.Pos, "the function %s() is not supported", e.Text)
	}
	fn, ok := library[e.Text]
	if !ok {
		if own, ok := c.custom[e.Text]; ok {
			fn = own.function()
		} else {
			return nil, errorAt(fhir.Unsupported, e.Pos, "the function %s() is not known", e.Text)
		}
	}
	if n := len(e.Args); n < fn.min || fn.max >= 0 && n > fn.max {
		return nil, invalid(e, "%s() takes %s, not %d", e.Text, arity(fn.min, fn.max), n)
	}
	input, err := c.input(e.Input)
	if err != nil {
		return nil, err
	}
	args, err := c.arguments(e)
	if err != nil {
		return nil, err
	}
	return fn.build(e, input, args)
}

// arity says how many arguments a function takes.
func arity(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case most < 0:
		return "arguments"
	case least == 1 && most == 1:
		return "1 argument"
	case least == most:
		return itoa(least) + " arguments"
	}
	return itoa(least) + " to " + itoa(most) + " arguments"
}

// arguments compiles the arguments of a call.
func (c *compiler) arguments(e *Expr) ([]step, error) {
	if e.Text == "aggregate" {
		c.totals++
		defer func() { c.totals-- }()
	}
	args := make([]step, len(e.Args))
	for k, a := range e.Args {
		if e.Text == "sort" && a.Op == DescOp {
			a = a.Args[0]
		}
		var err error
		if args[k], err = c.compile(a); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// function returns a function of the caller's as one of ours.
func (own Function) function() function {
	return function{own.Min, own.Max, func(_ *Expr, input step, args []step) (step, error) {
		return func(f *frame, in []Item) []Item {
			values := make([][]Item, len(args))
			for k, a := range args {
				values[k] = a(f, in)
			}
			from := input(f, in)
			if !f.spend(1 + len(from)) {
				return nil
			}
			found, err := own.Call(from, values)
			if err != nil {
				return f.failed(err)
			}
			return found
		}, nil
	}}
}

// collective makes a function of the whole input collection, without arguments.
func collective(do func(f *frame, e *Expr, items []Item) []Item) function {
	return function{0, 0, func(e *Expr, input step, _ []step) (step, error) {
		return func(f *frame, in []Item) []Item {
			items := input(f, in)
			if !f.spend(1) {
				return nil
			}
			return do(f, e, items)
		}, nil
	}}
}

// pairwise makes a function of the input collection and another, which is
// evaluated in the context of the call.
func pairwise(do func(f *frame, items, other []Item) []Item) function {
	return function{1, 1, func(_ *Expr, input step, args []step) (step, error) {
		return func(f *frame, in []Item) []Item {
			items, other := input(f, in), args[0](f, in)
			if !f.spend(1) {
				return nil
			}
			return do(f, items, other)
		}, nil
	}}
}

// scalar makes a function of one value and arguments of one value each. Where the
// input or an argument that is not optional is empty, so is the result; so it is
// for the zero Item. Missing optional arguments are zero Items.
func scalar(in want, do func(f *frame, e *Expr, i Item, args []Item) Item, params ...want) function {
	least := 0
	for _, p := range params {
		if p&optional == 0 {
			least++
		}
	}
	return function{least, len(params), func(e *Expr, input step, args []step) (step, error) {
		what := make([]string, len(params)+1)
		what[len(params)] = "what " + e.Text + "() is applied to"
		for k := range params {
			what[k] = "argument " + itoa(k+1) + " of " + e.Text + "()"
		}
		return func(f *frame, focus []Item) []Item {
			i, ok := f.one(e, input(f, focus), in, what[len(params)])
			var buf [3]Item
			values := buf[:len(params)]
			for k, a := range args {
				var given bool
				values[k], given = f.one(e, a(f, focus), params[k], what[k])
				ok = ok && (given || params[k]&optional != 0)
			}
			if !ok || !f.spend(1) {
				return nil
			}
			return f.giveIf(do(f, e, i, values))
		}, nil
	}}
}

// scoped makes a function whose argument is evaluated for every item.
func scoped(do func(f *frame, e *Expr, items []Item, arg step) []Item) function {
	return function{1, 1, func(e *Expr, input step, args []step) (step, error) {
		return func(f *frame, in []Item) []Item {
			return do(f, e, input(f, in), args[0])
		}, nil
	}}
}
