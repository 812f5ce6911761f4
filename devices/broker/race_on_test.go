//go:build race

package broker

// racing is how much more memory the race detector makes a process take.
const racing = 10
