package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/noafhir/noafhir/internal/config"
	"github.com/noafhir/noafhir/store/mongodb"
)

// checkServe returns what is wrong with the settings of serve taken together.
func (c *settings) checkServe() error {
	problems := c.problems
	c.checkStore(&problems)
	switch {
	case c.Auth != "off":
		problems.Add("--auth %s is not available yet; only off is", c.Auth)
	case isAddress(c.Listen) && !loopback(c.Listen):
		problems.Add("--listen %q: with --auth off the server listens on a loopback address only, such as 127.0.0.1:8080", c.Listen)
	}
	if !isAddress(c.Listen) {
		problems.Add("--listen %q: must be host:port", c.Listen)
	}
	if c.AdminListen != "" && !isAddress(c.AdminListen) {
		problems.Add("--admin-listen %q: must be host:port", c.AdminListen)
	}
	if c.BaseURL != "" && !isBaseURL(c.BaseURL) {
		problems.Add("--base-url %q: must be an http or https URL without query", c.BaseURL)
	}
	if key := c.CursorKey.Reveal(); key != "" && len(key) < 16 {
		problems.Add("--cursor-key: must have at least 16 bytes")
	}
	if c.Limits.DefaultCount > c.Limits.MaxCount {
		problems.Add("--default-count %d is over --max-count %d", c.Limits.DefaultCount, c.Limits.MaxCount)
	}
	return problems.Err()
}

// checkImport returns what is wrong with the settings of import.
func (c *settings) checkImport() error {
	problems := c.problems
	if c.Server == "" {
		c.checkStore(&problems)
	} else if !isBaseURL(c.Server) {
		problems.Add("--server %q: must be an http or https URL without query", c.Server)
	}
	return problems.Err()
}

// checkStore notes what is wrong with the address of the store.
func (c *settings) checkStore(problems *config.Problems) {
	checkAddress(problems, "--store", c.Store.Reveal())
}

// checkAddress notes what is wrong with the address of a store, which a flag
// gives.
func checkAddress(problems *config.Problems, flag, address string) {
	switch path, isSQLite := strings.CutPrefix(address, "sqlite:"); {
	case isSQLite && path == "":
		problems.Add("%s: sqlite: needs a path, as in sqlite:./noafhir-data/noafhir.db", flag)
	case isSQLite:
	case isMongoDB(address):
		if err := mongodb.CheckURL(address); err != nil {
			problems.Add("%s: %v", flag, err)
		}
	default:
		problems.Add("%s: must be sqlite:PATH or the connection string of a MongoDB, mongodb://HOST/DATABASE", flag)
	}
}

// isAddress reports whether something can listen at an address.
func isAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// loopback reports whether nobody outside this machine can reach an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// isBaseURL reports whether s can be the base of a FHIR server.
func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
