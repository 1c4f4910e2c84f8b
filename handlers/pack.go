package handlers

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// packedParam carries, in links to other pages, the parameters of a search that was
// posted because it is too long for a URL: deflated, in base64url.
const packedParam = "_packed"

// linkTo returns a link with parameters, packed but for the cursor if it is longer
// than the URLs that are taken here.
func (s *Server) linkTo(at string, params [][2]string, cursor string) string {
	place := [2]string{cursorParam, cursor}
	plain := withQuery(at, append(slices.Clip(params), place))
	if len(plain) <= s.options.Limits.URLBytes {
		return plain
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return plain
	}
	io.WriteString(w, withQuery("", params)[1:]) // a Buffer takes everything
	w.Close()
	return withQuery(at, [][2]string{{packedParam, base64.RawURLEncoding.EncodeToString(packed.Bytes())}, place})
}

// unpack returns parameters with what is packed in them in its place. The error is
// Invalid. What comes out is bounded as what can be posted is: an encoded byte takes
// three.
func (s *Server) unpack(params [][2]string) ([][2]string, error) {
	i := slices.IndexFunc(params, func(p [2]string) bool { return p[0] == packedParam })
	if i < 0 {
		return params, nil
	}
	most := 4 * s.options.Limits.FormBytes
	packed, err := base64.RawURLEncoding.DecodeString(params[i][1])
	if err != nil {
		return nil, errPacked
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), int64(most)+1))
	if err != nil || len(text) > most {
		return nil, errPacked
	}
	inner, err := parseQuery(string(text))
	if err != nil {
		return nil, errPacked
	}
	return slices.Concat(params[:i], inner, params[i+1:]), nil
}

var errPacked = fhir.Errorf(fhir.Invalid, "%s is not of a link that this server made: start again without it", packedParam)
