/* SPDX-License-Identifier: MIT */
/*
 * tpsum_options.c - the command line of tpsum.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

static enum command
bad(struct options *options, const char *fault, const char *culprit)
{
	options->fault = fault;
	options->culprit = culprit;
	return COMMAND_BAD;
}

/* 0: it is no number of jobs. */
static unsigned
parse_jobs(const char *text)
{
	unsigned long n;
	char *rest;

	errno = 0;
	n = strtoul(text, &rest, 10);
	return *text < '0' || *text > '9' || *rest != '\0' || errno != 0 ||
			       n > 4096
		       ? 0
		       : (unsigned)n;
}

/* The later one of --quiet, --status and --warn counts. */
static void
choose_verbosity(struct options *options, int option)
{
	options->quiet = option == 'q';
	options->status = option == 's';
	options->warn = option == 'w';
}

static enum command
check_options(struct options *options)
{
	static const char what[] =
		"is meaningful only when verifying checksums";

	if (options->check) {
		return COMMAND_RUN;
	}
	if (options->ignore_missing) {
		return bad(options, what, "--ignore-missing");
	}
	if (options->quiet) {
		return bad(options, what, "--quiet");
	}
	if (options->status) {
		return bad(options, what, "--status");
	}
	if (options->strict) {
		return bad(options, what, "--strict");
	}
	return options->warn ? bad(options, what, "--warn") : COMMAND_RUN;
}

enum command
options_parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "fail-fast", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "ignore-missing", no_argument, NULL, 'i' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "status", no_argument, NULL, 's' },
		{ "strict", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'v' },
		{ "warn", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "cj:w", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->check = true;
			break;
		case 'f':
			options->fail_fast = true;
			break;
		case 'h':
			return COMMAND_HELP;
		case 'i':
			options->ignore_missing = true;
			break;
		case 'j':
			options->workers = parse_jobs(optarg);
			if (options->workers == 0) {
				return bad(options,
					   "is not a number in 1..4096",
					   optarg);
			}
			break;
		case 't':
			options->strict = true;
			break;
		case 'v':
			return COMMAND_VERSION;
		case 'q':
		case 's':
		case 'w':
			choose_verbosity(options, c);
			break;
		default:
			return bad(options, NULL, NULL);
		}
	}
	return check_options(options);
}
