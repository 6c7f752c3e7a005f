/* SPDX-License-Identifier: MIT */
/*
 * stop.c - a task begins to wait for its members while it is asked to stop, by
 * src/cancel.c.  One is not begun yet, and a thief may begin it just now: it is
 * run or cancelled, and ended once.  In the end all members have ended or know
 * that they are to stop, whoever passed it on; nobody looks at the frame once its
 * owner has gone on.  WAIT: he goes on only when the members have ended; the one
 * that runs ends when it is asked.
 *
 * GENMC: --disable-spin-assume --unroll=5
 * BLOCKED: where the owner would still wait
 * CFLAGS: -DTHIEF
 * CFLAGS: -DWAIT
 * CFLAGS:
 * MUTANT: frame.h /ORDER G3 seq_cst -- tpi_state_request_stop/,/;/s/_seq_cst/_release/
 * MUTANT: state.h /ORDER G3 seq_cst -- tpi_frame_publish/,/;/s/_seq_cst/_acq_rel/
 * MUTANT: state.h /ORDER G3 seq_cst -- tpi_state_request_stop/,/;/s/_seq_cst/_acquire/
 * MUTANT: frame.h /ORDER G2 G3 seq_cst/,/;/s/_seq_cst/_acquire/
 * MUTANT: block.h s/tpi_block_check_stop(frame);//
 * MUTANT: cancel.c s/stop_all(sweep, frame);/(void)sweep;/
 * MUTANT: -DWAIT cancel.c s/frame = tpi_frame_pin(task);/& if (frame) tpi_frame_unpin(task);/
 * MUTANT: -DTHIEF cancel.c s/if (!tpi_future_claim(f)) {/if (tpi_state_peek(\&f->state) != TPI_PENDING) {/
 */
#include "self.h"

#include "src/cancel.c"

#include "src/block.h"

#include <assert.h>
#include <pthread.h>

#define RUNS 1 /* this member runs, the other one has not begun */
#define N 2

static struct tpar_pool_intake_only {
	struct tpi_intake intake;
} pool;
static struct tpar_future task;
static struct tpar_future member[N];
static tpar_future *const set[N] = { &member[0], &member[1] };
static struct tpi_frame *frame;
static _Atomic int ends[N];
unsigned tpi_fork_generation;

bool
tpi_cancel_requested_here(void)
{
	return tpi_cancel_requested(&task);
}

/* As that of block.c. */
void
tpi_block_check_stop(struct tpi_frame *of)
{
	if (of->task != NULL && tpi_cancel_requested_here() &&
	    tpi_frame_elect(of, TPI_STOPPED) && tpi_frame_is_set(of)) {
		tpi_cancel_members(of);
	}
}

void
tpi_block_await_unpinned(struct tpar_future *of)
{
	__VERIFIER_assume(tpi_frame_unpinned(of));
}

static void
end_member(struct tpar_future *f, unsigned outcome)
{
	assert(atomic_fetch_add_explicit(&ends[f - member], 1,
					 memory_order_relaxed) == 0);
	(void)tpi_state_finish(&f->state, outcome);
}

void
tpi_future_end_cancelled(struct tpar_future *f)
{
	end_member(f, TPI_CANCELLED);
}

static void *
canceller(void *arg)
{
	begin_as(1);
	(void)tpi_cancel(&task, TPI_REASON_ASKED);
	return arg;
}

#ifdef THIEF
static void *
thief(void *arg)
{
	if (tpi_future_claim(&member[0])) {
		end_member(&member[0], TPI_DONE);
	}
	return arg;
}
#endif

static bool
has_ended(int i)
{
	return tpi_state_phase(tpi_state_get(&member[i].state)) == TPI_ENDED;
}

static void
init_task(struct tpar_future *f)
{
	tpi_state_init(&f->state, true);
	atomic_init(&f->holds, TPI_MEMREF + TPI_HANDLE);
	f->intake = &pool.intake;
}

int
main(void)
{
	pthread_t thread[3];
	int i;

	init_task(&task);
	init_task(&member[0]);
	init_task(&member[1]);
	(void)tpi_state_claim(&task.state);
	(void)tpi_state_claim(&member[RUNS].state);
	pthread_create(&thread[0], NULL, canceller, NULL);
#ifdef THIEF
	pthread_create(&thread[1], NULL, thief, NULL);
#endif
	frame = malloc(sizeof *frame);
	atomic_init(&frame->left, N + 1);
	atomic_init(&frame->cause, 0);
	frame->kind = TPI_WAIT_GATHER;
	frame->f = set;
	frame->n = N;
	frame->task = &task;
	frame->group = NULL;
	frame->parker = NULL;
	frame->shielded = false;
	tpi_block_publish(frame);
#ifdef WAIT
	__VERIFIER_assume(has_ended(0) ||
			  tpi_state_stop_requested(&member[RUNS].state));
#else
	pthread_join(thread[0], NULL);
#endif
	tpi_block_unpublish(frame);
	free(frame);
#ifdef WAIT
	pthread_join(thread[0], NULL);
#endif
#ifdef THIEF
	pthread_join(thread[1], NULL);
#endif
	assert(tpi_state_stop_requested(&task.state));
	assert(has_ended(0) && ends[0] == 1);
	assert(tpi_state_stop_requested(&member[RUNS].state));
	for (i = 0; i < N; i++) {
		assert(ends[i] <= 1);
	}
	return 0;
}
