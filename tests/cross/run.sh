#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - the tests on other processors, with other C libraries, compilers and
# options, as a TAP producer: one line per target.
#
#     tests/cross/run.sh [TARGET...]        in the top of a build
#
#     aarch64 riscv64 s390x armhf   emulated by qemu-user
#     i686                          this processor, 32 bits
#     musl                          this processor, another C library
#     gcc-O0 gcc-O3 gcc-lto clang-O0 clang-O3 clang-lto
#
# Each has a tree of its own, build-cross/TARGET, with its logs.  Where a
# compiler or an emulator is missing the target is skipped; none is downloaded.
# If all are it exits with 77.
# Check and libuv are built for the target, of the sources that apt-get has, or
# $CHECK_SOURCE and $LIBUV_SOURCE (directories, with `configure`); for the compilers,
# what is installed is used.  Without libuv libtaskpar-io is left out.
#
# Environment:
#     CROSS_TESTS      unit, and libtaskpar-io is built; api: tests of interfaces,
#                      too; all: and faults, stress, the soak (unit)
#     TPAR_TEST_SCALE  how long tests are, in percent (5)
#     CK_TIMEOUT_MULTIPLIER  how much longer they may take (10)
#     JOBS             of make (the processors)
#     APT_GET          may be `false`: nothing is fetched
#
# Lists of words are meant to be split:
# shellcheck disable=SC2086

src=$(cd "$(dirname "$0")/../.." && pwd)
top=$PWD/build-cross
: "${CROSS_TESTS:=unit}" "${TPAR_TEST_SCALE:=5}" "${CK_TIMEOUT_MULTIPLIER:=10}"
: "${JOBS:=$(getconf _NPROCESSORS_ONLN)}" "${APT_GET:=apt-get}" "${MAKE:=make}"
: "${SOAK_SECS:=8}" "${SOAK_PATIENCE:=120}"
export TPAR_TEST_SCALE CK_TIMEOUT_MULTIPLIER SOAK_SECS SOAK_PATIENCE
unset MAKEFLAGS MFLAGS MAKELEVEL CC CXX CFLAGS LDFLAGS
# Bash, which `configure` would rather have, is slower.
export CONFIG_SHELL="${CONFIG_SHELL:-/bin/sh}"
fetched=

have()
{
	command -v "$1" > /dev/null 2>&1
}

# ---- Targets -----------------------------------------------------------------

# describe TARGET: sets what it is built with and how its programs are run
describe()
{
	host='' emulator='' flags='-O1' links='' lacks='' configure=''
	case $1 in
	aarch64) host=aarch64-linux-gnu emulator=qemu-aarch64 ;;
	riscv64)
		# Without tables for unwinding, which C has not by default there,
		# no task of a test may call pthread_exit() (taskpar/base.h).
		host=riscv64-linux-gnu emulator=qemu-riscv64
		flags='-O1 -fexceptions'
		;;
	s390x) host=s390x-linux-gnu emulator=qemu-s390x ;;
	armhf)
		# With -O1 gcc 12.2 loses the upper half of constants that it
		# moves on a condition: tpar_fail_from() returned 45526, which
		# is -20010 in 16 bits.  Tables: as for riscv64.
		host=arm-linux-gnueabihf emulator=qemu-arm
		flags='-O2 -fexceptions'
		;;
	i686)
		# qemu-i386 hangs, but this processor can do it.
		host=i686-linux-gnu
		links="-Wl,--dynamic-linker=/usr/$host/lib/ld-linux.so.2"
		links="$links -Wl,-rpath=/usr/$host/lib"
		;;
	musl)
		host=x86_64-linux-musl cc=musl-gcc links=-static
		have musl-gcc || lacks=musl-gcc
		;;
	gcc-O0 | gcc-O3 | clang-O0 | clang-O3) cc=${1%-*} flags=-${1#*-} ;;
	gcc-lto)
		# As a whole it sees tests go on where ck_assert() has ended them.
		cc=gcc flags='-O2 -flto=auto -Wno-error=maybe-uninitialized'
		;;
	clang-lto) cc=clang flags='-O2 -flto' ;;
	*)
		echo "run.sh: there is no target $1" >&2
		exit 2
		;;
	esac
	case $1 in
	gcc-lto) configure='AR=gcc-ar NM=gcc-nm RANLIB=gcc-ranlib' ;;
	clang-lto)
		# The linker has to understand its objects.
		have ld.lld && links=-fuse-ld=lld || lacks='ld.lld (lld)'
		for ar in llvm-ar llvm-ar-19 llvm-ar-14; do
			have $ar && break
		done
		have $ar || lacks='llvm-ar (llvm)'
		configure="AR=$ar NM=llvm-nm${ar#llvm-ar} RANLIB=llvm-ranlib${ar#llvm-ar}"
		;;
	esac
	case $1 in
	aarch64 | riscv64 | s390x | armhf | i686) cc=$host-gcc ;;
	esac
	have "$cc" || lacks=$cc
	[ -z "$emulator" ] || have "$emulator" || lacks=$emulator
}

