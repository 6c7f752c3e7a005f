/* SPDX-License-Identifier: MIT */
/*
 * timed.c - a wait that is given up while its member ends: the frame is taken off
 * the list of waiters by src/frame.c, or the one who ends the member counts it,
 * and nobody touches it once its owner has gone on.  A patient wait stands in the
 * same list and is told; OLDER: it was there before.  BOTH: the patient one is
 * given up, too.  COMES: it is registered only meanwhile.
 * NEVER: the member does not end before both have gone on, or sleep.
 *
 * GENMC: --disable-spin-assume --unroll=5
 * CFLAGS: -DOLDER
 * CFLAGS: -DBOTH
 * CFLAGS: -DCOMES -DNEVER
 * CFLAGS: -DCOMES
 * CFLAGS: -DYOUNGER
 * MUTANT: -UYOUNGER -DCOMES state.h /ORDER F4 acq_rel <- tpi_state_push_waiter/,/;/s/_acq_rel/_relaxed/
 * MUTANT: state.h s/w | TPI_REMOVAL, memory_order_acq_rel/w, memory_order_acq_rel/
 * MUTANT: future.c s/tpi_frame_await_removal(f);//
 * MUTANT: -UYOUNGER -DCOMES -DNEVER frame.c s/return false;/return true;/
 * MUTANT: frame.c s/(.removed)++/(void)0/
 * MUTANT: -UYOUNGER -DBOTH -DNO_LOCK
 * MUTANT: -DGO_ON
 */
#include "self.h"

#include "src/frame.c"

#include "src/future.c"
#include "locks.h"

#include <assert.h>

enum { RUNNER = 1, HASTY, PATIENT };

static struct tpar_future f;
static tpar_future *const set[1] = { &f };
static struct tpi_frame *sleeps[SELVES];
unsigned tpi_fork_generation;

struct tpi_parker *
tpi_thread_parker_slow(void)
{
	return NULL;
}

static struct tpi_frame *
make(void)
{
	struct tpi_frame *frame =
		aligned_alloc(_Alignof(struct tpi_frame), sizeof *frame);

	tpi_frame_init(frame, TPI_WAIT_ONLY, set, 1);
	return frame;
}

/* false: the member had ended. */
static bool
enter(struct tpi_frame *frame)
{
	if (tpi_frame_register(frame, &f) == TPI_HAD_ENDED) {
		frame->own++;
		return false;
	}
	return true;
}

static void
end(struct tpi_frame *frame)
{
	tpi_frame_fini(frame);
	free(frame);
}

/*
 * As tpi_wait_frame(): what the owner has counted, and the one too many.  If that
 * is not all he sleeps, until main looks.
 */
static void
leave(struct tpi_frame *frame)
{
	if (tpi_frame_take_off(frame, (int64_t)frame->own + 1) ||
	    tpi_frame_complete(frame)) {
		end(frame);
	} else {
#ifdef GO_ON
		end(frame);
#else
		sleeps[self_number] = frame;
#endif
	}
}

/* The member has ended. */
static void
wake(unsigned number)
{
	if (sleeps[number] != NULL) {
		assert(tpi_frame_complete(sleeps[number]));
		end(sleeps[number]);
	}
}

static void
give_up(struct tpi_frame *frame)
{
	frame->own += tpi_frame_unregister(frame, &f);
	leave(frame);
}

static void *
runner(void *arg)
{
	begin_as(RUNNER);
	tpi_future_end_done(&f);
	return arg;
}

static void *
hasty(void *arg)
{
	struct tpi_frame *frame = arg;

	begin_as(HASTY);
	give_up(frame);
	return NULL;
}

static void *
patient(void *arg)
{
	struct tpi_frame *frame = arg;

	begin_as(PATIENT);
#ifdef COMES
	frame = make();
	(void)enter(frame);
#endif
#ifdef BOTH
	give_up(frame);
#else
	leave(frame);
#endif
	return NULL;
}

static void
belongs_to(unsigned number, struct tpi_frame *frame)
{
	if (frame != NULL) {
		tpi_store_relaxed(&frame->owner, (uintptr_t)&thread_of[number]);
	}
}

int
main(void)
{
	struct tpi_frame *first = NULL;
	struct tpi_frame *second;
	pthread_t thread[3];

	tpi_state_init(&f.state, true);
	(void)tpi_state_claim(&f.state);
#ifdef OLDER
	first = make();
	(void)enter(first);
#endif
	second = make();
	(void)enter(second);
#if !defined(OLDER) && !defined(COMES)
	first = make();
	(void)enter(first);
#endif
	belongs_to(HASTY, second);
	belongs_to(PATIENT, first);
#ifndef NEVER
	pthread_create(&thread[0], NULL, runner, NULL);
#endif
	pthread_create(&thread[1], NULL, hasty, second);
	pthread_create(&thread[2], NULL, patient, first);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
#ifdef NEVER
	assert(sleeps[HASTY] == NULL && sleeps[PATIENT] != NULL);
	pthread_create(&thread[0], NULL, runner, NULL);
#endif
	pthread_join(thread[0], NULL);
	wake(HASTY);
	wake(PATIENT);
	return 0;
}
