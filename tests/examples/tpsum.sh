#!/bin/sh
# SPDX-License-Identifier: MIT
# tpsum.sh - examples/tpsum against sha256sum; its argument is the program.
tpsum=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d) || exit 1
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
cd "$work" || exit 1
LC_ALL=C
export LC_ALL
failed=0

wrong()
{
	echo "$*" >&2
	failed=1
}

# same TEXT: the files want and got
same()
{
	diff want got > difference || {
		head -n 10 difference >&2
		wrong "differs: $1"
	}
}

# status WANTED GOT TEXT
status()
{
	[ "$1" = "$2" ] || wrong "$3: exit status $2, not $1"
}

# both ARGUMENT...: tpsum does what sha256sum does, word for word
both()
{
	sha256sum "$@" < input > want 2> want.err
	theirs=$?
	"$tpsum" "$@" < input > got 2> got.err
	status $theirs $? "$*"
	same "$*"
	sed "s/^sha256sum: //; s/^'standard input'/standard input/" \
		want.err > want
	sed 's/^tpsum: //' got.err > got
	same "standard error of $*"
}

# says TEXT ARGUMENT...: exit status 1, and this on standard error
says()
{
	text=$1
	shift
	"$tpsum" "$@" < input > got 2> got.err
	status 1 $? "$*"
	grep -qxF "tpsum: $text" got.err || {
		cat got.err >&2
		wrong "$*: does not say: $text"
	}
}

# ---- Files and trees ---------------------------------------------------------

mkdir -p tree/a/b tree/c
printf x > 'tree/a/with space'
printf y > 'tree/a/b/back\slash'
printf z > "tree/c/new
line"
printf r > "$(printf 'tree/c/re\rturn')"
printf l > "$(printf 'tree/c/latin\351')"
: > tree/empty
ln -s missing tree/dangling
ln -s loop tree/loop
ln -s ../c tree/c/directory
mkfifo tree/fifo
i=0
while [ $i -lt 1500 ]; do
	echo $i > tree/c/$i
	i=$((i + 1))
done
printf abc > input
printf 0 > one
printf 0 > -c

find tree -type f -print0 | sort -z > names
xargs -0 sha256sum < names > want
for workers in 1 2 8; do
	xargs -0 "$tpsum" -j $workers < names > got
	same "a list of names, -j $workers"
done
cp want list
sort list > want
"$tpsum" tree | sort > got
same 'a tree'
printf '\\%s  %s\n' "$(printf r | sha256sum | cut -c1-64)" 'tree/c/re\rturn' \
	> want
"$tpsum" "$(printf 'tree/c/re\rturn')" > got
same 'a carriage return'

