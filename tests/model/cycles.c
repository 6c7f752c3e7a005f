/* SPDX-License-Identifier: MIT */
/*
 * cycles.c - two tasks wait for each other, and each looks for that when its own
 * wait can be seen, by the functions of src/frame.h as src/cycle.c calls them: at
 * least one of them finds the cycle.  TIMED: the waits have deadlines, and are
 * edges only once those have come.  COVER: one of them is a plain wait that ends
 * early, but for what runs on top of it, which waits for the other task.
 *
 * CFLAGS: -DCOVER
 * CFLAGS: -DTIMED
 * CFLAGS:
 * MUTANT: frame.h /ORDER G3 seq_cst -- tpi_state_request_stop/,/;/s/_seq_cst/_release/
 * MUTANT: frame.h /ORDER G2 G3 seq_cst/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DTIMED frame.h /ORDER G5 seq_cst -- tpi_frame_leaves/,/;/s/_seq_cst/_release/
 * MUTANT: -DTIMED frame.h /ORDER G5 seq_cst -- tpi_frame_end_deadline/,/!=/s/_seq_cst/_acquire/
 * MUTANT: -DCOVER frame.h /ORDER G5 seq_cst -- tpi_frame_covered/,/;/s/_seq_cst/_release/
 * MUTANT: -DCOVER frame.h /ORDER G5 seq_cst -- tpi_frame_cover()/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DLOOK_FIRST
 */
#include "config.h"
#include "src/frame.h"

#include <assert.h>

enum { ONE, OTHER, ON_TOP };

static struct tpar_future task[3];
static struct tpi_frame frame[3];
static bool found[2];

/* Does that task wait, and not only for a time?  And what runs on top of it? */
static bool
waits(int i)
{
	struct tpi_frame *of = tpi_frame_pin(&task[i]);
	struct tpar_future *covered;
	bool does = false;

	if (of == NULL) {
		return false;
	}
	covered = tpi_frame_covered(of);
	if (covered == &task[ON_TOP]) {
		does = waits(ON_TOP);
	}
	does |= !tpi_frame_leaves(of);
	tpi_frame_unpin(&task[i]);
	return does;
}

static void
wait_for(int self, int other)
{
#ifdef LOOK_FIRST
	found[self] = waits(other);
#endif
#ifdef TIMED
	tpi_frame_end_deadline(&frame[self]);
#else
#ifdef COVER
	if (self == ONE) {
		tpi_frame_cover(&frame[ONE], &task[ON_TOP]);
		tpi_frame_publish(&frame[ON_TOP], &task[ON_TOP]);
	} else {
		tpi_frame_publish(&frame[self], &task[self]);
	}
#else
	tpi_frame_publish(&frame[self], &task[self]);
#endif
#endif
#ifndef LOOK_FIRST
	found[self] = waits(other);
#endif
}

static void *
one(void *arg)
{
	wait_for(ONE, OTHER);
	return arg;
}

static void *
another(void *arg)
{
	wait_for(OTHER, ONE);
	return arg;
}

int
main(void)
{
	pthread_t thread[2];
	int i;

	for (i = 0; i < 3; i++) {
		frame[i].kind = TPI_WAIT_SETTLED;
	}
#ifdef TIMED
	atomic_init(&frame[ONE].timed, 1);
	atomic_init(&frame[OTHER].timed, 1);
	tpi_frame_publish(&frame[ONE], &task[ONE]);
	tpi_frame_publish(&frame[OTHER], &task[OTHER]);
#endif
#ifdef COVER
	frame[ONE].kind = TPI_WAIT_ONLY;
	atomic_init(&frame[ONE].cause, TPI_STOPPED);
	tpi_frame_publish(&frame[ONE], &task[ONE]);
#endif
	pthread_create(&thread[0], NULL, one, NULL);
	pthread_create(&thread[1], NULL, another, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	assert(found[ONE] || found[OTHER]);
	return 0;
}
