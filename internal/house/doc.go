// Package house holds the rules of the repository against its code: which
// package may import which, that every package says what it is for, how long a
// file may be, and that no package keeps mutable state or registers itself.
// The rules themselves stand in ARCHITECTURE.md and CONTRIBUTING.md.
//
// It holds tests only and no product code imports it. The tests read source
// files and compile nothing, so they take a moment even with a cold cache.
package house
