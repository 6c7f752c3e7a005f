/* SPDX-License-Identifier: MIT */
/*
 * io.c - libtaskpar-io under the soak, if there is one: timers, some of which
 * are cancelled, and bytes through pipes.
 */
#include "soak.h"

#ifdef SOAK_IO_LIBRARY

#include <taskpar/io.h>

#include <fcntl.h>
#include <unistd.h>

enum { TIMERS = 32, BYTES = 20000 };

static void
run_timers(struct soak_random *random)
{
	unsigned n = 1 + soak_below(random, TIMERS);
	tpar_future *f[TIMERS];
	enum tpar_err err;
	unsigned i;

	for (i = 0; i < n; i++) {
		SOAK_MUST(tpar_io_timer(
				  tpar_in((int64_t)soak_below(random, 2000000)),
				  &f[i]) == TPAR_OK);
	}
	if (soak_chance(random, 50)) {
		SOAK_MUST(tpar_gather(f, n, NULL, NULL) == TPAR_OK);
	} else {
		err = tpar_gather_until(
			f, n, NULL,
			tpar_in((int64_t)soak_below(random, 1000000)), NULL);
		SOAK_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
	}
	tpar_future_unref_all(f, n);
	soak_add(SOAK_IO, n);
}

static void
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	SOAK_MUST(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

static size_t
read_some(int fd, char *buffer, size_t size)
{
	tpar_future *f = NULL;
	size_t n = 0;

	SOAK_MUST(tpar_io_read(fd, buffer, size, &f) == TPAR_OK);
	SOAK_MUST(tpar_gather(&f, 1, &n, NULL) == TPAR_OK);
	tpar_future_unref(f);
	soak_add(SOAK_IO, 1);
	return n;
}

/* More than a pipe holds, perhaps: written while it is read. */
static void
run_pipe(struct soak_random *random)
{
	size_t size = 1 + soak_below(random, BYTES);
	char *out = malloc(size);
	char *in = malloc(size);
	tpar_future *f = NULL;
	size_t done = 0;
	int ends[2];

	SOAK_MUST(out != NULL && in != NULL && pipe(ends) == 0);
	memset(out, (int)soak_below(random, 256), size);
	set_nonblocking(ends[0]);
	set_nonblocking(ends[1]);
	SOAK_MUST(tpar_io_write(ends[1], out, size, &f) == TPAR_OK);
	while (done < size) {
		size_t n = read_some(ends[0], in + done, size - done);

		SOAK_MUST(n > 0);
		done += n;
	}
	SOAK_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	SOAK_MUST(memcmp(in, out, size) == 0);
	SOAK_MUST(tpar_io_close(ends[0]) == TPAR_OK);
	SOAK_MUST(tpar_io_close(ends[1]) == TPAR_OK);
	free(out);
	free(in);
	soak_add(SOAK_IO, 1);
}

/* Nothing comes: the read is cancelled. */
static void
run_silent_pipe(void)
{
	tpar_future *f = NULL;
	char byte;
	int ends[2];

	SOAK_MUST(pipe(ends) == 0);
	set_nonblocking(ends[0]);
	SOAK_MUST(tpar_io_read(ends[0], &byte, 1, &f) == TPAR_OK);
	SOAK_MUST(tpar_future_cancel(f) == TPAR_OK);
	SOAK_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	tpar_future_unref(f);
	SOAK_MUST(tpar_io_close(ends[0]) == TPAR_OK);
	SOAK_MUST(close(ends[1]) == 0);
	soak_add(SOAK_IO, 1);
}

void
soak_io(struct soak_load *load)
{
	switch (soak_below(&load->random, 3)) {
	case 0:
		soak_step(load, "timers");
		run_timers(&load->random);
		break;
	case 1:
		soak_step(load, "a pipe");
		run_pipe(&load->random);
		break;
	default:
		soak_step(load, "a silent pipe");
		run_silent_pipe();
		break;
	}
}

/* libuv keeps a pipe for signals from its first loop on. */
void
soak_io_begin(void)
{
	run_silent_pipe();
	soak_io_end();
}

void
soak_io_end(void)
{
	SOAK_MUST(tpar_io_shutdown() == TPAR_OK);
}

#else

void
soak_io(struct soak_load *load)
{
	(void)load;
}

void
soak_io_begin(void)
{
}

void
soak_io_end(void)
{
}

#endif
