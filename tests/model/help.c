/* SPDX-License-Identifier: MIT */
/*
 * help.c - a gatherer that publishes its frame and claims from the front, and a
 * helper that pins the frame and claims from the back: each member runs once,
 * and nobody looks into the frame when its owner has gone on.
 *
 * MUTANT: frame.h /ORDER G2 seq_cst -- tpi_frame_unpublish(): pin/,/;/s/_seq_cst/_relaxed/
 * MUTANT: frame.h /ORDER G2 release -> tpi_frame_unpinned(): all/,/;/s/_release/_relaxed/
 * MUTANT: -DNO_WAIT
 * BLOCKED: where the owner would still wait
 */
#include "src/frame.h"

#include <assert.h>
#include <pthread.h>

static struct tpi_state member[2];
static _Atomic int runs[2];
static struct tpi_frame frame;
static struct tpar_future task;

static void
run(int i)
{
	assert(atomic_fetch_add_explicit(&runs[i], 1, memory_order_relaxed) ==
	       0);
	(void)tpi_state_finish(&member[i], TPI_DONE);
}

static void *
helper(void *arg)
{
	struct tpi_frame *pinned = tpi_frame_pin(&task);
	int found = -1;

	if (pinned != NULL) {
		int i = (int)pinned->n - 1;

		if (tpi_state_claim(&member[i])) {
			found = i;
		}
		tpi_frame_unpin(&task);
	}
	if (found >= 0) {
		run(found);
	}
	return arg;
}

int
main(void)
{
	pthread_t thread[2];
	int i;

	atomic_init(&task.cur, NULL);
	atomic_init(&task.pins, 0);
	tpi_state_init(&member[0], true);
	tpi_state_init(&member[1], true);
	pthread_create(&thread[0], NULL, helper, NULL);
	pthread_create(&thread[1], NULL, helper, NULL);
	frame.n = 2;
	frame.outer = NULL;
	tpi_frame_publish(&frame, &task);
	for (i = 0; i < 2; i++) {
		if (tpi_state_claim(&member[i])) {
			run(i);
		}
	}
	for (i = 0; i < 2; i++) {
		__VERIFIER_assume(tpi_state_phase(tpi_state_get(&member[i])) ==
				  TPI_ENDED);
	}
	tpi_frame_unpublish(&frame, &task);
#ifndef NO_WAIT
	__VERIFIER_assume(tpi_frame_unpinned(&task));
#endif
	frame.n = 0; /* it is somebody else's stack now */
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	assert(runs[0] == 1 && runs[1] == 1);
	return 0;
}
