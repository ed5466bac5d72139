#!/bin/sh
# Writes the files named as a C source with their bytes, gzipped too, and their ETags.
# usage: embed.sh OUT.c FILE...
set -e
out=$1
shift
# What npm did not bring is left out.
for f; do
	shift
	[ ! -f "$f" ] || set -- "$@" "$f"
done
tmp=$out.tmp
gz=$out.gz
trap 'rm -f "$tmp" "$gz"' EXIT
bytes() {
	od -An -v -tx1 "$1" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
}
{
	echo '/* Made by web/embed.sh. */'
	echo '#include "serve_priv.h"'
	i=0
	for f; do
		gzip -9nc "$f" >"$gz"
		printf 'static const unsigned char a%d[] = {\n' $i; bytes "$f"; echo '0 };'
		printf 'static const unsigned char z%d[] = {\n' $i; bytes "$gz"; echo '0 };'
		i=$((i + 1))
	done
	echo 'const struct mc_asset mc_assets[] = {'
	i=0
	for f; do
		case $f in
		*.js) type='text/javascript; charset=utf-8' ;;
		*.css) type='text/css; charset=utf-8' ;;
		*.svg) type='image/svg+xml' ;;
		*) type='text/plain; charset=utf-8' ;;
		esac
		tag=$(cksum <"$f" | tr ' ' -)
		printf '\t{ "%s", "%s", "\\"%s\\"", a%d, z%d, sizeof(a%d) - 1, sizeof(z%d) - 1 },\n' \
			"$(basename "$f")" "$type" "$tag" $i $i $i $i
		i=$((i + 1))
	done
	echo '};'
	echo "const size_t mc_nassets = $#;"
} >"$tmp"
mv "$tmp" "$out"
