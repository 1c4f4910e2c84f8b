// Package layers holds, as a test, the table of which package may import which
// other of ours. It has no code: run its test.
//
// The table is the one of docs/architecture.md. It is written from the bottom
// to the top, and a package may import only rows above its own, so there are no
// cycles and a reader can learn the code in that order. A package that has no
// row fails the test: give it one, here and there.
package layers