# ---- What the emulator cannot do ---------------------------------------------

# Programs that are not run, and why.
excluded()
{
	[ -n "$emulator" ] || return
	# It says itself who aborts, between the words that this one looks for; it
	# keeps the last real-time signals, and does not limit the address space.
	echo tests/unit/test_die \
		tests/api/test_interruptible_signal tests/api/test_pool \
		tests/api/test_limits tests/api/test_pool_memory
}

# ---- Check and libuv ---------------------------------------------------------

# apt ARGUMENT...: apt-get with lists of sources of its own
apt()
{
	$APT_GET -q -o Dir::State="$top/apt" -o Dir::State::status=/dev/null \
		-o Dir::State::lists="$top/apt/lists" \
		-o Dir::Cache="$top/apt/cache" \
		-o Dir::Etc::sourcelist="$top/apt/sources.list" \
		-o Dir::Etc::sourceparts="$top/apt/parts" \
		-o APT::Sandbox::User=root "$@"
}

update_lists()
{
	mkdir -p "$top/apt/parts" "$top/apt/lists/partial" \
		"$top/apt/cache/archives/partial"
	for list in /etc/apt/sources.list.d/debian.sources \
		/etc/apt/sources.list.d/ubuntu.sources; do
		[ ! -f $list ] || sed 's/^Types:.*/Types: deb-src/' $list \
			> "$top/apt/parts/${list##*/}"
	done
	: > "$top/apt/sources.list"
	[ ! -f /etc/apt/sources.list ] ||
		sed -n 's/^deb /deb-src /p' /etc/apt/sources.list \
			> "$top/apt/sources.list"
	apt update
}

# fetch_source PACKAGE: into apt/PACKAGE-VERSION
fetch_source()
{
	(cd "$top/apt" && apt source --download-only "$1" &&
		tar -xf "$1"_*.orig.tar.gz)
}

# Both.  libuv's has no `configure` yet.
fetch()
{
	fetched=yes
	[ -z "$CHECK_SOURCE" ] || [ -z "$LIBUV_SOURCE" ] || return 0
	update_lists
	[ -n "$CHECK_SOURCE" ] || ! fetch_source check ||
		CHECK_SOURCE=$(echo "$top"/apt/check-*)
	[ -n "$LIBUV_SOURCE" ] || ! fetch_source libuv1 ||
		! (cd "$top"/apt/libuv1-*/ && sh autogen.sh) ||
		LIBUV_SOURCE=$(echo "$top"/apt/libuv1-*)
} > "$top/apt.log" 2>&1

# Its flags into check_cflags and check_libs.
build_check()
{
	check=$tree/check
	[ -f "$check/src/.libs/libcheck.a" ] || (
		mkdir -p "$check" && cd "$check" &&
			"$CHECK_SOURCE/configure" --host=$host CC=$cc CFLAGS=-O1 \
				--disable-subunit --disable-shared \
				--disable-build-docs &&
			$MAKE -j$JOBS -C lib && $MAKE -j$JOBS -C src libcheck.la
	) > "$tree/check.log" 2>&1 || return
	check_cflags="-I$check/src -I$CHECK_SOURCE/src -I$check"
	check_libs="$check/src/.libs/libcheck.a $check/lib/.libs/libcompat.a"
	check_libs="$check_libs -lrt -lm -lpthread"
}

# Its flags into uv_cflags and uv_libs.
build_libuv()
{
	[ -f "$tree/libuv/libuv.la" ] || (
		mkdir -p "$tree/libuv" && cd "$tree/libuv" &&
			"$LIBUV_SOURCE/configure" --host=$host CC=$cc CFLAGS=-O1 \
				--disable-shared &&
			$MAKE -j$JOBS libuv.la
	) > "$tree/libuv.log" 2>&1 || return
	uv_cflags=-I$LIBUV_SOURCE/include
	uv_libs=$tree/libuv/libuv.la
}

# ---- The library -------------------------------------------------------------

# A program that runs a program of the target.
make_runner()
{
	runner=
	[ -n "$emulator" ] || return 0
	runner=$tree/run
	pin=
	if [ "$emulator" = qemu-aarch64 ] && have taskset; then
		# It lets a load overtake a store-release that is before it, so
		# what is sequentially consistent is not; with one processor for
		# each process nobody can see that.
		cpus=$(taskset -cp $$ | sed 's/.*: //')
		pin="cpu=${cpus%%[-,]*}; [ \$((\$\$ % 2)) = 0 ] || cpu=${cpus##*[-,]}
exec taskset -c \$cpu"
	else
		pin=exec
	fi
	printf '#!/bin/sh\n%s %s -L /usr/%s "$@"\n' "$pin" "$emulator" "$host" \
		> "$runner" && chmod +x "$runner"
}

