#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - how the libraries that were built are hardened; a TAP producer.
#
#     tests/hard/run.sh
#
# In the build directory.  What was asked for, and this toolchain has, must be in
# the libraries: HARDEN_CFLAGS, HARDEN_LDFLAGS, NODELETE_LDFLAGS and FORTIFY (a
# level or "") say what configure found.  READELF, NM, AWK, CC, CXX, CFLAGS.

top=$(cd "$(dirname "$0")/../.." && pwd)
: "${READELF:=readelf}" "${AWK:=awk}" "${HARDEN_CFLAGS=}" "${HARDEN_LDFLAGS=}" "${FORTIFY=}"
: "${NODELETE_LDFLAGS=}" "${CFLAGS=}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

skip()
{
	echo "$1"
	exit 77
}

# flag LIST FLAG: skips what was not asked for, or is not there
flag()
{
	case " $1 " in
	*" $2 "*) ;;
	*) skip "not built with $2" ;;
	esac
}

# ---- Of each library, in $lib --------------------------------------------------

check_stack_is_not_executable()
{
	"$READELF" -lW "$lib" | "$AWK" '$1 == "GNU_STACK" { found = 1; flags = $7 }
		END {
			if (!found || flags ~ /E/) {
				print "GNU_STACK: " (found ? flags : "none")
				exit 1
			}
		}'
}

check_nothing_is_writable_and_executable()
{
	"$READELF" -lW "$lib" | grep -E '^ +LOAD ' > "$work/load" || {
		echo 'no segment to load'
		return 1
	}
	! grep -E ' R?WE +0x' "$work/load"
}

check_code_needs_no_relocation()
{
	"$READELF" -dW "$lib" > "$work/dynamic" && grep -q SONAME "$work/dynamic" &&
		! grep TEXTREL "$work/dynamic"
}

check_relocated_data_is_read_only()
{
	flag "$HARDEN_LDFLAGS" -Wl,-z,relro
	"$READELF" -lW "$lib" | grep -q '^ *GNU_RELRO ' || {
		echo 'no GNU_RELRO'
		return 1
	}
}

check_all_is_bound_at_the_start()
{
	flag "$HARDEN_LDFLAGS" -Wl,-z,now
	"$READELF" -dW "$lib" | grep -qE 'BIND_NOW|FLAGS_1.* NOW' || {
		echo 'no BIND_NOW'
		return 1
	}
}

check_it_stays_loaded()
{
	flag "$NODELETE_LDFLAGS" -Wl,-z,nodelete
	"$READELF" -dW "$lib" | grep -q 'FLAGS_1.* NODELETE' || {
		echo 'no NODELETE'
		return 1
	}
}

check_names_no_directory()
{
	! "$READELF" -dW "$lib" | grep -E 'R(UN)?PATH' |
		grep -vF "$(pwd)/.libs"
}

check_stack_protector()
{
	flag "$HARDEN_CFLAGS" -fstack-protector-strong
	"$READELF" -W --dyn-syms "$lib" | grep -q 'UND __stack_chk_\(fail\|guard\)' || {
		echo 'no __stack_chk_fail'
		return 1
	}
}

check_environment_is_read_by_secure_getenv()
{
	"$READELF" -W --dyn-syms "$lib" > "$work/symbols"
	if grep -q ' UND getenv' "$work/symbols"; then
		echo 'calls getenv()'
		return 1
	fi
	case $lib in
	*-io.so) return 0 ;; # reads nothing at all
	esac
	grep -q 'define HAVE_SECURE_GETENV' config.h ||
		skip 'no secure_getenv() here'
	grep -q ' UND secure_getenv' "$work/symbols"
}

check_no_process_wide_surprises()
{
	"$READELF" -W --dyn-syms "$lib" > "$work/symbols"
	! grep -E ' UND (system|popen|execvp|dlopen|tmpnam|mktemp|gets|strcpy|strcat|sprintf|vsprintf|alloca|putenv|setenv)(@| |$)' \
		"$work/symbols"
}

# ---- Of one library ------------------------------------------------------------

check_fortified()
{
	[ -n "$FORTIFY" ] || skip 'not built with _FORTIFY_SOURCE'
	case $CFLAGS in
	*-O0*) skip 'not optimized' ;;
	*-O*) ;;
	*) skip 'not optimized' ;;
	esac
	"$READELF" -W --dyn-syms "$lib" | grep -q ' UND __[a-z]*_chk' || {
		echo 'no call that checks a size'
		return 1
	}
}

check_exports_are_those_of_the_headers()
{
	"$top/tests/lint/run" -b . symbols > "$work/lint" || {
		cat "$work/lint"
		return 1
	}
	! grep -q '# SKIP' "$work/lint" || skip "$(sed 's/.*# SKIP //' "$work/lint")"
}

# A setuid copy of a program that a variable would stop.
check_setuid_program_does_not_listen()
{
	program=examples/01_square
	[ "$(id -u)" = 0 ] || skip 'only root can tell'
	[ -x $program ] || skip "no $program"
	copy=$PWD/setuid-copy
	trap 'rm -f "$copy"; rm -rf "$work"' EXIT
	if TASKPAR_WORKERS=x ./$program > /dev/null 2> "$work/plain"; then
		echo 'TASKPAR_WORKERS=x does not stop a plain one'
		return 1
	fi
	cp $program "$copy" && chown 65534 "$copy" && chmod 4755 "$copy" || return 1
	status=0
	TASKPAR_WORKERS=x "$copy" > "$work/out" 2> "$work/said" || status=$?
	grep -q 'error while loading' "$work/said" &&
		skip 'others cannot read this directory'
	findmnt -no OPTIONS -T "$copy" 2> /dev/null | grep -q nosuid &&
		skip 'setuid does nothing in this directory'
	cat "$work/said"
	[ $status = 0 ] && [ "$(tail -n 1 "$work/out")" = 64 ]
}

# ---- All -----------------------------------------------------------------------

number=0
failed=0

# check NAME [LIBRARY]
check()
{
	number=$((number + 1))
	lib=.libs/$2.so
	name=$(echo "$1" | tr _ ' ')
	("check_$1") > "$work/what" 2>&1
	case $? in
	0) echo "ok $number - $2: $name" ;;
	77) echo "ok $number - $2: $name # SKIP $(tail -n 1 "$work/what")" ;;
	*)
		echo "not ok $number - $2: $name"
		sed 's/^/# /' "$work/what"
		failed=1
		;;
	esac
}

libraries=libtaskpar
[ ! -f .libs/libtaskpar-io.so ] || libraries="$libraries libtaskpar-io"
if [ ! -f .libs/libtaskpar.so ]; then
	echo '1..0 # SKIP no shared library'
	exit 77
fi
if ! command -v "$READELF" > /dev/null; then
	echo "1..0 # SKIP no $READELF"
	exit 77
fi
for library in $libraries; do
	for one in stack_is_not_executable nothing_is_writable_and_executable \
		code_needs_no_relocation relocated_data_is_read_only \
		all_is_bound_at_the_start it_stays_loaded names_no_directory \
		stack_protector environment_is_read_by_secure_getenv \
		no_process_wide_surprises; do
		check $one $library
	done
done
check fortified libtaskpar
check exports_are_those_of_the_headers libtaskpar
check setuid_program_does_not_listen libtaskpar
echo "1..$number"
exit $failed
