// Package simfleet holds a fleet of simulated signs against the real gateway in
// virtual time: the core, its SQLite store and the MQTT link on one side, signs
// in Go (simsign) and in C (firmware-protocol/c/sign) on the other, and between
// them a broker that loses, doubles, delays, corrupts and replays messages and
// drops connections. Power is cut at any step, gateways die and come back from
// backups, clocks jump.
//
// The package is tests alone. They know what belongs on each glass from the
// calendar that they themselves change, and hold every picture against that.
// Each world is made from a seed, which a failure names.
package simfleet
