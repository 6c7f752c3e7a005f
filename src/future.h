/* SPDX-License-Identifier: MIT */
/*
 * future.h - the future: what is in it, who holds it, how it ends.
 *
 * Who may touch what: before the submit, the submitter; PENDING, nobody but
 * through the state word; RUNNING, the thread that claimed it; ENDED, everybody
 * reads, and the value belongs to whoever sets TAKEN.  `link` belongs to the
 * injector or the free list that the future is in.
 */
#ifndef TPI_FUTURE_H
#define TPI_FUTURE_H

#include "atomics.h"
#include "audit.h"
#include "base.h"
#include "heap.h"
#include "inject.h"
#include "intake.h"
#include "state.h"
#include "thread.h"

#include <taskpar/future.h>

#include <string.h>

struct tpi_frame;

/* flags; constant after the submit.  The top two bits are the block's class. */
enum {
	TPI_F_DROP_VALUE = 1,
	TPI_F_DROP_ARG = 2,
	TPI_F_NO_INLINE = 4,
	TPI_F_OWN_THREADS = 8, /* its pool's threads only */
	TPI_F_COUNTED = 16,    /* counts against queue_limit until claimed */
	TPI_F_EXT = 32,	       /* struct tpi_ext follows the structure */
	TPI_F_CLASS_SHIFT = 6
};

/* holds: handles in the low half, memory references in the high half */
#define TPI_HANDLE ((uint64_t)1)
#define TPI_MEMREF ((uint64_t)1 << 32)
#define TPI_HANDLES(holds) ((uint32_t)(holds))

#define TPI_INLINE_VALUE 16

/* pins: how many read cur's frame, and above that: */
#define TPI_PINS_COUNT (((uint32_t)1 << 26) - 1)
#define TPI_PINS_SHIELDED ((uint32_t)1 << 26) /* sets do not cancel it */
#define TPI_PINS_REASON_SHIFT 28	      /* why it was cancelled */
#define TPI_PINS_REASON ((uint32_t)7 << TPI_PINS_REASON_SHIFT)
#define TPI_PINS_HANDLERS ((uint32_t)1 << 31) /* it has or had some */

struct tpar_future {
	/* line 0: what the common path does not read back */
	_Alignas(TPI_CACHELINE) tpar_drop_fn drop_value; /* if F_DROP_VALUE */
	tpar_drop_fn drop_arg;				 /* if F_DROP_ARG */
	const char *name;				 /* may be NULL */
	const char *site;				 /* may be NULL */
	_Atomic(struct tpi_frame *) cur; /* [a:G2 G3] what it waits in */
	_Atomic uint32_t pins;		 /* [a:G2 K1] TPI_PINS_... */
	int32_t code;			 /* [F2] if the outcome is FAILED */
	struct tpi_heap *heap;		 /* [c] of a large block only */
	struct tpi_intake *intake;	 /* of its pool; dead once ENDED */
	/* line 1: what submit, run, complete and gather touch */
	_Alignas(64) struct tpi_state state;
	_Atomic uint64_t holds; /* [a:F5 F7] */
	uint32_t value_size;
	uint16_t value_offset; /* of the value in the block */
	uint8_t flags;
	_Atomic uint8_t trimmed; /* [F7] its queue's reference is a debt */
	tpar_task_fn fn;
	void *arg;
	struct tpi_link link;
	_Alignas(16) unsigned char small[TPI_INLINE_VALUE];
};

_Static_assert(sizeof(struct tpar_future) == 128, "one pair of lines");
_Static_assert(offsetof(struct tpar_future, state) == 64, "the hot line");

/*
 * How to drop a value that is an array of others' values.  With F_DROP_VALUE
 * and no drop_value, arg is one of these once the future is done (async.c).
 */
struct tpi_drops {
	size_t n;
	size_t size;		 /* of one element */
	size_t next;		 /* while they are dropped: the next one */
	struct tpi_drops *outer; /* while they are dropped or freed */
	struct tpi_drop {
		tpar_drop_fn fn;	  /* or NULL */
		struct tpi_drops *nested; /* or NULL */
	} item[];
};

/* What few tasks have. */
struct tpi_ext {
	void *context;		  /* [c] */
	struct tpar_group *group; /* [c] its scope, or NULL */
	size_t index;		  /* [c] in the group, by order of submission */
	struct tpar_future *next; /* [m:group] among the group's children */
	struct tpar_future *prev; /* [m:group] */
	struct tpar_future *next_failed; /* [m:group] */
	bool swept;			 /* [m:group] its stop was passed on */
	bool given_up;			 /* [m:group] it waits for the closer */
	bool blocking;			 /* [c] TPAR_BLOCKING */
};

