/* SPDX-License-Identifier: MIT */
/*
 * tpfetch.c - fetches many URLs at a time and gives the results in order.
 *
 * The main thread reads, begins, collects and prints (tpfetch_flow.c); one of
 * two engines fetches.  What the command line says is understood here.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOBS 50
#define JOBS_MAX 16384

static const char help[] =
	"Usage: tpfetch [OPTION]... [URL]...\n"
	"Fetches URLs, many at a time, and gives the results in their order.\n"
	"Without an argument, or for -, URLs are read from standard input, "
	"one\n"
	"on a line; empty lines and those that begin with # are none.\n\n"
	"For each a line is printed: HTTP status, bytes, URL, separated by "
	"tabs;\n"
	"or instead of that\n"
	"      --body            the bodies, one after the other\n"
	"  -o, --output=DIR      the same lines and the name of a file in DIR "
	"that\n"
	"                        holds the body; none is ever overwritten\n\n"
	"  -j, --jobs=N          fetch N at a time (50)\n"
	"      --files-from=FILE read URLs from FILE, after those given\n"
	"  -0, --null            URLs that are read end with a zero byte\n"
	"      --unordered       give results as they come\n"
	"      --fail-fast       the first failure stops everything\n"
	"      --timeout=SECS    for each attempt; otherwise 60 to connect, "
	"and\n"
	"                        300 without a single byte\n"
	"      --retry=N         try again, up to N times, what may be better "
	"then:\n"
	"                        no connection, none any more, a timeout, "
	"HTTP\n"
	"                        status 408, 429, 500, 502, 503, 504\n"
	"      --retry-delay=SECS  before the first retry (1); doubled each "
	"time,\n"
	"                        up to 60\n"
	"      --max-redirs=N    follow up to N redirections (10)\n"
	"      --engine=NAME     blocking: a thread for each URL at a time; "
	"or\n"
	"                        multi: one thread for all of them\n"
	"  -q, --quiet           print neither those lines nor progress\n"
	"      --stats           print a summary at the end\n"
	"      --help, --version\n\n"
	"HTTP status 400 and above is a failure; its page is thrown away.\n\n"
	"Exit status: 0, 1 if anything failed, 2 if nothing could be begun.\n"
	"Ctrl-C stops cleanly, with the results before the first that is "
	"missing;\n"
	"a second one kills.\n";

/* Ends the program before there are tasks. */
static _Noreturn void
usage(const char *what, const char *option)
{
	if (what != NULL) {
		fprintf(stderr, "tpfetch: %s %s\n", option, what);
	}
	fputs("Try 'tpfetch --help' for more information.\n", stderr);
	exit(2);
}

static unsigned
parse_number(const char *text, unsigned most, const char *what)
{
	unsigned long n;
	char *rest;

	errno = 0;
	n = strtoul(text, &rest, 10);
	if (*text < '0' || *text > '9' || *rest != '\0' || errno != 0 ||
	    n > most) {
		usage(what, text);
	}
	return (unsigned)n;
}

/* Nanoseconds. */
static int64_t
parse_seconds(const char *text)
{
	char *rest;
	double n = strtod(text, &rest);

	if (!((*text >= '0' && *text <= '9') || *text == '.') ||
	    *rest != '\0' || !(n >= 0.001 && n <= 1e6)) {
		usage("is not a number of seconds in 0.001..1000000", text);
	}
	return (int64_t)(n * (double)TPAR_SECOND);
}

static const struct engine *
parse_engine(const char *text)
{
	static const struct engine *const known[] = {
		&engine_blocking,
#ifdef TPFETCH_MULTI
		&engine_multi,
#endif
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(text, known[i]->name) == 0) {
			return known[i];
		}
	}
	if (strcmp(text, "multi") == 0) {
		usage("is not available: built without libtaskpar-io",
		      "--engine=multi");
	}
	usage("is no engine", text);
}

static void
parse_choice(int c, struct options *options)
{
	switch (c) {
	case '0':
		options->delimiter = '\0';
		break;
	case 'b':
		options->output = OUTPUT_BODY;
		break;
	case 'c':
		options->fail_fast = true;
		break;
	case 'o':
		options->output = OUTPUT_FILES;
		options->directory = optarg;
		break;
	case 'q':
		options->quiet = true;
		break;
	case 's':
		options->stats = true;
		break;
	case 'u':
		options->unordered = true;
		break;
	default:
		usage(NULL, NULL);
	}
}