both
both -
both - one - -
both -- -c one
both one tree/missing '' tree/loop tree/dangling one/x one
both /dev/null /proc/self/mem
(cd tree/a && sha256sum ./b/* ./with* b/* ../empty) > want
(cd tree/a && "$tpsum" . b/ ../empty) > got
same 'other ways to name a tree'
truncate -s 20M sparse
both sparse
rm sparse
"$tpsum" - < tree > got 2> want
status 1 $? 'a directory as standard input'
"$tpsum" - <&- > got 2>> want
status 1 $? 'no standard input'
printf 'tpsum: -: %s\n' 'Is a directory' 'Bad file descriptor' > got
same 'unreadable standard input'

# ---- Lists -------------------------------------------------------------------

sum=$(sha256sum < one | cut -c1-64)
upper=$(echo "$sum" | tr a-f A-F)
echo changed > changed
cat > good <<END
# a comment

$sum  one
  $upper *one
\\$sum  one
SHA256 (one) = $sum
\\SHA256(one)=$sum
END
cat > mixed <<END
$sum  one
$sum  changed
$sum  missing
$sum  tree
nonsense
${sum}0  one
${sum%?}  one
$sum
$sum  
\\$sum  o\\ne\\
\\$sum  o\\tne
SHA256 (one) = ${sum}0
SHA256 (one = $sum
SHA256
MD5 (one) = $sum
 # $sum  one
END
grep missing mixed > missing.list
grep nonsense mixed > nonsense
printf '%s  -\n' "$sum" >> good
cp good input
for option in --quiet --status --strict --warn -w --ignore-missing \
	'--status --warn' '--warn --quiet' '--strict --ignore-missing'; do
	# shellcheck disable=SC2086
	both -c $option good mixed nonsense no-such-list missing.list list one
done
both -c list
both -c
both -c - good
both -c good -
both -c --ignore-missing missing.list
both -c /dev/null
sed 's/$/\r/' good > crlf
printf '%s  one' "$sum" >> crlf
"$tpsum" -c crlf > got < one
status 0 $? 'CRLF, and a last line without any'
printf '%s: OK\n' one one one one one - one > want
same 'CRLF, and a last line without any'
printf '%s  one\0\n' "$sum" > zero
says 'zero: no properly formatted checksum lines found' -c zero
says 'tree: Is a directory' -c tree

# ---- Options -----------------------------------------------------------------

for jobs in 0 4097 4294967297 -1 +1 1x '' 99999999999999999999; do
	"$tpsum" -j "$jobs" one > got 2> got.err
	status 1 $? "-j $jobs"
	grep -q "^tpsum: $jobs is not a number in 1..4096$" got.err ||
		wrong "-j $jobs: $(cat got.err)"
done
for option in --ignore-missing --quiet --status --strict --warn; do
	says "$option is meaningful only when verifying checksums" $option one
done
TASKPAR_WORKERS=x "$tpsum" one > got 2> got.err
status 1 $? 'TASKPAR_WORKERS=x'
grep -q "TASKPAR_WORKERS is 'x'" got.err || wrong "$(cat got.err)"
TASKPAR_WORKERS=3 "$tpsum" one > got
status 0 $? 'TASKPAR_WORKERS=3'
"$tpsum" --help | grep -q '^Usage: tpsum' || wrong 'no help'
"$tpsum" --version | grep -q '^tpsum (libtaskpar) [0-9]' || wrong 'no version'
"$tpsum" --bogus > got 2>&1
status 1 $? '--bogus'

# ---- Failures ----------------------------------------------------------------

says 'missing: No such file or directory' --fail-fast missing one
"$tpsum" --fail-fast -j 1 changed missing tree/fifo tree > got 2> got.err
status 1 $? '--fail-fast'
sha256sum changed > want
same '--fail-fast prints what was done and waits for nothing'
"$tpsum" --fail-fast -j 2 tree/fifo missing > got 2> got.err
status 1 $? '--fail-fast, while another file is waited for'
says 'WARNING: 1 computed checksum did NOT match' -c --fail-fast mixed -j 1
for arguments in one '-c good' --help; do
	# shellcheck disable=SC2086
	"$tpsum" $arguments < one > /dev/full 2> got
	status 1 $? "a full disk, $arguments"
	echo 'tpsum: write error: No space left on device' > want
	same "a full disk, $arguments"
done
"$tpsum" one 2> got >&-
status 1 $? 'no standard output'
echo 'tpsum: write error: Bad file descriptor' > want
same 'no standard output'

# What may not be read; root may, so it becomes somebody else.
mkdir shut && echo s > shut/s && chmod 0 shut && chmod 0 tree/c/7
stranger=
[ "$(id -u)" != 0 ] ||
	stranger='setpriv --reuid=65534 --regid=65534 --clear-groups'
if $stranger "$tpsum" --version > got 2>&1; then
	$stranger "$tpsum" shut tree/c/7 shut/s changed > got 2> got.err
	status 1 $? 'without permission'
	sha256sum changed > want
	same 'without permission'
	printf 'tpsum: %s: Permission denied\n' shut tree/c/7 shut/s > want
	cp got.err got
	same 'what may not be read is named'
fi

# ---- Signals -----------------------------------------------------------------

# interrupted WANTED SIGNAL ARGUMENT...: it waits for the fifo when it is told
interrupted()
{
	wanted=$1
	signal=$2
	shift 2
	env --default-signal "$tpsum" -j 1 "$@" > got 2> got.err 3>&- &
	exec 3> tree/fifo # returns when it is open at the other end, too
	kill -s "$signal" $!
	wait $! 2> died # the shell tells
	status "$wanted" $? "$signal, $*"
	exec 3>&-
	echo 'tpsum: interrupted' > want
	diff want got.err >&2 || wrong "$signal, $*: no word of it"
}

if env --default-signal true 2> got; then
	interrupted 130 INT changed tree/fifo one
	sha256sum changed > want
	same 'what was done before Ctrl-C'
	interrupted 143 TERM -c tree/fifo
	interrupted 129 HUP -c good tree/fifo
	{
		env --default-signal=PIPE "$tpsum" tree 2> got.err
		echo $? > got
	} | head -n 1 > first
	echo 141 > want
	same 'a reader who leaves'
	[ ! -s got.err ] || wrong 'a reader who leaves: it is not quiet'
fi
exit $failed
