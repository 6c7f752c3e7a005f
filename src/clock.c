/* SPDX-License-Identifier: MIT */
/*
 * clock.c - reads CLOCK_MONOTONIC; makes deadlines.
 */
#include "config.h"

#include "clock.h"
#include "die.h"

#include <taskpar/base.h>

#include <time.h>

int64_t
tpi_clock_now(void)
{
	struct timespec now;

	TPI_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
tpar_in(int64_t ns)
{
	int64_t now = tpi_clock_now();

	if (ns > INT64_MAX - now) {
		return INT64_MAX;
	}
	return ns > 0 ? now + ns : now;
}
