/* SPDX-License-Identifier: MIT */
/*
 * future.c - making, holding, ending and reading futures.
 *
 * The value of a future with a drop function belongs to whoever sets TAKEN.
 * Who releases the last handle drops it, or marks the future as abandoned if
 * its task has not ended; then the one who ends it does (F5).
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "eventfd.h"
#include "fork.h"
#include "frame.h"
#include "future.h"
#include "interrupt.h"
#include "scope.h"
#include "thread.h"

#include <taskpar/base.h>
#include <taskpar/blocking.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SIZE_MAX ((size_t)1 << 30)
#define SMALL_OFFSET offsetof(struct tpar_future, small)

/* Small values are zeroed as a whole. */
static size_t
value_room(size_t value_size)
{
	return value_size > TPI_INLINE_VALUE ? value_size : TPI_INLINE_VALUE;
}

bool
tpi_future_shape_slow(const struct tpar_task *task, struct tpi_shape *shape)
{
	size_t align = task->value_align ? task->value_align : TPI_INLINE_VALUE;
	bool ext = task->group != NULL || task->context != NULL ||
		   (task->flags & TPAR_BLOCKING) != 0 ||
		   tpi_future_context_here() != NULL;
	size_t fixed =
		sizeof(struct tpar_future) + (ext ? sizeof(struct tpi_ext) : 0);
	size_t room = value_room(task->value_size);
	size_t offset = SMALL_OFFSET;
	unsigned class = 0;

	if (task->value_size > VALUE_SIZE_MAX || align > TPAR_ALIGN_MAX ||
	    (align & (align - 1)) != 0) {
		return false;
	}
	if (align > TPI_INLINE_VALUE || (ext && room > TPI_INLINE_VALUE)) {
		offset = (fixed + align - 1) / align * align;
	}
	shape->value_size = (uint32_t)task->value_size;
	shape->value_offset = (uint16_t)offset;
	shape->block_size = offset + room > fixed ? offset + room : fixed;
	shape->block_align = align > TPI_CACHELINE ? align : TPI_CACHELINE;
	while (class < TPI_CLASSES &&
	       shape->block_size > TPI_CLASS_SIZE(class)) {
		class ++;
	}
	if (align > TPI_CACHELINE) {
		class = TPI_CLASS_LARGE;
	}
	shape->flags = tpi_future_flags(task, class);
	shape->flags |= ext ? TPI_F_EXT : 0;
	return true;
}

void
tpi_future_fill_ext(struct tpar_future *f, const struct tpar_task *task)
{
	struct tpi_ext *ext = tpi_future_ext(f);

	memset(ext, 0, sizeof *ext);
	ext->context = task->context != NULL ? task->context
					     : tpi_future_context_here();
	ext->group = task->group;
	ext->blocking = (task->flags & TPAR_BLOCKING) != 0;
}

void *
tpar_context(void)
{
	return tpi_future_context_here();
}

static inline void
free_block(struct tpi_heap *own, struct tpar_future *f)
{
	unsigned class = tpi_future_class(f);

	tpi_future_poison(f);
	if (TPI_LIKELY(class != TPI_CLASS_LARGE && tpi_heap_of(f) == own)) {
		tpi_heap_put_own(own, &f->link, class);
		return;
	}
	tpi_heap_put(own, f, f->value_offset + value_room(f->value_size));
}

void
tpi_future_discard(struct tpi_heap *own, struct tpar_future *f)
{
	tpi_audit_discarded(f);
	free_block(own, f);
}

/* Gathers may nest to any depth: no recursion, each knows where it is in. */
static void
free_drops(struct tpi_drops *drops)
{
	struct tpi_drops *next;

	drops->outer = NULL;
	for (; drops != NULL; drops = next) {
		if (drops->n == 0) {
			next = drops->outer;
			free(drops);
			continue;
		}
		next = drops->item[--drops->n].nested;
		if (next != NULL) {
			next->outer = drops;
		} else {
			next = drops;
		}
	}
}

/* The values of those nested lie in those of the outer ones, in order. */
static void
drop_many(struct tpi_drops *drops, char *values)
{
	struct tpi_drop *item;

	drops->outer = NULL;
	drops->next = 0;
	do {
		if (drops->next == drops->n) {
			drops = drops->outer;
			continue;
		}
		item = &drops->item[drops->next++];
		if (item->nested != NULL) {
			item->nested->outer = drops;
			item->nested->next = 0;
			drops = item->nested;
			continue;
		}
		if (item->fn != NULL) {
			item->fn(values);
		}
		values += drops->size;
	} while (drops != NULL);
}

