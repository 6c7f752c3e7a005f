/* SPDX-License-Identifier: MIT */
/*
 * gather.c - the calls that wait for a set: they check it, wait (wait.c), and
 * collect values and outcomes or say why not.
 */
#include "config.h"

#include "audit.h"
#include "cycle.h"
#include "err.h"
#include "failure.h"
#include "fork.h"
#include "future.h"
#include "gather.h"
#include "thread.h"
#include "wait.h"

#include <stdint.h>
#include <string.h>

/*
 * Those that stand before `bad` may have ended after they were looked at, and
 * still before it: looks again.  ENDS: it only moves to the front.
 */
static TPI_NOINLINE struct tpar_future *
lowest_bad(tpar_future *const *f, struct tpar_future *bad)
{
	size_t i = 0;

	while (f[i] != bad) {
		uintptr_t word = tpi_state_get(&f[i]->state);

		if (tpi_state_phase(word) == TPI_ENDED &&
		    tpi_state_is_bad(word)) {
			bad = f[i];
			i = 0;
		} else {
			i++;
		}
	}
	return bad;
}

/* Says what is wrong with member i. */
static TPI_NOINLINE enum tpar_err
refuse_member(tpar_future *const *f, size_t i)
{
	if (f[i] == NULL) {
		return tpi_err(TPAR_EINVAL, "f[%zu] is NULL", i);
	}
	if (f[i] == tpi_thread_task()) {
		tpi_cycle_describe_self(f[i]);
		return TPAR_EDEADLK;
	}
	return tpi_err(TPAR_EINVAL,
		       "f[%zu] has a value of %u bytes, f[0] one of %u", i,
		       f[i]->value_size, f[0]->value_size);
}

static enum tpar_err
check_size(tpar_future *const *f, size_t n, bool values)
{
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	if (n > PTRDIFF_MAX / sizeof(tpar_future *)) {
		return tpi_err(TPAR_EINVAL, "n is %zu", n);
	}
	if (f[0] == NULL) {
		return refuse_member(f, 0);
	}
	if (values && f[0]->value_size > 0 &&
	    n > PTRDIFF_MAX / f[0]->value_size) {
		return tpi_err(TPAR_EINVAL, "n * value_size overflows");
	}
	return TPAR_OK;
}

/* n > 0.  `mixed`: sizes may differ; `values`: they are wanted. */
static TPI_INLINE enum tpar_err
look_over(tpar_future *const *f, size_t n, bool mixed, bool values,
	  struct tpi_survey *found)
{
	struct tpar_future *task = tpi_thread_task();
	enum tpar_err err = check_size(f, n, values);
	struct tpi_survey s = { .all_ended = true };
	unsigned flags = 0;
	size_t i;

	if (TPI_UNLIKELY(err != TPAR_OK)) {
		return err;
	}
	tpi_fork_look_all(f, n);
	s.value_size = f[0]->value_size;
	for (i = 0; i < n; i++) {
		struct tpar_future *one = f[i];
		uintptr_t word;

		tpi_audit_member(one, i);
		if (TPI_UNLIKELY(one == NULL || one == task ||
				 (!mixed && one->value_size != s.value_size))) {
			return refuse_member(f, i);
		}
		if (i + TPI_AHEAD < n && f[i + TPI_AHEAD] != NULL) {
			TPI_PREFETCH(&f[i + TPI_AHEAD]->state);
		}
		flags |= one->flags;
		word = tpi_state_get(&one->state);
		if (tpi_state_phase(word) != TPI_ENDED) {
			s.begin = s.all_ended ? i : s.begin;
			s.all_ended = false;
		} else if (TPI_UNLIKELY(tpi_state_is_bad(word))) {
			s.first_bad = s.first_bad ? s.first_bad : one;
			s.cancelled += (word & TPI_OUTCOME) == TPI_CANCELLED;
		} else {
			s.taken |= (word & TPI_TAKEN) != 0;
		}
	}
	if (TPI_UNLIKELY(s.first_bad != NULL)) {
		s.first_bad = lowest_bad(f, s.first_bad);
	}
	s.drops = (flags & TPI_F_DROP_VALUE) != 0;
	*found = s;
	return TPAR_OK;
}

