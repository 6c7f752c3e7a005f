#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh - builds the fuzz targets with libFuzzer, in ./build-fuzz, and
#
#     tests/fuzz/fuzz.sh fuzz PROGRAM...     replays the corpus, then looks for
#                                            inputs that crash, hang or leak
#     tests/fuzz/fuzz.sh merge PROGRAM...    rewrites the corpus from what that
#                                            has found, as small as can be
#
# From the build directory, which has the programs that replay.  Environment:
# FUZZ_SECS for each program (45), FUZZ_SEED (0: another one each time), FUZZ_CC
# (clang), MAKE.  Exit status 77: there is no clang with libFuzzer.

mode=$1
shift
top=$(cd "$(dirname "$0")/../.." && pwd)
here=$PWD
: "${FUZZ_SECS:=45}" "${FUZZ_SEED:=0}" "${MAKE:=make}"
sanitize='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'

# works COMPILER: can it link a fuzz target?
works()
{
	echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n);
	int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n)
	{ return d && n > 4 && 0; }' > "$here/build-fuzz/probe.c"
	"$1" -fsanitize=fuzzer,address "$here/build-fuzz/probe.c" \
		-o "$here/build-fuzz/probe" > "$here/build-fuzz/probe.log" 2>&1
}

mkdir -p build-fuzz || exit 1
for cc in ${FUZZ_CC:-clang clang-19 clang-18 clang-17 clang-16 clang-15 \
	clang-14} none; do
	! works "$cc" || break
done
[ "$cc" != none ] || {
	echo 'SKIP: no clang with libFuzzer (Debian: clang libclang-rt-14-dev)'
	exit 77
}

build()
(
	cd build-fuzz || exit 1
	[ -f config.status ] || CC=$cc \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $sanitize" \
		"$top/configure" --disable-shared --enable-debug \
		--enable-silent-rules || exit 1
	$MAKE "$@" CPPFLAGS=-DFUZZ_ENGINE \
		fuzz_ldflags=-fsanitize=fuzzer
)

echo "build-fuzz, with $cc"
build "$@" > build-fuzz/build.log 2>&1 || {
	tail -n 30 build-fuzz/build.log >&2
	exit 1
}
ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS

# run NAME ARGUMENT...: the engine; what it says is in build-fuzz/NAME.log
run()
{
	name=$1
	shift
	"./build-fuzz/tests/fuzz/$name" -timeout=60 -print_final_stats=1 \
		-artifact_prefix="$here/build-fuzz/$name-" "$@" \
		> "build-fuzz/$name.log" 2>&1 || {
		grep -A 40 'not true\|ERROR\|runtime error' \
			"build-fuzz/$name.log" | grep -v 'NEW\|REDUCE' >&2
		grep 'Test unit written to' "build-fuzz/$name.log" >&2
		echo "FAIL $name; all of its output: $here/build-fuzz/$name.log" >&2
		return 1
	}
}

# stat NAME WHICH: one of the engine's figures
stat()
{
	sed -n "s/^stat::$2: *//p" "build-fuzz/$1.log"
}

coverage()
{
	sed -n 's/.* \(cov: [0-9]* ft: [0-9]*\) corp: .*/\1/p' \
		"build-fuzz/$1.log" | tail -n 1
}

failed=0
for program; do
	name=${program##*/}
	seeds=build-fuzz/$name.seeds
	found=build-fuzz/$name.found
	rm -rf "$seeds"
	mkdir -p "$seeds" "$found"
	srcdir=$top "./$program" --unpack "$seeds" || exit 1
	if [ "$mode" = merge ]; then
		rm -rf "$seeds.merged"
		mkdir "$seeds.merged"
		run "$name" -set_cover_merge=1 "$seeds.merged" "$seeds" \
			"$found" || exit 1
		# shellcheck disable=SC2012 # names are hexadecimal digits
		(cd "$seeds.merged" && ls -Sr | xargs "$here/$program" --pack) \
			> "$top/tests/fuzz/corpus/$name.hex" || exit 1
		wc -l "$top/tests/fuzz/corpus/$name.hex"
		continue
	fi
	# shellcheck disable=SC2012
	echo "$name: corpus of $(ls "$seeds" | wc -l) inputs"
	run "$name" -runs=0 "$seeds" || { failed=1; continue; }
	[ "$FUZZ_SECS" -eq 0 ] && continue
	run "$name" -max_total_time="$FUZZ_SECS" -seed="$FUZZ_SEED" \
		-len_control=20 "$found" "$seeds" || { failed=1; continue; }
	echo "$name: $(stat "$name" number_of_executed_units) runs," \
		"$(stat "$name" average_exec_per_sec) a second," \
		"$(stat "$name" new_units_added) new inputs, $(coverage "$name")"
done
exit $failed