/* Of a future with TPI_F_EXT. */
static inline struct tpi_ext *
tpi_future_ext(const struct tpar_future *f)
{
	return (struct tpi_ext *)((uintptr_t)f + sizeof *f);
}

/* Is it for a thread beside those that compute? */
static inline bool
tpi_future_is_blocking(const struct tpar_future *f)
{
	return TPI_UNLIKELY((f->flags & TPI_F_EXT) != 0) &&
	       tpi_future_ext(f)->blocking;
}

/* Do sets leave it alone when they stop their members? */
static inline bool
tpi_future_is_shielded(struct tpar_future *f)
{
	return (tpi_load_relaxed(&f->pins) & TPI_PINS_SHIELDED) != 0;
}

/* The calling task's context, which what it submits inherits; or NULL. */
static inline void *
tpi_future_context_here(void)
{
	struct tpi_run *run = tpi_thread_self.run;
	struct tpar_future *task;

	if (run == NULL) {
		return NULL;
	}
	task = tpi_thread_root(run)->task;
	return TPI_UNLIKELY((task->flags & TPI_F_EXT) != 0)
		       ? tpi_future_ext(task)->context
		       : NULL;
}

static inline void *
tpi_future_payload(const struct tpar_future *f)
{
	return (char *)(uintptr_t)f + f->value_offset;
}

static inline unsigned
tpi_future_class(const struct tpar_future *f)
{
	return f->flags >> TPI_F_CLASS_SHIFT;
}

/* The heap that its block belongs to. */
static inline struct tpi_heap *
tpi_future_home(const struct tpar_future *f)
{
	return TPI_LIKELY(tpi_future_class(f) != TPI_CLASS_LARGE)
		       ? tpi_heap_of(f)
		       : f->heap;
}

static inline struct tpar_future *
tpi_future_of_link(struct tpi_link *link)
{
	return TPI_CONTAINER(link, struct tpar_future, link);
}

static inline void
tpi_future_clear_value(struct tpar_future *f)
{
	if (f->value_size <= TPI_INLINE_VALUE) {
		memset(tpi_future_payload(f), 0, TPI_INLINE_VALUE);
	} else {
		memset(tpi_future_payload(f), 0, f->value_size);
	}
}

/* What a submit has checked about a task. */
struct tpi_shape {
	size_t block_size;
	size_t block_align;
	uint32_t value_size;
	uint16_t value_offset;
	uint8_t flags;
};

bool tpi_future_shape_slow(const struct tpar_task *task,
			   struct tpi_shape *shape);

static inline uint8_t
tpi_future_flags(const struct tpar_task *task, unsigned class)
{
	unsigned flags = class << TPI_F_CLASS_SHIFT;

	flags |= task->drop_value != NULL ? TPI_F_DROP_VALUE : 0;
	flags |= task->drop_arg != NULL ? TPI_F_DROP_ARG : 0;
	flags |= (task->flags & TPAR_NO_INLINE) != 0 ? TPI_F_NO_INLINE : 0;
	return (uint8_t)flags;
}

/* false: the size or the alignment is out of range. */
static inline bool
tpi_future_shape(const struct tpar_task *task, struct tpi_shape *shape)
{
	if (TPI_UNLIKELY(task->value_size > TPI_INLINE_VALUE ||
			 task->value_align != 0 || task->group != NULL ||
			 task->context != NULL ||
			 (task->flags & TPAR_BLOCKING) != 0 ||
			 tpi_future_context_here() != NULL)) {
		return tpi_future_shape_slow(task, shape);
	}
	shape->block_size = sizeof(struct tpar_future);
	shape->block_align = TPI_CACHELINE;
	shape->value_size = (uint32_t)task->value_size;
	shape->value_offset = (uint16_t)offsetof(struct tpar_future, small);
	shape->flags = tpi_future_flags(task, 0);
	return true;
}

void tpi_future_fill_ext(struct tpar_future *f, const struct tpar_task *task);

/*
 * A block is on its way back to its heap, which looks at its link and at the word
 * with its class only.
 */
static inline void
tpi_future_poison(struct tpar_future *f)
{
	if (tpi_future_class(f) != TPI_CLASS_LARGE) {
		TPI_POISON(f, offsetof(struct tpar_future, value_size));
		TPI_POISON(&f->fn, offsetof(struct tpar_future, link) -
					   offsetof(struct tpar_future, fn));
		TPI_POISON(f->small,
			   TPI_CLASS_SIZE(tpi_future_class(f)) -
				   offsetof(struct tpar_future, small));
	}
}

