/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_options.c - the command line of tpfetch.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 50
#define JOBS_MAX 16384

/*
 * More at a time are not worth a thread each.  Fewer are: threads share the
 * processors, which one thread that decrypts all of it cannot.
 */
#define THREADS_MAX 128

/* false, and why. */
static bool
bad(struct options *options, const char *fault, const char *culprit)
{
	options->fault = fault;
	options->culprit = culprit;
	return false;
}

static bool
parse_number(struct options *options, unsigned most, const char *what,
	     unsigned *number)
{
	unsigned long n;
	char *rest;

	errno = 0;
	n = strtoul(optarg, &rest, 10);
	if (*optarg < '0' || *optarg > '9' || *rest != '\0' || errno != 0 ||
	    n > most) {
		return bad(options, what, optarg);
	}
	*number = (unsigned)n;
	return true;
}

/* A number with or without a fraction, in nanoseconds. */
static bool
parse_seconds(struct options *options, int64_t *ns)
{
	char *rest;
	double n = strtod(optarg, &rest);

	/* That takes exponents, and hexadecimal digits, too. */
	if (optarg[strspn(optarg, "0123456789.")] != '\0' || *rest != '\0' ||
	    !(n >= 0.001 && n <= 1e6)) {
		return bad(options,
			   "is not a number of seconds in 0.001..1000000",
			   optarg);
	}
	*ns = (int64_t)(n * (double)TPAR_SECOND);
	return true;
}

static bool
parse_engine(struct options *options)
{
	static const struct engine *const known[] = {
		&engine_blocking,
#ifdef TPFETCH_MULTI
		&engine_multi,
#endif
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(optarg, known[i]->name) == 0) {
			options->engine = known[i];
			return true;
		}
	}
	if (strcmp(optarg, "multi") == 0) {
		return bad(options,
			   "is not available: built without libtaskpar-io",
			   "--engine=multi");
	}
	return bad(options, "is no engine", optarg);
}

static bool
parse_choice(int c, struct options *options)
{
	switch (c) {
	case '0':
		options->delimiter = '\0';
		return true;
	case 'b':
		options->output = OUTPUT_BODY;
		return true;
	case 'c':
		options->fail_fast = true;
		return true;
	case 'o':
		options->output = OUTPUT_FILES;
		options->directory = optarg;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	case 's':
		options->stats = true;
		return true;
	case 'u':
		options->unordered = true;
		return true;
	default:
		return bad(options, NULL, NULL);
	}
}

static bool
parse_value(int c, struct options *options)
{
	static const char is_no_job[] = "is not a number in 0..16384";
	static const char is_no_number[] = "is not a number in 0..1000";
	unsigned number = 0;
	int64_t ns = 0;
	bool ok;

	switch (c) {
	case 'd':
		return parse_seconds(options, &options->retry_delay_ns);
	case 'e':
		return parse_engine(options);
	case 'f':
		options->list = optarg;
		return true;
	case 'j':
		return parse_number(options, JOBS_MAX, is_no_job,
				    &options->jobs);
	case 'm':
		ok = parse_number(options, 1000, is_no_number, &number);
		options->redirects = (long)number;
		return ok;
	case 'r':
		return parse_number(options, 1000, is_no_number,
				    &options->retries);
	case 't':
		ok = parse_seconds(options, &ns);
		options->timeout_ms = (long)(ns / TPAR_MILLISECOND);
		return ok;
	default:
		return parse_choice(c, options);
	}
}

static void
set_defaults(struct options *options)
{
	memset(options, 0, sizeof *options);
	options->delimiter = '\n';
	options->retry_delay_ns = TPAR_SECOND;
	options->redirects = 10;
}

static const struct engine *
choose_engine(unsigned jobs)
{
#ifdef TPFETCH_MULTI
	if (jobs > THREADS_MAX) {
		return &engine_multi;
	}
#endif
	(void)jobs;
	return &engine_blocking;
}

enum command
options_parse(int argc, char **argv, struct options *options)
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
	bool body = false;
	int c;

	set_defaults(options);
	while ((c = getopt_long(argc, argv, "0j:o:q", known, NULL)) != -1) {
		if (c == 'h' || c == 'v') {
			return c == 'h' ? COMMAND_HELP : COMMAND_VERSION;
		}
		body |= c == 'b';
		if (!parse_value(c, options)) {
			return COMMAND_BAD;
		}
	}
	if (body && options->directory != NULL) {
		(void)bad(options, "cannot be used with --output", "--body");
		return COMMAND_BAD;
	}
	if (options->jobs == 0) {
		options->jobs = JOBS;
	}
	if (options->engine == NULL) {
		options->engine = choose_engine(options->jobs);
	}
	return COMMAND_RUN;
}
