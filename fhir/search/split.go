package search

import "strings"

// split cuts text at every separator that no backslash stands before. The parts
// keep their escapes. See https://hl7.org/fhir/R4/search.html#escaping.
func split(text string, separator byte) []string {
	var parts []string
	from := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}

// fields cuts text at every separator and resolves the escapes of the parts.
func fields(text string, separator byte) ([]string, error) {
	parts := split(text, separator)
	for i := range parts {
		var err error
		if parts[i], err = unescape(parts[i]); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// unescape resolves \, \$ \| and \\. Any other backslash is refused: what was
// meant is not known.
func unescape(text string) (string, error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			if i++; i == len(text) || strings.IndexByte(`,$|\`, text[i]) < 0 {
				return "", invalid(`a backslash is written \\, and stands else only before , $ and |`)
			}
		}
		b.WriteByte(text[i])
	}
	return b.String(), nil
}
