/* SPDX-License-Identifier: MIT */
/*
 * choice.c - waits that one member decides: the first that ends, or the first
 * that is done.
 */
#include "config.h"

#include "err.h"
#include "failure.h"
#include "future.h"
#include "gather.h"
#include "wait.h"

#include <string.h>

/* The first position whose member is seen to have ended, as done if `done`; n: none. */
static size_t
look_for_ended(tpar_future *const *f, size_t n, bool done)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uintptr_t word = tpi_state_get(&f[i]->state);

		if (tpi_state_phase(word) == TPI_ENDED &&
		    !(done && tpi_state_is_bad(word))) {
			break;
		}
	}
	return i;
}

/*
 * The lowest such position; n: none.  While one looks at the later ones, earlier
 * ones may end, and the same member may stand at several: so those below what
 * was found are looked at again.
 */
static size_t
lowest_ended(tpar_future *const *f, size_t n, bool done)
{
	size_t lowest = n;
	size_t found = look_for_ended(f, n, done);

	/* ENDS: it gets lower each time. */
	while (found < lowest) {
		lowest = found;
		found = look_for_ended(f, lowest, done);
	}
	return lowest;
}

/* The member that is the cause; n: none is. */
static size_t
decided_by(struct tpi_frame *frame)
{
	uintptr_t cause = tpi_frame_cause(frame);

	return cause > TPI_USED_UP
		       ? tpi_gather_index(frame->f, (struct tpar_future *)cause)
		       : frame->n;
}

enum tpar_err
tpar_wait_any(tpar_future *const *f, size_t n, int64_t deadline_ns,
	      size_t *index)
{
	struct tpi_survey found;
	struct tpi_frame frame;
	enum tpar_err err;
	size_t i;

	if (n == 0) {
		return tpi_err(TPAR_EINVAL, "n is 0: none can end");
	}
	err = tpi_gather_survey(f, n, true, false, &found);
	if (err != TPAR_OK) {
		return err;
	}
	i = lowest_ended(f, n, false);
	if (i == n) {
		tpi_frame_init(&frame, TPI_WAIT_ANY, f, n);
		err = tpi_wait_frame(&frame, deadline_ns, NULL, 0);
		if (err != TPAR_OK) {
			return err;
		}
		i = decided_by(&frame);
		i = i < n ? i : lowest_ended(f, n, false);
	}
	if (index != NULL) {
		*index = i;
	}
	return TPAR_OK;
}

/* Gives the winner's value out. */
static enum tpar_err
award(tpar_future *const *f, size_t i, void *value, size_t *index,
      struct tpar_failure *why)
{
	bool moves = (f[i]->flags & TPI_F_DROP_VALUE) != 0;

	if (value != NULL) {
		if ((moves && !tpi_future_take(f[i])) ||
		    (!moves && (tpi_state_get(&f[i]->state) & TPI_TAKEN))) {
			enum tpar_err err =
				tpi_err(TPAR_EALREADY, "its value was taken "
						       "before");

			tpi_failure_of_call(why, err);
			return err;
		}
		memcpy(value, tpi_future_payload(f[i]), f[i]->value_size);
	}
	if (index != NULL) {
		*index = i;
	}
	return TPAR_OK;
}

/* There is no winner: why? */
static enum tpar_err
explain(struct tpi_frame *frame, enum tpar_err err, struct tpar_failure *why)
{
	struct tpar_future *bad = tpi_frame_first_bad(frame);

	if (err == TPAR_OK && tpi_frame_cause(frame) == TPI_STOPPED) {
		err = tpi_err_plain(TPAR_ESTOPPED);
	}
	if (err == TPAR_OK && bad != NULL) {
		return tpi_failure_of_member(why, bad,
					     tpi_gather_index(frame->f, bad));
	}
	tpi_failure_of_call(why, err);
	return err;
}

enum tpar_err
tpar_race(tpar_future *const *f, size_t n, void *value, size_t *index,
	  struct tpar_failure *why)
{
	struct tpi_survey found;
	struct tpi_frame frame;
	enum tpar_err err;
	size_t i;

	if (n == 0) {
		err = tpi_err(TPAR_EINVAL, "n is 0: none can win");
	} else {
		err = tpi_gather_survey(f, n, false, value != NULL, &found);
	}
	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
		return err;
	}
	i = lowest_ended(f, n, true);
	tpi_frame_init(&frame, TPI_WAIT_RACE, f, n);
	if (found.first_bad != NULL) {
		(void)tpi_frame_blame(&frame, found.first_bad, TPI_FAILED);
	}
	if (!found.all_ended) {
		err = tpi_wait_frame(&frame, TPAR_FOREVER, i < n ? f[i] : NULL,
				     found.begin);
		i = decided_by(&frame);
		i = i < n ? i : lowest_ended(f, n, true);
	}
	return i < n && err != TPAR_EDEADLK ? award(f, i, value, index, why)
					    : explain(&frame, err, why);
}
