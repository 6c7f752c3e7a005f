/* SPDX-License-Identifier: MIT */
/*
 * 11_io.c - libtaskpar-io: futures for descriptors, times and processes, in the
 * same sets as those of tasks.  cc 11_io.c $(pkg-config --cflags --libs taskpar-io)
 */
#include <stdio.h>
#include <taskpar.h>
#include <taskpar/io.h>
#include <unistd.h>

/* A task; what it writes makes the other end of the pipe readable. */
static int
compute(void *arg, void *value)
{
	*(unsigned *)value = 6 * 7;
	return write(*(int *)arg, "!", 1) == 1 ? 0 : 1;
}

int
main(void)
{
	const char *argv[] = { "echo", "hello from a process", NULL };
	struct tpar_io_spawn echo = TPAR_IO_SPAWN_INIT;
	struct tpar_failure why;
	const struct tpar_io_exit *end;
	tpar_future *f[2];
	unsigned values[2];
	size_t winner;
	int ends[2];
	int code;

	/* A task and a descriptor: values in order, the first failure stops. */
	if (pipe(ends) != 0 ||
	    tpar_submit(NULL, compute, &ends[1], sizeof(unsigned), &f[0]) !=
		    TPAR_OK ||
	    tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]) != TPAR_OK)
		return 1;
	if (tpar_gather(f, 2, values, &why) != TPAR_OK) {
		fprintf(stderr, "%s\n", why.message);
		return 1;
	}
	printf("%u, and the pipe is %sreadable\n", values[0],
	       values[1] & TPAR_IO_READABLE ? "" : "not ");
	tpar_future_unref_all(f, 2);

	/* The first of two is enough; the other one is stopped. */
	if (tpar_io_timer(tpar_in(10 * TPAR_MILLISECOND), &f[0]) != TPAR_OK ||
	    tpar_io_timer(tpar_in(3600 * TPAR_SECOND), &f[1]) != TPAR_OK ||
	    tpar_race(f, 2, NULL, &winner, &why) != TPAR_OK)
		return 1;
	printf("timer %zu was first\n", winner);
	tpar_future_unref_all(f, 2);

	/* A process; killed if it takes longer than a minute. */
	echo.argv = argv;
	if (tpar_io_spawn(&echo, &f[0]) != TPAR_OK ||
	    tpar_future_cancel_at(f[0], tpar_in(60 * TPAR_SECOND)) ==
		    TPAR_ENOMEM ||
	    tpar_future_wait(f[0], TPAR_FOREVER) != TPAR_OK)
		return 1;
	end = tpar_future_value(f[0]);
	printf("%s", end->output);
	code = end->code;
	tpar_future_unref(f[0]);
	return code;
}
