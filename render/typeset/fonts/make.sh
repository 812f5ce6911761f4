#!/bin/sh
# Makes the bundled fonts from Debian's packages fonts-noto-core,
# fonts-noto-cjk, fonttools and zstd; see README.md.
set -eu
cd "$(dirname "$0")"
noto=/usr/share/fonts/truetype/noto
cjk=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# subset SOURCE FILE OPTION... writes FILE.
subset() {
	source=$1 file=$2
	shift 2
	pyftsubset "$source" --output-file="$file" --notdef-outline \
		--name-IDs=0,1,2,3,4,5,6,13,14 --no-recalc-timestamp "$@"
}

# packed SOURCE NAME OPTION... writes NAME.zst.
packed() {
	source=$1 name=$2
	shift 2
	subset "$source" "$work/$name" "$@"
	zstd -q --ultra -22 -f "$work/$name" -o "$name.zst"
}

for weight in Regular Bold; do
	# Latin, Greek and Cyrillic with their hints, combining marks and kerning;
	# no ligatures, which are hard to read in few pixels.
	subset "$noto/NotoSans-$weight.ttf" "NotoSans-$weight.ttf" --hinting --layout-features=ccmp,locl,mark,mkmk,kern \
		--unicodes=U+0020-007E,U+00A0-024F,U+0259,U+02BB-02BC,U+02C6-02DD,U+0300-0338,U+0370-03FF,U+0400-052F,U+1E00-1EFF,U+2010-2027,U+2030-205E,U+20A0-20BF,U+2103,U+2116,U+2122,U+2190-2193,U+2212,U+2215,U+25CC,U+FFFD
	for script in Arabic Hebrew Devanagari Thai; do
		packed "$noto/NotoSans$script-$weight.ttf" "NotoSans$script-$weight.ttf" --hinting --layout-features='*' --unicodes='*'
	done
done

# Chinese, Japanese and Korean: the characters of the national standards.
python3 - "$work" <<'PY'
import sys

def charset(codec, first, last, trail):
    out = set()
    for a in range(first, last + 1):
        for b in trail:
            try:
                s = bytes([a, b]).decode(codec)
            except UnicodeDecodeError:
                continue
            out.update(c for c in map(ord, s) if 0x4E00 <= c <= 0x9FFF)
    return out

high = range(0xA1, 0xFF)
marks = set(range(0x3000, 0x3100)) | set(range(0x31F0, 0x3200)) | set(range(0xFF01, 0xFFE7))
marks |= set(range(0x2460, 0x2474)) | set(range(0x3220, 0x3244)) | set(range(0x3280, 0x32B1))
sets = {
    "JP": charset("euc_jp", 0xB0, 0xF4, high) | marks,                              # JIS X 0208
    "SC": charset("gb2312", 0xB0, 0xF7, high) | marks,                              # GB 2312
    "TC": charset("big5", 0xA4, 0xC6, [*range(0x40, 0x7F), *high]) | marks | set(range(0x3105, 0x3130)),  # Big5, level 1
    "KR": set(range(0xAC00, 0xD7A4)) | set(range(0x3131, 0x318F)),                  # every syllable
}
for name, chars in sets.items():
    with open(f"{sys.argv[1]}/{name}.txt", "w") as f:
        f.write(",".join("U+%04X" % c for c in sorted(chars)))
PY
number=0
for lang in JP KR SC TC; do
	packed "$cjk" "NotoSansCJK$lang.otf" --font-number=$number --unicodes-file="$work/$lang.txt" \
		--layout-features=ccmp,locl --no-hinting --desubroutinize --drop-tables+=VORG,vhea,vmtx,DSIG
	number=$((number + 1))
done
