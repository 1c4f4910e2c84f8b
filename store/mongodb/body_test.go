package mongodb

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/noafhir/noafhir/profiles/demo"
)

func TestPacking(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	plain, packed := 0, 0
	for _, b := range demo.Bundles() {
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(b, &bundle); err != nil {
			t.Fatal(err)
		}
		for _, e := range bundle.Entry {
			var body bytes.Buffer
			if err := json.Compact(&body, e.Resource); err != nil {
				t.Fatal(err)
			}
			stored := p.pack(body.Bytes())
			plain, packed = plain+body.Len(), packed+len(stored)
			if back, err := p.unpack(stored); err != nil || !bytes.Equal(back, body.Bytes()) {
				t.Errorf("%s\ncomes back as\n%s\n%v", body.Bytes(), back, err)
			}
		}
	}
	t.Logf("%d bytes in %d", packed, plain)
	if packed > plain*2/5 {
		t.Errorf("the bodies of the demo take %d bytes of %d", packed, plain)
	}
}
