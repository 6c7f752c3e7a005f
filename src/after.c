/* SPDX-License-Identifier: MIT */
/*
 * after.c - callbacks: registering them, and the lists of what is due, and of what
 * comes after that as it may block.
 */
#include "config.h"

#include "after.h"
#include "future.h"

bool
tpi_after(struct tpar_future *f, struct tpi_callback *callback,
	  void (*fn)(struct tpi_callback *callback, struct tpar_future *f))
{
	uintptr_t word;

	callback->waiter.frame = NULL;
	callback->fn = fn;
	callback->f = f;
	callback->due = NULL;
	tpi_future_retain(f);
	word = tpi_state_push_waiter(&f->state, &callback->waiter,
				     &callback->waiter.next);
	if (tpi_state_phase(word) != TPI_ENDED) {
		return true;
	}
	tpi_future_release(f);
	return false;
}

static void
append(struct tpi_callback **first, struct tpi_callback **last,
       struct tpi_callback *callback)
{
	callback->due = NULL;
	if (*first == NULL) {
		*first = callback;
	} else {
		(*last)->due = callback;
	}
	*last = callback;
}

void
tpi_after_due(struct tpi_callback *callback)
{
	append(&tpi_thread_self.due, &tpi_thread_self.due_last, callback);
}

void
tpi_after_late(struct tpi_callback *callback,
	       void (*fn)(struct tpi_callback *callback, struct tpar_future *f))
{
	callback->fn = fn;
	append(&tpi_thread_self.late, &tpi_thread_self.late_last, callback);
}

/* false: it is not in this list. */
static bool
take_out(struct tpi_callback **first, struct tpi_callback **last,
	 const struct tpi_callback *callback)
{
	struct tpi_callback *before = NULL;
	struct tpi_callback *at;

	for (at = *first; at != NULL && at != callback; at = at->due) {
		before = at;
	}
	if (at == NULL) {
		return false;
	}
	if (before == NULL) {
		*first = at->due;
	} else {
		before->due = at->due;
	}
	if (*last == at) {
		*last = before;
	}
	return true;
}

bool
tpi_after_withdraw(struct tpi_callback *callback)
{
	struct tpi_thread *self = &tpi_thread_self;

	return take_out(&self->due, &self->due_last, callback) ||
	       take_out(&self->late, &self->late_last, callback);
}

/*
 * The oldest one; NULL: nothing is due any more.  Not inlined: gcc 12 with both
 * sanitizers computes the address of the thread's structure in the loop with an
 * instruction that leaves the flags alone, and then tests the flags.
 */
static TPI_NOINLINE struct tpi_callback *
take_due(struct tpi_thread *self)
{
	struct tpi_callback *callback = self->due;

	if (callback != NULL) {
		self->due = callback->due;
	}
	return callback;
}

/* What they add in turn comes after them. */
static void
run_late(struct tpi_thread *self)
{
	struct tpi_callback *callback;

	self->late_running = true;
	/* ENDS: as what is due. */
	while ((callback = self->late) != NULL) {
		self->late = callback->due;
		callback->fn(callback, NULL);
	}
	self->late_running = false;
}

void
tpi_after_run_due(void)
{
	struct tpi_thread *self = &tpi_thread_self;
	struct tpi_callback *callback;

	self->due_running = true;
	/* ENDS: each future ends once; what a callback adds is the program's. */
	while ((callback = take_due(self)) != NULL) {
		struct tpar_future *f = callback->f;

		callback->fn(callback, f);
		if (f != NULL) {
			tpi_future_release(f);
		}
	}
	self->due_running = false;
	if (TPI_UNLIKELY(self->late != NULL) && !self->late_running) {
		run_late(self);
	}
}