configure_tree()
{
	mkdir -p "$tree/build" && cd "$tree/build" || return
	[ ! -f config.status ] || return 0
	set -- --enable-werror --disable-silent-rules CC=$cc CFLAGS="$flags" \
		LDFLAGS="$links" $configure
	if [ -n "$host" ]; then
		# Nothing of this system's is for the other one.
		set -- "$@" --host=$host --with-io=$io --disable-shared CXX=no \
			PKG_CONFIG_LIBDIR=/nonexistent \
			CHECK_CFLAGS="$check_cflags" CHECK_LIBS="$check_libs" \
			UV_CFLAGS="$uv_cflags" UV_LIBS="$uv_libs"
	fi
	[ -z "$emulator" ] || set -- "$@" CPPFLAGS=-DUNIT_QEMU=1
	"$src/configure" "$@"
}

test_tree()
{
	cd "$tree/build" || return
	tests='$(UNIT_TESTS)'
	case $CROSS_TESTS in
	unit) ;;
	api) tests="$tests \$(API_TESTS) \$(CROSS_IO_TESTS)" ;;
	all)
		tests="$tests \$(API_TESTS) \$(FAULT_TESTS) \$(STRESS_TESTS)"
		tests="$tests \$(CROSS_IO_TESTS)"
		# A static libuv would have its own calls replaced, too.
		[ -n "$host" ] || tests="$tests \$(CROSS_IO_FAULT_TESTS)"
		;;
	*)
		echo "CROSS_TESTS=$CROSS_TESTS: not unit, api or all"
		return 2
		;;
	esac
	tests="\$(filter-out $(excluded | tr '\n' ' '),$tests)"
	$MAKE -j$JOBS config.h &&
		$MAKE -j$JOBS tests/libsupport.a "TESTS=$tests" cross-programs &&
		$MAKE -j$JOBS -k check-TESTS "TESTS=$tests" check_PROGRAMS= \
			check_LTLIBRARIES= LOG_COMPILER="$runner" || return
	[ "$CROSS_TESTS" != all ] || {
		$MAKE -j$JOBS tests/soak/soak && $runner tests/soak/soak
	}
}

# run TARGET: 77 if something is missing, which `why` names
run()
{
	describe "$1"
	tree=$top/$1
	why="no $lacks"
	[ -z "$lacks" ] || return 77
	mkdir -p "$tree" || return
	left='' check_cflags='' check_libs='' io=auto uv_cflags='' uv_libs=''
	if [ -n "$host" ]; then
		[ -n "$fetched" ] || fetch
		why="no source of Check: $top/apt.log"
		[ -n "$CHECK_SOURCE" ] || return 77
		why="Check is not built: $tree/check.log"
		build_check || return 1
		if [ -n "$LIBUV_SOURCE" ]; then
			io=yes
			why="libuv is not built: $tree/libuv.log"
			build_libuv || return 1
		else
			io=no
			left=", without libtaskpar-io: no source of libuv: $top/apt.log"
		fi
	fi
	why="$tree/test.log"
	make_runner && (configure_tree && test_tree) > "$tree/test.log" 2>&1
}

# ---- All of them -------------------------------------------------------------

# Sets cpu, the processors' seconds until now.  Not in a subshell: that has its own.
count_cpu()
{
	times > "$top/times"
	cpu=$(sed -n '2s/[ms]/ /gp' "$top/times" |
		awk '{ printf "%d", ($1 + $3) * 60 + $2 + $4 }')
}

mkdir -p "$top" || exit 2
: "${1:?a target is needed}"
echo "1..$#"
n=0 status=77
for target; do
	n=$((n + 1))
	begin=$(date +%s)
	count_cpu
	cpu_begin=$cpu
	run "$target"
	rc=$?
	took="$(($(date +%s) - begin)) s"
	count_cpu
	took="$took ($((cpu - cpu_begin)) s of processors)"
	case $rc in
	0)
		[ $status = 1 ] || status=0
		echo "ok $n - $target: $(sed -n 's/^# PASS: */passed /p' \
			"$tree/test.log" | tail -n 1), $took$left"
		;;
	77) echo "ok $n - $target # SKIP $why" ;;
	*)
		echo "not ok $n - $target: $why, $took"
		grep -hE '^(FAIL|ERROR)|: error: |^soak: .*(FAILED|hangs)' \
			"$tree/test.log" | head -n 20 | sed 's/^/# /'
		status=1
		;;
	esac
done
exit $status
