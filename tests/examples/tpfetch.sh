#!/bin/sh
# SPDX-License-Identifier: MIT
# tpfetch.sh - examples/tpfetch against nginx, and against worse servers; its
# arguments are the program and an engine (default: each that there is).  All
# that is started here ends with it.
here=$(cd "$(dirname "$0")" && pwd)
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
if [ $# = 1 ]; then
	sh "$0" "$1" blocking || exit
	"$program" --engine=multi --version > /dev/null 2>&1 || exit 0
	sh "$0" "$1" multi
	exit
fi
engine=$2
PATH=$PATH:/usr/sbin:/usr/local/sbin
for tool in nginx python3 curl; do
	command -v $tool > /dev/null || {
		echo "$tool not found" >&2
		exit 77
	}
done
echo_module=$(find /usr/lib/nginx/modules /usr/lib64/nginx/modules \
	-name ngx_http_echo_module.so 2> /dev/null | head -n 1)
[ -n "$echo_module" ] || {
	echo 'the echo module of nginx not found' >&2
	exit 77
}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
unset NO_COLOR TMPDIR
RES_OPTIONS='timeout:1 attempts:1'
LC_ALL=C
export RES_OPTIONS LC_ALL
work=$(mktemp -d) || exit 1
server=
running=
failed=0

clean_up()
{
	exec 8>&- # the peer ends
	[ -z "$running" ] || kill -KILL "$running"
	[ -z "$server" ] || kill "$server"
	wait
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
printf '#!/bin/sh\nexec "%s" --engine=%s "$@"\n' "$program" "$engine" > tpfetch
chmod 755 tpfetch
tpfetch=$work/tpfetch

wrong()
{
	echo "$engine: $*" >&2
	failed=1
}

# same TEXT: the files want and got
same()
{
	cmp -s want got || {
		diff want got | head -n 10 >&2
		wrong "differs: $1"
	}
}

# status WANTED GOT TEXT
status()
{
	[ "$1" = "$2" ] || {
		head -n 5 err >&2
		wrong "$3: exit status $2, not $1"
	}
}

# gets WANTED ARGUMENT...: that exit status
gets()
{
	wanted=$1
	shift
	"$tpfetch" "$@" < /dev/null > got 2> err
	status "$wanted" $? "$*"
}

# says TEXT: on standard error, a line
says()
{
	grep -qxF "tpfetch: $1" err || {
		head -n 5 err >&2
		wrong "does not say: $1"
	}
}

# begin ARGUMENT...: in the background; with signals as in a shell
begin()
{
	: > got
	env --default-signal "$tpfetch" "$@" > got 2> err 8>&- &
	running=$!
}

# ended WANTED TEXT: wait for it; that exit status
ended()
{
	wait $running 2> died # the shell tells
	status "$1" $? "$2"
	running=
}

# until_true COMMAND...: gives up after a minute
until_true()
{
	tries=0
	until "$@" > /dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || {
			wrong "never true: $*"
			exit 1
		}
		sleep 0.02
	done
}

# no_temporary DIRECTORY
no_temporary()
{
	[ -z "$(find "$1" -name '.tpfetch-*')" ] ||
		wrong "$1: $(find "$1" -name '.tpfetch-*' | head -n 1) is left"
}

# ---- Servers -----------------------------------------------------------------

mkfifo tells ends
python3 "$here/peer.py" < ends > tells &
exec 8> ends
read -r bad silent port < tells
mkdir -p www/dir
i=0
while [ $i -lt 300 ]; do
	head -c $((i * i % 5000)) /dev/urandom > www/$i
	i=$((i + 1))
done
head -c 3000000 /dev/urandom > www/large
head -c 60000 /dev/urandom > www/slow
echo index > www/index.html
echo dir > www/dir/index.html
cat > nginx.conf <<END
load_module $echo_module;
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
	log_format short '\$status \$request_uri \$connection';
	access_log access.log short;
	keepalive_timeout 75s;
	keepalive_requests 100000;
	client_body_temp_path tmp1;
	proxy_temp_path tmp2;
	fastcgi_temp_path tmp3;
	uwsgi_temp_path tmp4;
	scgi_temp_path tmp5;
	server {
		listen 127.0.0.1:$port;
		root www;
		location /delayed { echo_sleep 0.1; echo late; }
		location /never { echo_sleep 3600; echo never; }
		location /chunked { echo one; echo_flush; echo two; }
		location /reset { return 444; }
		location /500 { return 500 broken; }
		location /503 { return 503; }
		location /to/ { rewrite ^/to(/.*)\$ \$1 permanent; }
		location /away { return 302 http://127.0.0.1:$bad/there; }
		location /circle { return 302 /circle; }
		location /out { return 302 ftp://127.0.0.1/; }
		location /slow { limit_rate_after 100; limit_rate 300k; }
		location /settled { access_log off; return 204; }
	}
}
END
nginx -p "$work" -c nginx.conf 2> nginx.err &
server=$!
at=http://127.0.0.1:$port
until_true curl -s "$at/"
kill -0 $server || {
	cat nginx.err >&2
	exit 1
}
silent=http://127.0.0.1:$silent/
bad=http://127.0.0.1:$bad

# logged PATTERN: how many requests of this kind are in the log
logged()
{
	grep -c "$1" access.log
}

# A request may be answered before it is in the log; when nginx, which has one
# thread, answers this one, all before it are.
settle_log()
{
	curl -s "$at/settled"
}

empty_log()
{
	settle_log
	: > access.log
}

# ---- Results in order --------------------------------------------------------

i=0
while [ $i -lt 300 ]; do
	echo "$at/$i"
	i=$((i + 1))
done > list
sed "s,$at/,," list | (cd www && xargs cat) > want
for jobs in 1 8 50 300; do
	gets 0 --files-from=list --body -j $jobs
	same "bodies, -j $jobs"
done
while read -r url; do
	printf '200\t%d\t%s\n' "$(wc -c < "www/${url##*/}")" "$url"
done < list > want
for option in -j4 --timeout=100 --retry=2; do
	"$tpfetch" $option < list > got 2> err
	status 0 $? "a list, $option"
	same "status lines, $option"
done
gets 0 --files-from=list --unordered
sort got > sorted
sort want > got
mv sorted want
same 'unordered, but for the order'

cat www/large www/slow www/1 www/large > want
gets 0 --body "$at/large" "$at/slow" "$at/1" "$at/large"
same 'large bodies, a slow one'
TMPDIR=$work/none "$tpfetch" --body "$at/large" "$at/1" > got 2> err
status 1 $? 'nowhere to put a large body'
says "$at/large: cannot be stored: No such file or directory"
cp www/1 want
same 'a body after one that cannot be stored'

# ---- Kinds of answers --------------------------------------------------------

gets 0 --body "$at/chunked" "$at/delayed" "$at/to/dir/" "$at/away" "$at/"
printf '%s\n' one two late dir '/there 1' index > want
same 'chunked, delayed, redirected'
gets 1 "$at/none" "$at/1" "$at/500" "$at/reset" "$at/out" "$at/circle" "$at/2"
printf '%s\t%s\t%s\n' 404 0 "$at/none" 200 "$(wc -c < www/1)" "$at/1" \
	500 0 "$at/500" 000 0 "$at/reset" 302 0 "$at/out" 302 0 "$at/circle" \
	200 "$(wc -c < www/2)" "$at/2" > want
same 'status lines of failures'
says "$at/none: HTTP status 404"
says "$at/500: HTTP status 500"
says "$at/reset: Empty reply from server"
says "$at/circle: Maximum (10) redirects followed"
grep -q "^tpfetch: $at/out: Protocol \"ftp\" not supported" err ||
	wrong "a redirection to where we do not go: $(cat err)"
gets 1 --body "$at/none" "$at/1" "$at/500"
cp www/1 want
same 'bodies of failures are none'
gets 0 --max-redirs=0 "$at/to/1"
grep -q "^301	" got || wrong "a redirection that is not followed: $(cat got)"
gets 1 --body "$bad/liar" "$bad/x"
says "$bad/liar: transfer closed with 990 bytes remaining to read"
echo '/x 1' > want
same 'a body after one that was not whole'
gets 1 --timeout=0.1 "$silent" "$at/1" "$at/never" # even before it connects
grep -q "^tpfetch: $silent: .* time.*out after" err || wrong "$(cat err)"
grep -q "^tpfetch: $at/never: .* time.*out after" err || wrong "$(cat err)"
gets 1 http://nowhere.invalid/ "$at/1"
says 'http://nowhere.invalid/: Could not resolve host: nowhere.invalid'
gets 1 http://127.0.0.1:1/ "$at/1"
grep -q '^tpfetch: http://127.0.0.1:1/: Failed to connect to' err ||
	wrong "$(cat err)"

gets 0 -j1 --stats --files-from=list
grep -q ' connections: 1$' err || wrong "not kept alive: $(cat err)"
empty_log
gets 0 -j4 --stats --files-from=list
settle_log
connections=$(sed 's/.* //' access.log | sort -u | wc -l)
[ "$connections" -le 4 ] || wrong "$connections connections for 4 jobs"
grep -q "^tpfetch: 300 URLs: 300 fetched, 0 failed; .* connections: $connections\$" \
	err || wrong "$connections connections were seen: $(cat err)"

# ---- What is none ------------------------------------------------------------

gets 1 foo '' http:// "http://a b/" ftp://127.0.0.1/ file:///etc/passwd "$at/1"
says 'foo: not a URL'
says "'': not a URL"
says 'http://: not a URL'
says 'http://a b/: not a URL'
says 'ftp://127.0.0.1/: neither http:// nor https://'
says 'file:///etc/passwd: neither http:// nor https://'
[ "$(wc -l < got)" = 7 ] || wrong "a line for each: $(cat got)"

# ---- Lists -------------------------------------------------------------------

cat > messy <<END
# a comment

  $at/1	
$at/2
END
printf '%s\r\n%s' "$at/3" "$at/4" >> messy
cat www/0 www/1 www/2 www/3 www/4 > want
gets 0 --body --files-from=messy "$at/0"
same 'arguments, then a list'
"$tpfetch" --body "$at/0" - < messy > got 2> err
status 0 $? 'standard input by name'
same 'standard input by name'
"$tpfetch" --body "$at/0" - - --files-from=- < messy > got 2> err
status 0 $? 'standard input is read once'
same 'standard input is read once'
printf '%s\0' "$at/0" "$at/1" '' "$at/2" "$at/3" "$at/4" > zero
gets 0 --body -0 --files-from=zero
same 'zero bytes between URLs'
{
	printf '%s\0\n' "$at/1"
	head -c 200000 /dev/zero | tr '\0' x
	printf '\ny'
	head -c 200000 /dev/zero | tr '\0' ' '
	printf '\n%s\n' "$at/5"
} > hard
gets 1 --body --files-from=hard
says "$at/1: a zero byte in a URL"
grep -q '^tpfetch: x*: a URL of more than 64 KiB$' err || wrong "$(cat err)"
says 'y: a URL of more than 64 KiB'
[ "$(wc -l < err)" = 3 ] || wrong "a message for each: $(cat err)"
cp www/5 want
same 'a URL after those that are none'
gets 1 --files-from=no-such-list "$at/1"
says 'no-such-list: No such file or directory'
gets 1 --files-from=www
says 'www: Is a directory'
"$tpfetch" <&- > got 2> err
status 1 $? 'no standard input'
says '-: Bad file descriptor'
gets 0 --files-from=/dev/null --stats
sed -i 's,in [0-9]*\.[0-9]\{3\} s,in 0.000 s,' err
says '0 URLs: 0 fetched, 0 failed; 0 B in 0.000 s; retries: 0, connections: 0'

# ---- Files -------------------------------------------------------------------

umask 027
gets 0 -o new --files-from=list
umask 022
(cd www && rm -rf ../same && mkdir ../same && sed "s,$at/,," ../list |
	xargs cp -t ../same)
diff -r same new > diff.out || wrong "files: $(head -n 3 diff.out)"
[ "$(stat -c %a new/1)" = 640 ] || wrong "mode $(stat -c %a new/1)"
head -n 1 got > first
printf '200\t0\t%s\tnew/0\n' "$at/0" > want
cp first got
same 'the line of a file'
mkdir many
gets 1 -o many "$at/1" "$at/to/1" "$at/1?a=b/c" "$at/" "$at/dir/" "$at/none" \
	"$at/.." "$bad/liar"
(cd many && ls -A) > got
printf '%s\n' 1 1.1 '1?a=b_c' index.html index.html.1 index.html.2 > want
same 'names of files'
long=$(head -c 300 /dev/zero | tr '\0' n)
gets 1 -o many "$at/delayed$long" "$at/2"
says "$at/delayed$long: File name too long"
cmp www/2 many/2 || wrong 'a file after one that has no name'
no_temporary many
mkdir full
(
	trap '' XFSZ
	ulimit -f 1000
	"$tpfetch" -o full "$at/large" "$at/3" > got 2> err
	status 1 $? 'a file too large'
	exit $failed
) || failed=1
says "$at/large: cannot be stored: File too large"
ls -A full > got
echo 3 > want
same 'nothing is left of a file too large'
gets 2 -o www/1 "$at/1"
says 'www/1: File exists'
gets 2 -o none/none "$at/1"
says 'none/none: No such file or directory'

# ---- Retries -----------------------------------------------------------------

empty_log
gets 1 --retry=3 --retry-delay=0.001 "$at/503" "$at/none"
settle_log
says "$at/503: HTTP status 503, 3 retries"
[ "$(logged '^503 /503')" = 4 ] || wrong "$(logged '^503') attempts, not 4"
[ "$(logged '^404 /none')" = 1 ] || wrong 'what stays missing is asked again'
gets 0 --retry=3 --retry-delay=0.001 --body --stats "$bad/flaky/2/x"
echo '/flaky/2/x 3' > want
same 'the third attempt'
grep -q 'retries: 2' err || wrong "$(cat err)"
gets 1 --retry=1 --retry-delay=0.001 "$bad/flaky/3/y"
says "$bad/flaky/3/y: Empty reply from server, 1 retry"
gets 1 --retry=3 "$bad/busy"
says "$bad/busy: HTTP status 503"

# ---- Out of descriptors ------------------------------------------------------

(
	ulimit -n 40
	"$tpfetch" -j1 --body --files-from=list > got 2> err
	status 0 $? 'few descriptors'
	(cd www && sed "s,$at/,," ../list | xargs cat) > want
	same 'few descriptors'
	i=0
	while [ $i -lt 50 ]; do # they hold theirs until one has got none
		echo "$bad/held/end0?$i"
		i=$((i + 1))
	done | cat - list > crowd
	begin -j50 --unordered --files-from=crowd
	until_true grep -q \
		"^tpfetch: $bad/held/end0?[0-9]*: .*Too many open files" err
	: > end0
	ended 1 'too few descriptors'
	[ "$(wc -l < got)" = 350 ] || wrong 'a line for each'
	exit $failed
) || failed=1

# ---- As it goes --------------------------------------------------------------

one="200	$(wc -c < www/1)	$at/1"
echo "$one" > want
begin --unordered "$silent" "$at/1"
until_true cmp want got # though the first one has not ended
kill -INT $running
ended 130 'Ctrl-C, unordered'
says interrupted
grep -q '^tpfetch: 2 URLs: 1 fetched, 0 failed, 1 stopped; ' err ||
	wrong "a summary: $(cat err)"
begin "$at/1" "$silent" "$at/2"
until_true cmp want got # though there is no end
kill -TERM $running
ended 143 SIGTERM
same 'what comes after a gap is not printed'
mkfifo urls
begin --files-from=urls
exec 7> urls
echo "$at/1" >&7
until_true cmp want got # though there may be more
echo "$at/1" >&7
exec 7>&-
ended 0 'a list that comes slowly'
printf '%s\n' "$one" "$one" > want
same 'a list that comes slowly'

empty_log
{
	echo "$silent"
	yes "$at/1"
} > urls 8>&- &
begin -j2 --files-from=urls
until_true eval '[ "$(logged "^200 /1")" -ge 255 ]'
kill -INT $running
ended 130 'a list without an end'
grep -q '^tpfetch: 256 URLs: 0 fetched, 0 failed, 256 stopped; ' err ||
	wrong "a list without an end: $(cat err)"
settle_log
[ "$(logged '^200 /1')" = 255 ] || wrong 'a list without an end: no bound'

mkdir part
begin -o part "$bad/half" "$at/never"
until_true eval '[ -s part/.tpfetch-* ]'
[ "$(ls -A part | wc -l)" = 1 ] || wrong "half a file: $(ls -A part)"
kill -INT $running
ended 130 'Ctrl-C, half a file'
[ -z "$(ls -A part)" ] || wrong "half a file is left: $(ls -A part)"

# The first Ctrl-C finds it writing to a pipe that is full.
env --default-signal "$tpfetch" --body "$at/large" 2> err > urls 8>&- &
running=$! # which has begun when there is output
exec 7< urls
head -c 1 <&7 > got
kill -INT $running
until_true grep -q '^SigCgt:.*[014589cd]$' /proc/$running/status
kill -INT $running
ended 130 'Ctrl-C twice'
exec 7<&-
! grep -q interrupted err || wrong 'Ctrl-C twice: it stops cleanly'

# ---- The first failure -------------------------------------------------------

{
	printf '%s\n' "$at/1" "$silent"
	i=0
	while [ $i -lt 40 ]; do
		echo "$at/never?$i"
		i=$((i + 1))
	done
	echo "$at/none"
} > slow
gets 1 --fail-fast -j60 --files-from=slow
says "$at/none: HTTP status 404"
grep -q '^tpfetch: 43 URLs: [01] fetched, 1 failed, 4[12] stopped; ' err ||
	wrong "the first failure: $(cat err)"
echo "$one" > want
[ ! -s got ] || same 'what was before the first failure'
gets 1 --fail-fast --unordered -j60 --files-from=slow "$silent" foo
says 'foo: not a URL'
grep -q ' 1 failed' err || wrong "the first failure: $(cat err)"
gets 1 --fail-fast --retry=5 --retry-delay=50 "$at/503" "$at/none"
says "$at/none: HTTP status 404"

# ---- Output that fails -------------------------------------------------------

for arguments in "$at/1" "--body $at/large" --help --version; do
	# shellcheck disable=SC2086
	"$tpfetch" $arguments > /dev/full 2> err
	status 1 $? "a full disk, $arguments"
	says 'write error: No space left on device'
done
"$tpfetch" "$at/1" 2> err >&-
status 1 $? 'no standard output'
says 'write error: Bad file descriptor'
{
	env --default-signal=PIPE "$tpfetch" -o left "$at/1" "$bad/half" 2> err
	echo $? > got
} | head -n 1 > first
echo 141 > want
same 'a reader who leaves, while nothing is written'
[ ! -s err ] || wrong "a reader who leaves: it is not quiet: $(cat err)"
{
	env --default-signal=PIPE "$tpfetch" --body "$at/large" 2> err
	echo $? > got
} | head -c 1 > first
same 'a reader who leaves'
[ ! -s err ] || wrong "a reader who leaves: it is not quiet: $(cat err)"
no_temporary left

# terminal ARGUMENT...: in the background; what is seen on one
terminal()
{
	: > got
	TERM=xterm script -qec "'$tpfetch' $*" /dev/null < /dev/null \
		> got 8>&- &
	running=$!
}

if command -v script > /dev/null; then
	esc=$(printf '\033')
	terminal -j1 "$bad/held/end1" "$bad/held/end2"
	until_true grep -q '0 fetched, 0 failed, 2 to go, 0 B' got
	: > end1
	until_true grep -q "$esc\[31m1 failed$esc\[m, 1 to go" got
	: > end2
	ended 1 'a terminal'
	grep -q "$esc\[K404\|$esc\[Ktpfetch" got || wrong 'it is not cleared'
	NO_COLOR=1 terminal -j1 "$bad/held/end3" "$bad/held/end4"
	: > end3
	until_true grep -q ', 1 failed, 1 to go' got
	: > end4
	ended 1 NO_COLOR
	terminal -q "$at/1"
	ended 0 '--quiet on a terminal'
	[ ! -s got ] || wrong "--quiet: $(cat got)"
fi
gets 1 -q "$at/1" "$at/none"
[ ! -s got ] || wrong '--quiet prints lines'
says "$at/none: HTTP status 404"

# ---- Options -----------------------------------------------------------------

# refuses TEXT ARGUMENT...
refuses()
{
	text=$1
	shift
	gets 2 "$@" "$at/1"
	says "$text"
	[ ! -s got ] || wrong "$*: it prints something"
}

for number in -1 +1 1x '' 99999999999999999999 16385; do
	refuses "$number is not a number in 0..16384" -j "$number"
done
refuses '1001 is not a number in 0..1000' --retry=1001
refuses '-1 is not a number in 0..1000' --max-redirs=-1
for number in 0 -1 nan inf 1s '' 0.0001 0x10 0x1p3 1e2 1.2.3 .; do
	refuses "$number is not a number of seconds in 0.001..1000000" \
		"--timeout=$number"
done
refuses 'curl is no engine' --engine=curl
refuses '--body cannot be used with --output' --body -o x
gets 2 --bogus
gets 0 -j 0 "$at/1"
gets 0 --help
grep -q '^Usage: tpfetch' got || wrong 'no help'
gets 0 --version
grep -q '^tpfetch (libtaskpar) [0-9].*, libcurl [0-9]' got || wrong 'no version'
exit $failed