/* Drops the value unless somebody took it; the caller knows f is alive. */
static void
drop_value(struct tpar_future *f, uintptr_t word)
{
	if ((f->flags & TPI_F_DROP_VALUE) != 0 &&
	    tpi_state_phase(word) == TPI_ENDED && !tpi_state_is_bad(word) &&
	    tpi_state_take(&f->state)) {
		struct tpi_interrupt *paused = tpi_interrupt_pause();

		tpi_audit_drop_value(f);
		if (f->drop_value != NULL) {
			f->drop_value(tpi_future_payload(f));
		} else {
			drop_many(f->arg, tpi_future_payload(f));
		}
		tpi_interrupt_resume(paused);
	}
}

/* Nobody holds it any more: drops what it still owns. */
static inline void
clean(struct tpar_future *f)
{
	uintptr_t word = tpi_state_get(&f->state);

	if (TPI_UNLIKELY((f->flags & TPI_F_DROP_VALUE) != 0)) {
		drop_value(f, word);
		if (f->drop_value == NULL && !tpi_state_is_bad(word) &&
		    f->arg != NULL) {
			free_drops(f->arg);
		}
	}
	if (TPI_UNLIKELY((word & (TPI_MESSAGE | TPI_HAS_FD)) != 0)) {
		if ((word & TPI_MESSAGE) != 0) {
			tpi_future_free_text(f, f->arg);
		}
		if ((word & TPI_HAS_FD) != 0) {
			tpi_eventfd_close(f);
		}
	}
	tpi_audit_freed(f);
}

char *
tpi_future_copy_text(struct tpar_future *f, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = tpi_arena_alloc(tpi_future_home(f)->arena, size,
				     sizeof(void *));

	if (copy != NULL) {
		memcpy(copy, text, size);
	}
	return copy;
}

void
tpi_future_free_text(struct tpar_future *f, char *text)
{
	tpi_arena_free(tpi_future_home(f)->arena, text, strlen(text) + 1);
}

void
tpi_future_dispose(struct tpar_future *f)
{
	clean(f);
	free_block(tpi_thread_self.heap, f);
}

/*
 * Gives up a handle.  true: nobody holds the future any more, it has been
 * cleaned and the caller frees its block.
 */
static TPI_NOINLINE bool
release_handle_and_value(struct tpar_future *f)
{
	uint64_t hold = TPI_MEMREF;
	uint64_t before;

	/* The handle becomes a reference, so that f can still be looked at. */
	/* ORDER F7 acq_rel -- release_handle_and_value(): use by the others. */
	before = atomic_fetch_add_explicit(&f->holds, TPI_MEMREF - TPI_HANDLE,
					   memory_order_acq_rel);
	if (TPI_HANDLES(before) == 1) {
		drop_value(f, tpi_state_abandon(&f->state));
		hold += tpi_future_debt(f);
	}
	if (!tpi_future_let_go(f, hold)) {
		return false;
	}
	clean(f);
	return true;
}

static TPI_INLINE bool
release_handle(struct tpar_future *f)
{
	if (TPI_UNLIKELY((f->flags & TPI_F_DROP_VALUE) != 0)) {
		return release_handle_and_value(f);
	}
	if (!tpi_future_let_go_handle(f)) {
		return false;
	}
	clean(f);
	return true;
}

void
tpar_future_unref(tpar_future *f)
{
	tpi_audit_unref(f, "tpar_future_unref()");
	if (f != NULL && release_handle(f)) {
		free_block(tpi_thread_self.heap, f);
	}
}

/* Blocks of one home on their way back. */
struct chain {
	struct tpi_heap *home;
	struct tpi_link *first;
	struct tpi_link *last;
	size_t n;
};

static void
flush(struct chain *chain)
{
	if (chain->n > 0) {
		tpi_heap_put_chain(chain->home, chain->first, chain->last,
				   chain->n);
		chain->n = 0;
	}
}

void
tpar_future_unref_all(tpar_future **f, size_t n)
{
	struct tpi_heap *own = tpi_thread_self.heap;
	struct chain chain = { NULL, NULL, NULL, 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		struct tpar_future *one = f[i];
		struct tpi_heap *home;

		if (i + TPI_AHEAD < n && f[i + TPI_AHEAD] != NULL) {
			TPI_PREFETCH(&f[i + TPI_AHEAD]->state);
		}
		if (one == NULL) {
			continue;
		}
		f[i] = NULL;
		tpi_audit_unref(one, "tpar_future_unref_all()");
		if (!release_handle(one)) {
			continue;
		}
		home = tpi_future_home(one);
		if (TPI_LIKELY(home == own) ||
		    tpi_future_class(one) == TPI_CLASS_LARGE) {
			free_block(own, one);
			continue;
		}
		tpi_future_poison(one);
		if (chain.n == 0 || chain.home != home) {
			flush(&chain);
			chain.home = home;
			chain.last = &one->link;
		} else {
			tpi_store_relaxed(&one->link.next, chain.first);
		}
		chain.first = &one->link;
		chain.n++;
	}
	flush(&chain);
}