_Static_assert(offsetof(struct tpar_future, fn) % 8 == 0 &&
		       offsetof(struct tpar_future, fn) -
				       offsetof(struct tpar_future,
						value_size) ==
			       8,
	       "a word of AddressSanitizer's");

static TPI_INLINE struct tpar_future *
tpi_future_get_block(struct tpi_heap *heap, unsigned class)
{
	struct tpi_link *link = heap->free[class];

	if (TPI_UNLIKELY(link == NULL)) {
		return tpi_heap_get_slow(heap, class);
	}
	heap->free[class] = tpi_load_relaxed(&link->next);
	TPI_UNPOISON(tpi_future_of_link(link), TPI_CLASS_SIZE(class));
	return tpi_future_of_link(link);
}

/* What every future has, PENDING. */
static TPI_INLINE void
tpi_future_init(struct tpar_future *f, tpar_task_fn fn, void *arg,
		const struct tpi_shape *shape, struct tpi_intake *intake,
		bool handle)
{
	tpi_state_init(&f->state, handle);
	tpi_store_relaxed(&f->holds,
			  handle ? TPI_MEMREF + TPI_HANDLE : TPI_MEMREF);
	f->value_size = shape->value_size;
	f->value_offset = shape->value_offset;
	f->flags = shape->flags;
	tpi_store_relaxed(&f->trimmed, 0);
	f->fn = fn;
	f->arg = arg;
	f->intake = intake;
}

/*
 * A PENDING future with one reference for the queue and, if `handle`, one
 * handle.  heap: the caller owns it.  NULL: no memory.
 */
static inline struct tpar_future *
tpi_future_create(struct tpi_heap *heap, const struct tpi_shape *shape,
		  const struct tpar_task *task, struct tpi_intake *intake,
		  bool handle)
{
	unsigned class = shape->flags >> TPI_F_CLASS_SHIFT;
	struct tpar_future *f;

	if (TPI_UNLIKELY(class == TPI_CLASS_LARGE)) {
		f = tpi_heap_get_large(heap, shape->block_size,
				       shape->block_align);
	} else {
		f = tpi_future_get_block(heap, class);
	}
	if (TPI_UNLIKELY(f == NULL)) {
		return NULL;
	}
	tpi_future_init(f, task->fn, task->arg, shape, intake, handle);
	f->site = task->site;
	f->name = task->name;
	tpi_store_relaxed(&f->pins, (task->flags & TPAR_SHIELDED) != 0
					    ? TPI_PINS_SHIELDED
					    : 0);
	if (TPI_UNLIKELY((shape->flags & TPI_F_EXT) != 0)) {
		tpi_future_fill_ext(f, task);
	}
	if ((shape->flags & (TPI_F_DROP_VALUE | TPI_F_DROP_ARG)) != 0) {
		f->drop_value = task->drop_value;
		f->drop_arg = task->drop_arg;
	}
	tpi_audit_created(f, handle);
	return f;
}

/* The same for a task that has a small value and nothing else. */
static TPI_INLINE struct tpar_future *
tpi_future_create_plain(struct tpi_heap *heap, tpar_task_fn fn, void *arg,
			size_t value_size, const char *site,
			struct tpi_intake *intake, bool handle)
{
	struct tpi_shape shape = {
		.value_size = (uint32_t)value_size,
		.value_offset = offsetof(struct tpar_future, small),
		.flags = intake->own_threads_only ? TPI_F_OWN_THREADS : 0
	};
	struct tpar_future *f = tpi_future_get_block(heap, 0);

	if (TPI_UNLIKELY(f == NULL)) {
		return NULL;
	}
	tpi_future_init(f, fn, arg, &shape, intake, handle);
	f->site = site;
	f->name = NULL;
	tpi_store_relaxed(&f->pins, 0);
	tpi_audit_created(f, handle);
	return f;
}

/*
 * Frees a future that was never published; drops nothing.  `own`: the heap
 * that the caller owns, or NULL.
 */
void tpi_future_discard(struct tpi_heap *own, struct tpar_future *f);

/* ENDED, as done: sets TAKEN.  true: the caller owns the value now. */
static inline bool
tpi_future_take(struct tpar_future *f)
{
	if (!tpi_state_take(&f->state)) {
		return false;
	}
	tpi_audit_take(f);
	return true;
}

/* Gives it back. */
static inline void
tpi_future_untake(struct tpar_future *f)
{
	tpi_audit_untake(f);
	tpi_state_untake(&f->state);
}

