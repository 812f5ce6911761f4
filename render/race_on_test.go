//go:build race

package render

// raceDetector says that the tests run several times slower.
const raceDetector = true