enum tpar_err
tpi_gather_survey(tpar_future *const *f, size_t n, bool mixed, bool values,
		  struct tpi_survey *found)
{
	return look_over(f, n, mixed, values, found);
}

size_t
tpi_gather_index(tpar_future *const *f, const struct tpar_future *of)
{
	size_t i = 0;

	while (f[i] != of) {
		i++;
	}
	return i;
}

static bool
is_done(struct tpar_future *f)
{
	return !tpi_state_is_bad(tpi_state_get(&f->state));
}

/*
 * Takes every value that moves, or none: TAKEN is a reservation that is given
 * back if another one cannot be had.
 */
static bool
reserve_values(tpar_future *const *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bool moves = (f[i]->flags & TPI_F_DROP_VALUE) != 0;

		if (!is_done(f[i]) || (moves && tpi_future_take(f[i])) ||
		    (!moves &&
		     (tpi_load_relaxed(&f[i]->state.word) & TPI_TAKEN) == 0)) {
			continue;
		}
		for (; i > 0; i--) {
			if ((f[i - 1]->flags & TPI_F_DROP_VALUE) != 0 &&
			    is_done(f[i - 1])) {
				tpi_future_untake(f[i - 1]);
			}
		}
		return false;
	}
	return true;
}

/* Copies the values of the members, or of those that are done. */
static TPI_INLINE void
copy_values(tpar_future *const *f, size_t n, char *values, size_t size,
	    bool all_done)
{
	size_t i;

	for (i = 0; i < n; i++, values += size) {
		if (i + TPI_AHEAD < n) {
			TPI_PREFETCH(&f[i + TPI_AHEAD]->state);
		}
		if (all_done || is_done(f[i])) {
			memcpy(values, tpi_future_payload(f[i]), size);
		}
	}
}

/* `all_done` or not, of a set that has ended.  false: one was taken before. */
static TPI_INLINE bool
move_values(tpar_future *const *f, size_t n, void *values,
	    const struct tpi_survey *found, bool all_done)
{
	if (values == NULL) {
		return true;
	}
	if (TPI_UNLIKELY((found->drops || found->taken) &&
			 !reserve_values(f, n))) {
		return false;
	}
	if (found->value_size == sizeof(uint64_t)) {
		copy_values(f, n, values, sizeof(uint64_t), all_done);
	} else if (found->value_size > 0) {
		copy_values(f, n, values, found->value_size, all_done);
	}
	return true;
}

static TPI_INLINE enum tpar_err
collect(tpar_future *const *f, size_t n, void *values,
	const struct tpi_survey *found, bool all_done)
{
	return TPI_LIKELY(move_values(f, n, values, found, all_done))
		       ? TPAR_OK
		       : tpi_err(TPAR_EALREADY, "a value was taken before");
}

bool
tpi_gather_move(tpar_future *const *f, size_t n, void *values,
		const struct tpi_survey *found)
{
	return move_values(f, n, values, found, true);
}

/* Then whatever else happened does not count. */
bool
tpi_gather_is_complete(tpar_future *const *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uintptr_t word = tpi_state_get(&f[i]->state);

		if (tpi_state_phase(word) != TPI_ENDED ||
		    tpi_state_is_bad(word)) {
			return false;
		}
	}
	return true;
}

static enum tpar_err
fail(struct tpar_failure *why, enum tpar_err err)
{
	tpi_failure_of_call(why, err);
	return err;
}

/* The cause of a gather whose set is not complete. */
static enum tpar_err
explain(struct tpi_frame *frame, enum tpar_err err, struct tpar_failure *why)
{
	uintptr_t cause = tpi_frame_cause(frame);
	struct tpar_future *to_blame = (struct tpar_future *)cause;

	if (err == TPAR_OK) {
		switch (cause) {
		case TPI_STOPPED:
			return fail(why, tpi_err_plain(TPAR_ESTOPPED));
		case TPI_TIMED_OUT:
			return fail(why, tpi_err_plain(TPAR_ETIMEDOUT));
		default:
			break;
		}
	}
	if (err != TPAR_OK) {
		return fail(why, err);
	}
	return tpi_failure_of_member(why, to_blame,
				     tpi_gather_index(frame->f, to_blame));
}

