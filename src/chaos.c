/* SPDX-License-Identifier: MIT */
/*
 * chaos.c - points (point.h) at which a thread gives the processor away now and
 * then, so that what happens rarely happens in a test: configure --enable-chaos.
 *
 * TASKPAR_CHAOS is a seed; without one, and with 0, nothing happens.  A seed
 * chooses how often, too.  It does not replay a run: the system's scheduler has
 * a say, and threads are numbered as they come.
 */
#include "config.h"

#include "environ.h"
#include "point.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of this many points one sleeps, at the least; a power of two. */
#define RAREST 4096

#define MIX UINT64_C(0x9e3779b97f4a7c15)

static uint64_t seed; /* 0: off; written before there are threads */
static uint64_t threads;
static _Thread_local uint64_t state;

__attribute__((constructor)) static void
read_seed(void)
{
	const char *text = tpi_environ_get("TASKPAR_CHAOS");

	seed = text != NULL ? strtoull(text, NULL, 10) : 0;
}

static uint64_t
next(void)
{
	if (state == 0) {
		/* Not one of atomics.h, which would come back here. */
		state = (seed +
			 __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED)) *
			MIX;
	}
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Not by nanosleep(), at which a thread may be cancelled. */
static void
nap(long ns)
{
	struct timespec time = { 0, ns };

	syscall(SYS_nanosleep, &time, NULL);
}

static void
spin(unsigned n)
{
	volatile unsigned i;

	for (i = 0; i < n; i++) {
	}
}

void
tpi_point(void)
{
	int before = errno;
	unsigned often;
	unsigned drawn;
	uint64_t r;

	if (seed == 0) {
		return;
	}
	r = next();
	often = 1u << (seed % 3);
	drawn = (unsigned)(r >> 40) % RAREST;
	if (drawn < often) {
		nap(1000 * (long)(r & 63));
	} else if (drawn < 16 * often) {
		sched_yield();
	} else if (drawn < 32 * often) {
		spin((unsigned)(r & 255));
	}
	errno = before;
}

void
tpi_cpu_pause(void)
{
	tpi_point();
	spin(10);
}

void
tpi_yield(void)
{
	tpi_point();
	sched_yield();
}
