package dither

//go:generate go run ./vectorgen -out vector_amd64.s -stubs stubs_amd64.go -pkg dither