static inline enum tpar_err
gather(tpar_future *const *f, size_t n, void *values, int64_t deadline_ns,
       struct tpar_failure *why)
{
	struct tpi_frame frame;
	struct tpi_survey found = { 0 };
	enum tpar_err err;

	if (n == 0) {
		return TPAR_OK;
	}
	err = look_over(f, n, false, values != NULL, &found);
	if (err != TPAR_OK) {
		return fail(why, err);
	}
	if (!found.all_ended || found.first_bad != NULL) {
		tpi_frame_init(&frame, TPI_WAIT_GATHER, f, n);
		err = tpi_wait_frame(&frame, deadline_ns, found.first_bad,
				     found.begin);
		if ((err != TPAR_OK || tpi_frame_cause(&frame) != 0) &&
		    !tpi_gather_is_complete(f, n)) {
			return explain(&frame, err, why);
		}
	}
	err = collect(f, n, values, &found, true);
	return err == TPAR_OK ? TPAR_OK : fail(why, err);
}

enum tpar_err
tpar_gather(tpar_future *const *f, size_t n, void *values,
	    struct tpar_failure *why)
{
	return gather(f, n, values, TPAR_FOREVER, why);
}

enum tpar_err
tpar_gather_until(tpar_future *const *f, size_t n, void *values,
		  int64_t deadline_ns, struct tpar_failure *why)
{
	return gather(f, n, values, deadline_ns, why);
}

static void
report(tpar_future *const *f, size_t n, struct tpar_outcome *outcomes)
{
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&outcomes[i], 0, sizeof outcomes[i]);
		outcomes[i].state = tpar_future_state(f[i]);
		outcomes[i].code = tpar_future_code(f[i]);
		outcomes[i].message = tpar_future_message(f[i]);
	}
}

static size_t
count_cancelled(tpar_future *const *f, size_t n)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		count += tpar_future_state(f[i]) == TPAR_CANCELLED;
	}
	return count;
}

enum tpar_err
tpar_gather_settled(tpar_future *const *f, size_t n, void *values,
		    struct tpar_outcome *outcomes)
{
	enum tpar_err moved;
	struct tpi_frame frame;
	struct tpi_survey found = { 0 };
	enum tpar_err err;

	if (n == 0) {
		return TPAR_OK;
	}
	err = look_over(f, n, false, values != NULL, &found);
	if (err != TPAR_OK) {
		return err;
	}
	if (!found.all_ended) {
		tpi_frame_init(&frame, TPI_WAIT_SETTLED, f, n);
		err = tpi_wait_frame(&frame, TPAR_FOREVER, NULL, found.begin);
		if (err == TPAR_EDEADLK) {
			return err;
		}
		if (err == TPAR_OK && tpi_frame_cause(&frame) == TPI_STOPPED &&
		    count_cancelled(f, n) > found.cancelled) {
			err = tpi_err_plain(TPAR_ESTOPPED);
		}
	}
	moved = collect(f, n, values, &found, false);
	if (moved != TPAR_OK) {
		return moved;
	}
	if (outcomes != NULL) {
		report(f, n, outcomes);
	}
	return err;
}

enum tpar_err
tpar_wait_all(tpar_future *const *f, size_t n, int64_t deadline_ns)
{
	struct tpi_frame frame;
	struct tpi_survey found = { 0 };
	enum tpar_err err;

	if (n == 0) {
		return TPAR_OK;
	}
	err = look_over(f, n, true, false, &found);
	if (err != TPAR_OK) {
		return err;
	}
	if (found.all_ended) {
		return TPAR_OK;
	}
	tpi_frame_init(&frame, TPI_WAIT_ONLY, f, n);
	return tpi_wait_frame(&frame, deadline_ns, NULL, found.begin);
}