/* One more memory reference; the caller knows that the future is alive. */
static inline void
tpi_future_retain(struct tpar_future *f)
{
	atomic_fetch_add_explicit(&f->holds, TPI_MEMREF, memory_order_relaxed);
}

/*
 * Gives `hold` up.  true: the caller was the last holder and disposes of the
 * future.  Who is alone sees that without changing anything.
 */
static inline bool
tpi_future_let_go(struct tpar_future *f, uint64_t hold)
{
	/* ORDER F7 acquire <- tpi_future_let_go(): what other holders did. */
	if (atomic_load_explicit(&f->holds, memory_order_acquire) == hold) {
		return true;
	}
	/* ORDER F7 acq_rel -> tpi_future_let_go() */
	return atomic_fetch_sub_explicit(&f->holds, hold,
					 memory_order_acq_rel) == hold;
}

/*
 * What is to be given up for the reference of a trimmed queue entry, by the
 * holder of the last handle, and while he still holds the future.
 */
static inline uint64_t
tpi_future_debt(struct tpar_future *f)
{
	return tpi_load_relaxed(&f->trimmed) ? TPI_MEMREF : 0;
}

/* The same for a handle. */
static inline bool
tpi_future_let_go_handle(struct tpar_future *f)
{
	uint64_t w;

	for (;;) {
		/* ORDER F7 acquire <- tpi_future_let_go_handle(): others. */
		w = atomic_load_explicit(&f->holds, memory_order_acquire);
		if (TPI_LIKELY(TPI_HANDLES(w) == 1)) {
			return tpi_future_let_go(f, TPI_HANDLE +
							    tpi_future_debt(f));
		}
		/* ORDER F7 acq_rel -> tpi_future_let_go_handle() */
		if (atomic_compare_exchange_weak_explicit(
			    &f->holds, &w, w - TPI_HANDLE, memory_order_acq_rel,
			    memory_order_relaxed)) {
			return false;
		}
	}
}

/* Nobody holds it any more: drops what it owns, frees its block. */
void tpi_future_dispose(struct tpar_future *f);

/* Gives up a memory reference. */
static inline void
tpi_future_release(struct tpar_future *f)
{
	if (tpi_future_let_go(f, TPI_MEMREF)) {
		tpi_future_dispose(f);
	}
}

/*
 * Gives up the reference of a queue entry while the caller, who gathers f, has
 * the word of his own caller for it that a handle outlives the call: whoever
 * releases the last handle sees the mark (F7), and gives that reference up,
 * too.  Costs no read-modify-write, which a task can have but few of.
 */
static inline void
tpi_future_trim(struct tpar_future *f)
{
	tpi_store_relaxed(&f->trimmed, 1);
}

/* PENDING -> RUNNING; takes it off the queue limit. */
static inline bool
tpi_future_claim(struct tpar_future *f)
{
	if (!tpi_state_claim(&f->state)) {
		return false;
	}
	if (TPI_UNLIKELY((f->flags & TPI_F_COUNTED) != 0)) {
		tpi_intake_return(f->intake, 1);
	}
	return true;
}

/*
 * Ends a claimed future after its function returned `rc`: drops the argument,
 * keeps the message (allocated from the arena, or NULL), finishes the state
 * word, signals the waiters.
 */
void tpi_future_end(struct tpar_future *f, int rc, char *message);

void tpi_future_ended(struct tpar_future *f, uintptr_t before,
		      unsigned outcome);

/* The same for a function that returned 0 and has said nothing. */
static inline void
tpi_future_end_done(struct tpar_future *f)
{
	unsigned more =
		f->flags & (TPI_F_DROP_VALUE | TPI_F_DROP_ARG | TPI_F_EXT);
	uintptr_t before;

	if (TPI_UNLIKELY(more != 0)) {
		tpi_future_end(f, 0, NULL);
		return;
	}
	tpi_audit_end(f, TPI_DONE);
	before = tpi_state_finish(&f->state, TPI_DONE);
	if (tpi_state_waiters(before) != NULL) {
		tpi_future_ended(f, before, TPI_DONE);
	}
}

/* A copy of `text` for tpi_future_end(), of f's arena; NULL: no memory. */
char *tpi_future_copy_text(struct tpar_future *f, const char *text);
void tpi_future_free_text(struct tpar_future *f, char *text);

/* Ends a claimed future whose function was not called. */
void tpi_future_end_cancelled(struct tpar_future *f);

/* "'name' (file.c:12)" or what is known of it, for messages. */
void tpi_future_describe(const struct tpar_future *f, char *to, size_t size);

#endif
