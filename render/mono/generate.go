package mono

//go:generate go run ../vectorgen -of mono -out vector_amd64.s -stubs stubs_amd64.go -pkg mono
