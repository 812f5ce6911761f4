#!/bin/sh
# Makes the bundled fonts from Debian's packages fonts-noto-core and fonttools:
# Noto Sans with its TrueType hints, cut to Latin, Greek and Cyrillic.
set -eu
cd "$(dirname "$0")"
source=/usr/share/fonts/truetype/noto
for weight in Regular Bold; do
	pyftsubset "$source/NotoSans-$weight.ttf" --output-file="NotoSans-$weight.ttf" \
		--unicodes=U+0020-007E,U+00A0-024F,U+0259,U+02BB-02BC,U+02C6-02DD,U+0370-03FF,U+0400-052F,U+1E00-1EFF,U+2010-2027,U+2030-205E,U+20A0-20BF,U+2103,U+2116,U+2122,U+2190-2193,U+2212,U+2215,U+FFFD \
		--layout-features= --hinting --notdef-outline --name-IDs=0,1,2,3,4,5,6,13,14 --no-recalc-timestamp
done
