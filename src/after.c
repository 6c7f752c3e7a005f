/* SPDX-License-Identifier: MIT */
/*
 * after.c - callbacks: registering them, and the list of what is due.
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

void
tpi_after_due(struct tpi_callback *callback)
{
	struct tpi_thread *self = &tpi_thread_self;

	callback->due = NULL;
	if (self->due == NULL) {
		self->due = callback;
	} else {
		self->due_last->due = callback;
	}
	self->due_last = callback;
}

bool
tpi_after_withdraw(struct tpi_callback *callback)
{
	struct tpi_thread *self = &tpi_thread_self;
	struct tpi_callback *before = NULL;
	struct tpi_callback *at;

	for (at = self->due; at != NULL && at != callback; at = at->due) {
		before = at;
	}
	if (at == NULL) {
		return false;
	}
	if (before == NULL) {
		self->due = at->due;
	} else {
		before->due = at->due;
	}
	if (self->due_last == at) {
		self->due_last = before;
	}
	return true;
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
}
