//go:build !race

package broker

const racing = 1
