/* SPDX-License-Identifier: MIT */
/*
 * steps.h - one thread plays several: a function of the test runs at the n-th
 * ordered access of the code under test, as another thread might just then.
 *
 * Include it before the header under test; it renames no access, it only puts
 * a call in front of each one that is not relaxed.
 */
#ifndef STEPS_H
#define STEPS_H

#include "src/atomics.h"
#include "src/base.h"

static void (*steps_meanwhile)(void *arg);
static void *steps_arg;
static unsigned steps_left; /* accesses until then */

static inline void
steps_count(void)
{
	void (*meanwhile)(void *arg) = steps_meanwhile;

	if (meanwhile != NULL && steps_left-- == 0) {
		steps_meanwhile = NULL;
		meanwhile(steps_arg);
	}
}

/* From here on: meanwhile(arg) comes before the n-th access, n from 0. */
static inline void
steps_at(unsigned n, void (*meanwhile)(void *arg), void *arg)
{
	steps_left = n;
	steps_arg = arg;
	steps_meanwhile = meanwhile;
}

/* true: it has come.  In any case it will not come any more. */
static inline bool
steps_end(void)
{
	bool came = steps_meanwhile == NULL;

	steps_meanwhile = NULL;
	return came;
}

#define memory_order_acquire (steps_count(), memory_order_acquire)
#define memory_order_release (steps_count(), memory_order_release)
#define memory_order_acq_rel (steps_count(), memory_order_acq_rel)
#define memory_order_seq_cst (steps_count(), memory_order_seq_cst)

#endif
