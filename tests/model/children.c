/* SPDX-License-Identifier: MIT */
/*
 * children.c - a child of a group fails, by src/scope.c, while another one that
 * was claimed just now is about to begin, and a third one is submitted.  Nobody
 * begins who knows of the failure; who does not begin finds out why; who was let
 * in is swept, by whoever elected the cause, once.  (No order but that of the
 * group's lock carries any of it.)
 *
 * TWO: of them fail, and one is the cause.
 *
 * GENMC: --disable-spin-assume --unroll=5
 * CFLAGS: -DTWO
 * CFLAGS:
 * MUTANT: scope.c s/tpi_store_relaxed(&group->stopped, 1);//
 * MUTANT: scope.c /^tpi_scope_child_ended/,/^}/s/tpi_lock_enter(&group->lock);/tpi_store_relaxed(\&group->stopped, 1); &/
 * MUTANT: scope.c s/open = group->cause == TPI_SCOPE_NONE &&/open =/
 * MUTANT: scope.c /^tpi_scope_next_to_stop/,/^}/s/tpi_lock_enter(&group->lock);//;/^tpi_scope_next_to_stop/,/^}/s/tpi_lock_leave(&group->lock);//
 * MUTANT: scope.c /^cause_of/,/^}/s/tpi_lock_enter(&group->lock);//;/^cause_of/,/^}/s/tpi_lock_leave(&group->lock);//
 * MUTANT: -DTWO scope.c s/if (group->cause != TPI_SCOPE_NONE ||/if (/
 * MUTANT: -DTELL_FIRST
 */
#include "self.h"

#include "src/scope.c"
#include "locks.h"

#include <assert.h>

uint32_t tpi_fork_generation;

enum { FAILS, BEGINS, COMES, CHILDREN };

static struct child {
	struct tpar_future f;
	struct tpi_ext ext; /* tpi_future_ext() */
} child[CHILDREN];

static struct tpar_group group;
static _Atomic int told; /* of the failure */
static _Atomic int sweeps;
static _Atomic int failures;

void
tpi_future_dispose(struct tpar_future *f)
{
	f->code = -1;
}

/* As stop_group() of cancel.c. */
void
tpi_cancel_group(struct tpar_group *of)
{
	struct tpar_future *f;

	atomic_fetch_add_explicit(&sweeps, 1, memory_order_relaxed);
	while ((f = tpi_scope_next_to_stop(of)) != NULL) {
		(void)tpi_state_request_stop(&f->state);
		tpi_future_release(f);
	}
}

/* Nobody holds it any more: it has been left by all. */
static void
last(struct tpar_group *of)
{
	assert(of->running == 0 && of->swept.first == NULL);
	assert(of->failures == (size_t)tpi_load_relaxed(&failures));
	of->last = NULL;
}

static void
tell(void)
{
	atomic_store_explicit(&told, 1, memory_order_release);
}

/* As tpi_future_ended(). */
static void
end(int i, unsigned outcome)
{
#ifdef TELL_FIRST
	tell();
#endif
	atomic_fetch_add_explicit(&failures, outcome == TPI_FAILED,
				  memory_order_relaxed);
	tpi_scope_child_ended(&child[i].f, outcome);
	if (outcome == TPI_FAILED) {
		tell();
	}
	tpi_scope_child_off(&child[i].f);
}

static void *
failer(void *arg)
{
	end(FAILS, TPI_FAILED);
	return arg;
}

/* As tpi_run_taken(). */
static void *
beginner(void *arg)
{
	int knows = atomic_load_explicit(&told, memory_order_acquire);

	if (tpi_scope_has_stopped(&child[BEGINS].f)) {
		assert(tpi_scope_reason(&group) == TPI_REASON_FAILURE);
		end(BEGINS, TPI_CANCELLED);
	} else {
		assert(!knows);
#ifdef TWO
		end(BEGINS, TPI_FAILED);
#else
		end(BEGINS, TPI_DONE);
#endif
	}
	return arg;
}

static void
make_child(int i)
{
	struct tpar_future *f = &child[i].f;

	tpi_state_init(&f->state, true);
	atomic_init(&f->holds, TPI_MEMREF);
	f->flags = TPI_F_EXT;
	child[i].ext.group = &group;
}

int
main(void)
{
	pthread_t thread[2];
	bool let_in;
	int i;

	group.last = last;
	atomic_init(&group.holds, 1);
	for (i = 0; i < CHILDREN; i++) {
		make_child(i);
	}
	assert(tpi_scope_enter(&group, &child[FAILS].f, 1));
	assert(tpi_scope_enter(&group, &child[BEGINS].f, 1));
	pthread_create(&thread[0], NULL, failer, NULL);
	pthread_create(&thread[1], NULL, beginner, NULL);
	let_in = tpi_scope_enter(&group, &child[COMES].f, 1);
	assert(let_in || tpi_scope_reason(&group) == TPI_REASON_FAILURE);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	assert(sweeps == 1 && group.live.first == NULL);
	if (let_in) {
		assert(child[COMES].ext.swept);
		tpi_scope_child_off(&child[COMES].f);
	}
	tpi_scope_let_go(&group);
	assert(group.last == NULL);
	return 0;
}