static void
parse_value(int c, struct options *options)
{
	static const char is_no_job[] = "is not a number in 0..16384";
	static const char is_no_number[] = "is not a number in 0..1000";

	switch (c) {
	case 'd':
		options->retry_delay_ns = parse_seconds(optarg);
		break;
	case 'e':
		options->engine = parse_engine(optarg);
		break;
	case 'f':
		options->list = optarg;
		break;
	case 'j':
		options->jobs = parse_number(optarg, JOBS_MAX, is_no_job);
		break;
	case 'm':
		options->redirects =
			(long)parse_number(optarg, 1000, is_no_number);
		break;
	case 'r':
		options->retries = parse_number(optarg, 1000, is_no_number);
		break;
	case 't':
		options->timeout_ms =
			(long)(parse_seconds(optarg) / TPAR_MILLISECOND);
		break;
	default:
		parse_choice(c, options);
	}
}

static _Noreturn void
print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(report_exit_status());
}

static void
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "body", no_argument, NULL, 'b' },
		{ "engine", required_argument, NULL, 'e' },
		{ "fail-fast", no_argument, NULL, 'c' },
		{ "files-from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "max-redirs", required_argument, NULL, 'm' },
		{ "null", no_argument, NULL, '0' },
		{ "output", required_argument, NULL, 'o' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "retry", required_argument, NULL, 'r' },
		{ "retry-delay", required_argument, NULL, 'd' },
		{ "stats", no_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "unordered", no_argument, NULL, 'u' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	char version[128];
	bool body = false;
	int c;

	while ((c = getopt_long(argc, argv, "0j:o:q", known, NULL)) != -1) {
		if (c == 'h') {
			print_and_exit(help);
		}
		if (c == 'v') {
			snprintf(version, sizeof version,
				 "tpfetch (libtaskpar) %s, libcurl %s\n",
				 tpar_version(),
				 curl_version_info(CURLVERSION_NOW)->version);
			print_and_exit(version);
		}
		body |= c == 'b';
		parse_value(c, options);
	}
	if (body && options->directory != NULL) {
		usage("cannot be used with --output", "--body");
	}
	if (options->jobs == 0) {
		options->jobs = JOBS;
	}
}

/* A socket that is opened as descriptor 1 would be written to. */
static void
keep_standard_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0) { /* so that using it fails: */
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
		}
	}
}

/* Each transfer has a few descriptors. */
static void
raise_limit_of_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The end of a program that could not begin. */
static int
refuse(const char *name, const char *what)
{
	report_error(name, what);
	return 2;
}

static int
run(const struct options *options, struct source *source)
{
	struct counts counts = { .given = 0 };
	enum tpar_err err;
	const char *detail;

	if (!body_open(options)) {
		return refuse(options->directory, strerror(errno));
	}
	err = options->engine->open(options);
	if (err != TPAR_OK) {
		detail = tpar_error_detail();
		options->engine->close();
		return refuse(tpar_strerror(err),
			      *detail != '\0' ? detail : "no engine");
	}
	report_open(options);
	flow_run(options, source, &counts);
	options->engine->close();
	(void)report_exit_status();
	if (wake_signal() != 0) {
		report_error(NULL, "interrupted");
	}
	if ((options->stats || counts.stopped) && !report_broken_pipe()) {
		report_summary(&counts);
	}
	return report_exit_status();
}

int
main(int argc, char **argv)
{
	static char *standard_input[] = { "-" };
	struct options options = { .delimiter = '\n',
				   .retry_delay_ns = TPAR_SECOND,
				   .redirects = 10,
				   .engine = &engine_blocking };
	struct source source = { .options = &options, .fd = -1 };
	void (*sigpipe)(int);
	int status;

	keep_standard_descriptors();
	parse_options(argc, argv, &options);
	source.arg = argv + optind;
	source.end = argv + argc;
	if (source.arg == source.end && options.list == NULL) {
		source.arg = standard_input;
		source.end = standard_input + 1;
	}
	raise_limit_of_descriptors();
	if (!wake_open()) {
		return refuse(NULL, strerror(errno));
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		return refuse(NULL, "libcurl cannot be used");
	}
	sigpipe = signal(SIGPIPE, SIG_IGN);
	status = run(&options, &source);
	source_close(&source);
	if (wake_signal() != 0) {
		(void)raise(wake_signal()); /* which kills by now */
	}
	if (report_broken_pipe() && sigpipe == SIG_DFL) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)raise(SIGPIPE);
	}
	return status;
}
