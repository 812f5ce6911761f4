package render

// Panel is the glass a Door is drawn for: pixels as mounted, and dots per inch.
type Panel struct{ Width, Height, DPI int }
