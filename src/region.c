/* SPDX-License-Identifier: MIT */
/*
 * region.c - the failure of a fork-join computation, and whether it has been
 * asked to stop.
 */
#include "config.h"

#include "err.h"
#include "failure.h"
#include "region.h"

#include <taskpar/forkjoin.h>

#include <stdio.h>

void
tpi_region_begin(struct tpi_region *region, const char *name)
{
	struct tpi_run *run = tpi_thread_self.run;

	region->run = run;
	region->outer = run->region;
	region->name = name;
	region->shielded = tpi_cancel_shielded_here();
	region->shields = run->shield;
	region->apart = run->shield > tpi_region_shields_below(run);
	atomic_init(&region->failed, 0);
	atomic_init(&region->skipped, 0);
	region->err = TPAR_OK;
	region->code = 0;
	region->message[0] = '\0';
	run->region = region;
}

void
tpi_region_end(struct tpi_region *region)
{
	tpi_thread_self.run->region = region->outer;
}

/*
 * Whoever is told of the failure begins no fork any more, even if who has failed
 * is still on the way to ask all for that.
 */
static void
skip_from_now_on(void)
{
	struct tpar_limits *limits = tpi_thread_self.limits;

	if (limits != NULL) {
		__atomic_store_n(&limits->fork, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&limits->join, UINTPTR_MAX, __ATOMIC_RELAXED);
	}
}

bool
tpi_region_stopped(struct tpi_region *region)
{
	struct tpi_run *run;

	for (; region != NULL; region = tpi_region_around(region)) {
		if (tpi_load_relaxed(&region->failed) != 0) {
			skip_from_now_on();
			return true;
		}
		/* One that it is part of may have failed all the same. */
		run = region->shielded ? NULL : region->run;
		for (; run != NULL; run = run->stopper) {
			if (tpi_cancel_requested(run->task)) {
				return true;
			}
		}
	}
	return false;
}

const char *
tpi_region_reason(struct tpi_region *region)
{
	struct tpi_run *run;

	for (; region != NULL; region = region->outer) {
		if (tpi_load_relaxed(&region->failed) != 0) {
			return "its computation has failed";
		}
		for (run = region->run; run != NULL; run = run->stopper) {
			if (tpi_cancel_requested(run->task)) {
				return tpi_cancel_reason_of(run->task);
			}
		}
	}
	return NULL;
}

bool
tpi_region_fail(struct tpi_region *region, enum tpar_err err, int code,
		const char *fmt, va_list args)
{
	uint32_t was = 0;

	/* ORDER L5 seq_cst -- tpi_region_failed(): fail, then poke all. */
	if (!atomic_compare_exchange_strong_explicit(&region->failed, &was, 1,
						     memory_order_seq_cst,
						     memory_order_relaxed)) {
		return false;
	}
	region->err = err;
	region->code = code;
	if (fmt != NULL) {
		tpi_format(region->message, sizeof region->message, fmt, args);
	}
	return true;
}

enum tpar_err
tpi_region_outcome(struct tpi_region *region, struct tpar_failure *why)
{
	enum tpar_err err = region->err;
	const char *name = region->name != NULL ? region->name : "task";

	/* One that it is part of has failed. */
	if (TPI_UNLIKELY(tpi_load_relaxed(&region->skipped) != 0) &&
	    err == TPAR_OK) {
		err = TPAR_ESTOPPED;
	}
	if (TPI_LIKELY(err == TPAR_OK)) {
		return err;
	}
	if (region->message[0] != '\0') {
		(void)tpi_err(err, "%s", region->message);
	} else if (err == TPAR_EFAILED) {
		(void)tpi_err(err, "%.64s failed with code %d", name,
			      region->code);
	} else {
		(void)tpi_err_plain(err);
	}
	tpi_failure_of_call(why, err);
	if (why != NULL && err == TPAR_EFAILED) {
		why->state = TPAR_FAILED;
		why->code = region->code;
		why->task = region->name;
	}
	return err;
}