tpar_future *
tpar_future_ref(tpar_future *f)
{
	tpi_audit_ref(f, "tpar_future_ref()");
	atomic_fetch_add_explicit(&f->holds, TPI_HANDLE, memory_order_relaxed);
	return f;
}

static TPI_NOINLINE void
tell_all(struct tpar_future *f, uintptr_t before, unsigned outcome)
{
	struct tpi_waiter *waiter = tpi_state_waiters(before);
	struct tpi_waiter *next;
	struct tpi_callback *due = NULL;
	struct tpi_callback *callback;

	if (TPI_UNLIKELY((before & TPI_REMOVAL) != 0)) {
		tpi_frame_await_removal(f);
	}
	outcome &= TPI_OUTCOME;
	if (TPI_UNLIKELY(outcome != TPI_DONE)) {
		waiter = tpi_cancel_siblings(waiter, f, outcome);
	}
	for (; waiter != NULL; waiter = next) {
		struct tpi_frame *frame = waiter->frame;

		next = waiter->next;
		if (TPI_UNLIKELY(frame == NULL)) {
			/* The list is newest first, they are called oldest first. */
			callback = TPI_CONTAINER(waiter, struct tpi_callback,
						 waiter);
			callback->due = due;
			due = callback;
			continue;
		}
		if (TPI_UNLIKELY(tpi_frame_is_choice(frame)) &&
		    tpi_cancel_rivals(frame, f, outcome)) {
			continue;
		}
		tpi_frame_member_off(frame);
	}
	for (; TPI_UNLIKELY(due != NULL); due = callback) {
		callback = due->due;
		tpi_after_due(due);
	}
	tpi_after_run();
}

/* The state word was `before`: the waiters in it are signalled. */
void
tpi_future_ended(struct tpar_future *f, uintptr_t before, unsigned outcome)
{
	struct tpi_waiter *waiter = tpi_state_waiters(before);
	struct tpi_frame *frame = waiter->frame;

	/* One wait of the common kinds, which is content. */
	if (TPI_LIKELY((outcome & TPI_OUTCOME) == TPI_DONE &&
		       (before & TPI_REMOVAL) == 0 && frame != NULL &&
		       waiter->next == NULL && !tpi_frame_is_choice(frame))) {
		tpi_frame_member_off(frame);
		tpi_after_run();
		return;
	}
	tell_all(f, before, outcome);
}

/* RELEASE POINT: f, for a caller that holds no reference to it. */
static void
finish(struct tpar_future *f, unsigned outcome)
{
	bool child =
		(f->flags & TPI_F_EXT) != 0 && tpi_future_ext(f)->group != NULL;
	uintptr_t before;

	tpi_audit_end(f, outcome);
	before = tpi_state_finish(&f->state, outcome);
	if (TPI_UNLIKELY((before & TPI_ABANDONED) != 0)) {
		drop_value(f, (uintptr_t)TPI_ENDED | outcome);
	}
	if (TPI_UNLIKELY(child)) {
		/* Its group holds it: first to know, last to let it go. */
		tpi_scope_child_ended(f, outcome & TPI_OUTCOME);
	}
	if (tpi_state_waiters(before) != NULL) {
		tpi_future_ended(f, before, outcome);
	}
	if (TPI_UNLIKELY(child)) {
		tpi_scope_child_off(f);
	}
}

/* As part of f's task, whoever does it; what it says with tpar_fail() is lost. */
static void
drop_arg(struct tpar_future *f)
{
	struct tpi_thread *self = &tpi_thread_self;
	struct tpi_run run = { .task = f, .outer = self->run, .ending = true };
	struct tpi_interrupt *paused = tpi_interrupt_pause();

	tpi_audit_drop_arg(f);
	self->run = &run;
	f->drop_arg(f->arg);
	if (TPI_UNLIKELY(run.blocking > 0)) {
		/* What it has left open ends with it. */
		run.blocking = 1;
		tpar_blocking_leave();
	}
	self->run = run.outer;
	tpi_interrupt_resume(paused);
	if (run.message != NULL) {
		tpi_future_free_text(f, run.message);
	}
}

void
tpi_future_end(struct tpar_future *f, int rc, char *message)
{
	unsigned outcome = rc == 0		 ? TPI_DONE
			   : rc == TPAR_ESTOPPED ? TPI_CANCELLED
						 : TPI_FAILED;

	if (TPI_UNLIKELY((f->flags & TPI_F_DROP_ARG) != 0)) {
		drop_arg(f);
	}
	if (TPI_UNLIKELY(rc != 0)) {
		f->code = rc;
	}
	if (TPI_UNLIKELY(message != NULL)) {
		f->arg = message;
		outcome |= TPI_MESSAGE;
	}
	finish(f, outcome);
}

void
tpi_future_end_cancelled(struct tpar_future *f)
{
	tpi_future_end(f, TPAR_ESTOPPED, NULL);
}
