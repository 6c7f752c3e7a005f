/* SPDX-License-Identifier: MIT */
/*
 * tpfetch.c - fetches many URLs at a time and gives the results in order.
 *
 * The main thread reads, begins, collects and prints (tpfetch_flow.c); one of
 * two engines fetches.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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
	"                        multi: one thread for all of them (blocking, "
	"but\n"
	"                        multi from 129 jobs on)\n"
	"  -q, --quiet           print neither those lines nor progress\n"
	"      --stats           print a summary at the end\n"
	"      --help, --version\n\n"
	"HTTP status 400 and above is a failure; its page is thrown away.\n\n"
	"Exit status: 0, 1 if anything failed, 2 if nothing could be begun.\n"
	"Ctrl-C stops cleanly, with the results before the first that is "
	"missing;\n"
	"a second one kills.\n";

/* Ends the program before there are tasks, unless it is to run. */
static void
obey(enum command command, const struct options *options)
{
	switch (command) {
	case COMMAND_RUN:
		return;
	case COMMAND_HELP:
		fputs(help, stdout);
		break;
	case COMMAND_VERSION:
		printf("tpfetch (libtaskpar) %s, libcurl %s\n", tpar_version(),
		       curl_version_info(CURLVERSION_NOW)->version);
		break;
	default:
		if (options->fault != NULL) {
			fprintf(stderr, "tpfetch: %s %s\n", options->culprit,
				options->fault);
		}
		fputs("Try 'tpfetch --help' for more information.\n", stderr);
		exit(2);
	}
	exit(report_exit_status());
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
	struct options options;
	struct source source = { .options = &options, .fd = -1 };
	void (*sigpipe)(int);
	int status;

	keep_standard_descriptors();
	obey(options_parse(argc, argv, &options), &options);
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
