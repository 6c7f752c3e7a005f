/* SPDX-License-Identifier: MIT */
/*
 * scenarios.c - runs the scenarios under schedules that a seed chooses; a TAP
 * producer.
 *
 *     tests/sys/scenarios [NAME...]
 *
 * Each is run for the seeds of the file first, then for a number of others:
 * TASKPAR_SYS_SEEDS, else a few.  SYS_FIRST is the first of those, SYS_SEED_FILE the
 * file.  What fails, and how to replay it, is on stderr: doc/SYS.md.  SYS_COUNT=1
 * says nothing there but goes on, and counts the seeds that fail.
 */
#include "sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* By `make check`, at TPAR_TEST_SCALE=100. */
#define SEEDS 200

static const struct scenario *const lists[] = {
	scenarios_of_sets,     scenarios_of_stops,    scenarios_of_pools,
	scenarios_of_scopes,   scenarios_of_promises, scenarios_of_forks,
	scenarios_of_blocking, scenarios_of_timers,
};

#define LISTS (sizeof lists / sizeof lists[0])

static const char *seed_file;
static int counts;
static int number;
static int failed;

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10)
					     : otherwise;
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
run(const struct scenario *s)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	uint64_t seeds = SEEDS * number_of("TPAR_TEST_SCALE", 100) / 100;
	struct tpar_sys_report report;
	double began = seconds();
	double took;
	enum tpar_err err;

	config.name = s->name;
	config.first = number_of("SYS_FIRST", 1);
	config.seeds = seeds > 0 ? seeds : 1;
	config.flags = s->flags;
	config.time_ns = s->time_ns != 0 ? s->time_ns : TPAR_SECOND;
	config.seed_file = seed_file;
	if (counts) {
		config.flags |= TPAR_SYS_KEEP_GOING | TPAR_SYS_SILENT;
		config.seed_file = NULL;
	}
	err = tpar_sys_run(&config, s->fn, NULL, &report);
	took = seconds() - began;
	number++;
	printf("%s %d - %s\n", err == TPAR_OK ? "ok" : "not ok", number,
	       s->name);
	if (err == TPAR_OK && report.runs > 0) {
		printf("# %" PRIu64 " seeds, %.0f/s, %" PRIu64 " steps and "
		       "%" PRIu64 " switches each\n",
		       report.runs, (double)report.runs / took,
		       report.steps / report.runs,
		       report.switches / report.runs);
	} else if (err != TPAR_OK) {
		failed = 1;
		printf("# %s %s\n# %" PRIu64 " of %" PRIu64 " fail, first "
		       "%" PRIu64 ": %s\n",
		       tpar_strerror(err), tpar_error_detail(), report.failed,
		       report.runs, report.seed, report.what);
	}
	fflush(stdout);
}

/* Are there names, and this is none of them? */
static int
is_left_out(const struct scenario *s, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], s->name) == 0) {
			return 0;
		}
	}
	return argc > 1;
}

int
main(int argc, char **argv)
{
	const struct scenario *s;
	size_t i;

	seed_file = getenv("SYS_SEED_FILE");
	counts = getenv("SYS_COUNT") != NULL;
	for (i = 0; i < LISTS; i++) {
		for (s = lists[i]; s->name != NULL; s++) {
			if (!is_left_out(s, argc, argv)) {
				run(s);
			}
		}
	}
	printf("1..%d\n", number);
	return failed;
}
