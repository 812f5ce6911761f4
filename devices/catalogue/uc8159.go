package catalogue

// uc8159 are the first 7.5 inch modules, with the controller UC8159 (IL0371):
// three bits a pixel inside and no partial waveform.
//
// Times: measured by the author of GxEPD2, in the header of the driver class
// GxEPD2_750 (GDEW075T8), which gives the partial update the time of the full
// one. Temperatures: page of Waveshare (7.5inch e-Paper, first version).
func uc8159() []Panel {
	limits := blackWhiteLimits(0)
	return []Panel{{
		Model: "GDEW075T8", Family: UC8159, Width: 640, Height: 384, DPI: 100, DiagonalTenth: 75, AlignX: 8, AlignY: 1,
		Full: ms(4273), Limits: limits, Buttons: 2,
	}}
}
