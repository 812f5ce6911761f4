package dither

//go:generate go run ../vectorgen -of dither -out vector_amd64.s -stubs stubs_amd64.go -pkg dither
