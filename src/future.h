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
#include "base.h"
#include "heap.h"
#include "inject.h"
#include "intake.h"
#include "state.h"

#include <taskpar/future.h>

struct tpi_frame;
struct tpi_thread;

/* flags; constant after the submit.  The top two bits are the block's class. */
enum {
	TPI_F_DROP_VALUE = 1,
	TPI_F_DROP_ARG = 2,
	TPI_F_NO_INLINE = 4,
	TPI_F_OWN_THREADS = 8, /* its pool's threads only */
	TPI_F_COUNTED = 16,    /* counts against queue_limit until claimed */
	TPI_F_CLASS_SHIFT = 6
};

/* holds: handles in the low half, memory references in the high half */
#define TPI_HANDLE ((uint64_t)1)
#define TPI_MEMREF ((uint64_t)1 << 32)
#define TPI_HANDLES(holds) ((uint32_t)(holds))

#define TPI_INLINE_VALUE 16

struct tpar_future {
	/* line 0: what the common path does not read back */
	_Alignas(TPI_CACHELINE) tpar_drop_fn drop_value; /* if F_DROP_VALUE */
	tpar_drop_fn drop_arg;				 /* if F_DROP_ARG */
	const char *name;				 /* may be NULL */
	const char *site;				 /* may be NULL */
	_Atomic(struct tpi_frame *) cur; /* [a:G2 G3] what it waits in */
	_Atomic uint32_t pins;		 /* [a:G2] readers of cur's frame */
	int32_t code;			 /* [F2] if the outcome is FAILED */
	struct tpi_heap *home;		 /* [c] for the block's life */
	struct tpi_intake *intake;	 /* of its pool; dead once ENDED */
	/* line 1: what submit, run, complete and gather touch */
	_Alignas(64) struct tpi_state state;
	_Atomic uint64_t holds; /* [a:F5 F7] */
	uint32_t value_size;
	uint16_t value_offset; /* of the value in the block */
	uint8_t flags;
	uint8_t has_message; /* [F2] arg points to the message */
	tpar_task_fn fn;
	void *arg;
	struct tpi_link link;
	_Alignas(16) unsigned char small[TPI_INLINE_VALUE];
};

_Static_assert(sizeof(struct tpar_future) == 128, "one pair of lines");
_Static_assert(offsetof(struct tpar_future, state) == 64, "the hot line");

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

static inline struct tpar_future *
tpi_future_of_link(struct tpi_link *link)
{
	return TPI_CONTAINER(link, struct tpar_future, link);
}

/* What a submit has checked about a task. */
struct tpi_shape {
	size_t block_size;
	size_t block_align;
	uint32_t value_size;
	uint16_t value_offset;
	uint8_t flags;
};

/* false: the size or the alignment is out of range. */
bool tpi_future_shape(const struct tpar_task *task, struct tpi_shape *shape);

/*
 * A PENDING future with one reference for the queue and, if `handle`, one
 * handle.  heap: the caller owns it.  NULL: no memory.
 */
struct tpar_future *tpi_future_create(struct tpi_heap *heap,
				      const struct tpi_shape *shape,
				      const struct tpar_task *task,
				      struct tpi_intake *intake, bool handle);

/*
 * Frees a future that was never published; drops nothing.  `own`: the heap
 * that the caller owns, or NULL.
 */
void tpi_future_discard(struct tpi_heap *own, struct tpar_future *f);

/* One more memory reference; the caller knows that the future is alive. */
static inline void
tpi_future_retain(struct tpar_future *f)
{
	atomic_fetch_add_explicit(&f->holds, TPI_MEMREF, memory_order_relaxed);
}

/* Gives up a memory reference. */
void tpi_future_release(struct tpar_future *f);

/* PENDING -> RUNNING; takes it off the queue limit. */
bool tpi_future_claim(struct tpar_future *f);

/*
 * Ends a claimed future after its function returned `rc`: drops the argument,
 * keeps the message (allocated from the arena, or NULL), finishes the state
 * word, signals the waiters.
 */
void tpi_future_end(struct tpar_future *f, int rc, char *message);

/* Ends a claimed future whose function was not called. */
void tpi_future_end_cancelled(struct tpar_future *f);

/* "'name' (file.c:12)" or what is known of it, for messages. */
void tpi_future_describe(const struct tpar_future *f, char *to, size_t size);

#endif
