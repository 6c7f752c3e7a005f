/* SPDX-License-Identifier: MIT */
/*
 * tied.c - a set is about to wait for a task that, on a cycle, waits for it and is
 * tied: that one has the member taken off the set, by src/cycle.c.  The set's
 * owner learns of it, goes on once, and nobody touches its frame any more.
 * ENDS: the member ends meanwhile, and who ends it counts it, or the other one
 * does.
 *
 * GENMC: --disable-spin-assume --unroll=5
 * CFLAGS:
 * CFLAGS: -DENDS
 * MUTANT: cycle.c s/tpi_frame_pin(at->task)/tpi_load_relaxed(\&at->task->cur)/;s/tpi_frame_unpin(at->task)/(void)at/
 * MUTANT: frame.h /ORDER G2 release -> tpi_frame_unpinned(): all/,/;/s/_release/_relaxed/
 * MUTANT: frame.h /ORDER G2 seq_cst -- tpi_frame_unpublish(): pin/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UENDS cycle.c /removed == 0/,/^}/s/tpi_frame_give_up(.*FOR_TIED);//
 * MUTANT: cycle.c s/if (removed == 0) {/if (removed == 0 \&\& (removed = 1) == 0) {/
 * BLOCKED: where the owner would sleep on
 */
#include "self.h"

#include "src/frame.c"

#include "src/cycle.c"
#include "src/future.c"
#include "locks.h"

#include <assert.h>
#include <pthread.h>

enum { TIED = 1, OWNER, ENDER };

static struct tpar_future task;	  /* that waits in a set */
static struct tpar_future member; /* of the set: the one that is tied */
static tpar_future *const set[1] = { &member };
unsigned tpi_fork_generation;

struct tpi_parker *
tpi_thread_parker_slow(void)
{
	return NULL;
}

static void *
tied(void *arg)
{
	struct tpi_path path;

	begin_as(TIED);
	path.task = &member;
	path.step = path.few_steps;
	path.length = 1;
	path.few_steps[0].task = &task;
	path.few_steps[0].next = 2;
	path.few_steps[0].pool = NULL;
	(void)break_at(&path, 0);
	return arg;
}

static void *
owner(void *arg)
{
	struct tpi_frame *frame =
		aligned_alloc(_Alignof(struct tpi_frame), sizeof *frame);

	begin_as(OWNER);
	tpi_frame_init(frame, TPI_WAIT_GATHER, set, 1);
	frame->task = &task;
	tpi_frame_publish(frame, &task);
	if (tpi_frame_register(frame, &member) == TPI_HAD_ENDED) {
		frame->own++;
	}
	tpi_store_relaxed(&frame->owner, 0);
	if (!tpi_frame_take_off(frame, (int64_t)frame->own + 1)) {
		__VERIFIER_assume(tpi_frame_complete(frame));
	}
	tpi_frame_unpublish(frame, &task);
	__VERIFIER_assume(tpi_frame_unpinned(&task));
	assert(tpi_load_relaxed(&frame->given_up) == TPI_GIVEN_UP_FOR_TIED ||
	       tpi_state_phase(tpi_state_get(&member.state)) == TPI_ENDED);
	assert(tpi_load_relaxed(&frame->left) == 0);
	tpi_frame_fini(frame);
	free(frame);
	return arg;
}

#ifdef ENDS
static void *
ender(void *arg)
{
	begin_as(ENDER);
	tpi_future_end_done(&member);
	return arg;
}
#endif

int
main(void)
{
	pthread_t thread[3];

	tpi_state_init(&task.state, true);
	tpi_state_init(&member.state, true);
	(void)tpi_state_claim(&task.state);
	(void)tpi_state_claim(&member.state);
	atomic_init(&task.cur, NULL);
	atomic_init(&task.pins, 0);
	pthread_create(&thread[0], NULL, tied, NULL);
	pthread_create(&thread[1], NULL, owner, NULL);
#ifdef ENDS
	pthread_create(&thread[2], NULL, ender, NULL);
	pthread_join(thread[2], NULL);
#endif
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	return 0;
}
