// Package config gathers settings that can be given in three places: as a flag,
// as an environment variable and as a key of a YAML file. They are named once;
// "read-timeout" is the flag --read-timeout, the variable NOAFHIR_READ_TIMEOUT
// and the key read-timeout. A flag wins over a variable, a variable over the
// file, the file over the default.
//
// Nothing is judged before all is there: [Set.Resolve] reports every problem at
// once. The package reads no flags and no environment of its own; it is given
// both.
package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// prefix is what the names of environment variables begin with.
const prefix = "NOAFHIR_"

// A Set holds settings that have been declared with [Add].
type Set struct {
	settings []*setting
}

// A setting is one thing that can be configured.
type setting struct {
	name, def, usage string
	kind             string // shown in --help for the value
	isSwitch         bool   // the flag needs no value
	secret           bool   // the value is never shown, and may stand in a file
	store            func(text string) error
	flag             *flagValue
}

// Add declares a setting: its name, its default, what --help says about it, and
// how its text is read into p. A default that cannot be read is a bug and
// panics; an empty one leaves p at its zero value.
func Add[T any](s *Set, p *T, name, def, usage string, read Reader[T]) {
	set := &setting{name: name, def: def, usage: usage, kind: read.Kind}
	_, set.isSwitch = any(p).(*bool)
	_, set.secret = any(p).(*Secret)
	set.store = func(text string) error {
		v, err := read.Parse(text)
		if err == nil {
			*p = v
		}
		return err
	}
	if def != "" {
		if err := set.store(def); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", name, err))
		}
	}
	s.settings = append(s.settings, set)
}

// Names returns the names of all settings, in the order they were declared.
func (s *Set) Names() []string {
	names := make([]string, len(s.settings))
	for i, t := range s.settings {
		names[i] = t.name
	}
	return names
}

// Bind gives a command flags for the settings of these names.
func (s *Set) Bind(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		i := slices.IndexFunc(s.settings, func(t *setting) bool { return t.name == name })
		if i < 0 {
			panic("config: no setting is called " + name)
		}
		t := s.settings[i]
		t.flag = &flagValue{setting: t, text: t.def}
		flag := flags.VarPF(t.flag, name, "", t.usage)
		if t.isSwitch {
			flag.NoOptDefVal = "true"
		}
	}
}

// Resolve reads every setting from the place that has precedence. A variable
// that is empty counts as not set. The error is a [Problems] that lists all that
// was wrong, unknown keys of the file among it. If file is empty there is none.
func (s *Set) Resolve(getenv func(string) string, file string) error {
	var problems Problems
	values := map[string]string{}
	if file != "" {
		values = s.readFile(file, &problems)
	}
	for _, t := range s.settings {
		where, text, given := t.given(getenv, &problems)
		if !given {
			where = file + ": " + t.name
			text, given = values[t.name]
		}
		if !given {
			continue
		}
		if err := t.store(text); err != nil {
			problems.Add("%s: %s", where, t.complaint(text, err))
		}
	}
	return problems.Err()
}

// readFile returns what a YAML file says about our settings.
func (s *Set) readFile(name string, problems *Problems) map[string]string {
	data, err := os.ReadFile(name)
	if err != nil {
		problems.Add("--config: %v", err)
		return nil
	}
	values, err := parseYAML(data)
	if err != nil {
		problems.Add("%s: %v", name, err)
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(s.settings, func(t *setting) bool { return t.name == key }) {
			problems.Add("%s: %s: no such setting", name, key)
		}
	}
	return values
}

// variable returns the name of the setting's environment variable.
func (t *setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(t.name, "-", "_"))
}

// given returns what flag or environment say, and which of them.
func (t *setting) given(getenv func(string) string, problems *Problems) (where, text string, given bool) {
	if t.flag != nil && t.flag.changed {
		return "--" + t.name, t.flag.text, true
	}
	name := t.variable()
	text = getenv(name)
	if t.secret {
		if path := getenv(name + "_FILE"); path != "" {
			if text != "" {
				problems.Add("%s and %s_FILE are both set", name, name)
				return "", "", false
			}
			data, err := os.ReadFile(path)
			if err != nil {
				problems.Add("%s_FILE: %v", name, err)
			}
			return name + "_FILE", strings.TrimRight(string(data), "\r\n"), err == nil
		}
	}
	return name, text, text != ""
}

// complaint tells why a text does not suit, without showing secrets.
func (t *setting) complaint(text string, err error) string {
	if t.secret {
		return err.Error()
	}
	return fmt.Sprintf("%q: %v", text, err)
}

// A flagValue is a flag whose text is judged later, with everything else.
type flagValue struct {
	setting *setting
	text    string
	changed bool
}

// Set implements [pflag.Value]. It accepts anything.
func (f *flagValue) Set(text string) error {
	f.text, f.changed = text, true
	return nil
}

// String implements [pflag.Value].
func (f *flagValue) String() string {
	if f.setting != nil && f.setting.secret && f.changed {
		return hidden
	}
	return f.text
}

// Type implements [pflag.Value]. It names the value in --help.
func (f *flagValue) Type() string { return f.setting.kind }

// Problems are all that is wrong with a configuration, one line each.
type Problems []string

// Add notes a problem.
func (p *Problems) Add(format string, args ...any) {
	*p = append(*p, fmt.Sprintf(format, args...))
}

// Err returns the problems as an error, nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Error implements error: one line for each problem.
func (p Problems) Error() string { return strings.Join(p, "\n") }
