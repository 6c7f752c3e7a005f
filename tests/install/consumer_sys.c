/* SPDX-License-Identifier: MIT */
/*
 * consumer_sys.c - consumer.c with libtaskpar-sys, and what it does under a few
 * schedules; compiled with -include taskpar/sys-pthread.h.
 */
#include <stdio.h>
#include <taskpar.h>
#include <taskpar/sys.h>

static int
square(void *arg, void *value)
{
	long x = *(long *)arg;

	*(long *)value = x * x;
	return 0;
}

static long out[4];

static void
test(void *arg)
{
	long in[4] = { 1, 2, 3, 4 };

	(void)arg;
	TPAR_SYS_CHECK(tpar_map(NULL, square, in, sizeof in[0], out,
				sizeof out[0], 4, NULL) == TPAR_OK);
	TPAR_SYS_CHECK(out[0] == 1 && out[3] == 16);
}

int
main(void)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	struct tpar_sys_report report;

	config.seeds = 20;
	if (tpar_sys_run(&config, test, NULL, &report) != TPAR_OK ||
	    report.runs != 20) {
		return 1;
	}
	/* Outside of runs it is the library as ever. */
	test(NULL);
	printf("%s %ld %ld %ld %ld\n", tpar_version(), out[0], out[1], out[2],
	       out[3]);
	return 0;
}
