/* SPDX-License-Identifier: MIT */
/*
 * slots.c - an owner that forks, hears or not, promotes and joins, and a thief
 * that pokes and steals: each fork runs once, with its arguments, and its join
 * has the result.  TWICE, one fork after the other in the same slot; AGAIN, one
 * that was asked for, and what the thief asks for as it takes it stays; ANSWERED,
 * the thief finds what it asked for when it is told so; else two that nest, and
 * maybe a second thief (THIEVES=2), who does not poke.
 *
 * CFLAGS: -DTHIEVES=1 -DTWICE
 * CFLAGS: -DTHIEVES=1 -DAGAIN
 * CFLAGS: -DTHIEVES=1 -DANSWERED
 * CFLAGS: -DTHIEVES=2
 * CFLAGS: -DTHIEVES=1
 * MUTANT: slots.c s/if (slot < tpi_load_relaxed(&s->priv))/if (0)/
 * MUTANT: slots.c s/limit = (uintptr_t)tpi_load_relaxed(&s->priv)/limit = (uintptr_t)s->base/
 * MUTANT: -DTWICE slots.c s/tpi_store_relaxed(&s->priv, slot);//
 * MUTANT: -DAGAIN slots.c s/if (n > 0 && w->pool/if (n > 0) clear_pokes(s); &/
 * MUTANT: -DANSWERED slots.c /ORDER L7/,/;/s/_RELEASE/_RELAXED/
 * MUTANT: -DANSWERED slots.h /ORDER L7/,/{/s/_ACQUIRE/_RELAXED/
 * MUTANT: -DANSWERED slots.h /ORDER L3/,/;/s/_acquire/_relaxed/
 * MUTANT: -DANSWERED slots.h s/memory_order_acquire) == 0/memory_order_acquire) <= 1/
 * MUTANT: -DPROMOTE_JOINED slots.c s/slot->head.fn == NULL ||//
 * MUTANT: -DNO_CLAIM
 * MUTANT: deque.h /ORDER D1 release -> tpi_deque_steal(): slot/,/;/s/_release/_relaxed/
 * MUTANT: state.h /ORDER F2 seq_cst -> tpi_state_get/,/;/s/_seq_cst/_relaxed/
 * BLOCKED: where the owner would wait for a result
 */
#include "forks.h"

#define FORKS 2

struct data {
	int fork;
	int result;
};

static _Atomic int ran[FORKS];
#ifdef AGAIN
static bool asks_again;
#endif

static struct data *
data_of(struct tpar_slot *slot)
{
	return (struct data *)(void *)slot->data;
}

static void
task(struct tpar_slot *head, struct tpar_slot *self)
{
	struct data *data = data_of(self);

	(void)head;
	assert(atomic_fetch_add_explicit(&ran[data->fork], 1,
					 memory_order_relaxed) == 0);
	data->result = 7 + data->fork;
}

#ifdef ANSWERED
static void *
thief(void *arg)
{
	struct tpar_future *f;

	tpi_slots_poke(slots);
	if (tpi_slots_has_answered(slots)) {
		assert(tpi_deque_steal(&worker[0].deque, &f) == TPI_STEAL_GOT);
		run_taken(f);
	}
	(void)arg;
	return NULL;
}
#else
static void *
thief(void *arg)
{
	struct tpar_future *f;

#ifndef AGAIN
	if (arg == &worker[1]) {
		tpi_slots_poke(slots);
	}
#endif
	if (tpi_deque_steal(&worker[0].deque, &f) == TPI_STEAL_GOT) {
#ifdef AGAIN
		asks_again = true;
		tpi_slots_poke(slots);
#endif
		run_taken(f);
	}
	(void)arg;
	return NULL;
}
#endif

struct tpar_slot *
tpar_fork_slow_1(struct tpar_slot *slot)
{
	if (tpi_slots_asked(slots)) {
		(void)tpi_slots_promote(slots, slot + 1, 1);
	}
	return slot + 1;
}

static void
fork_one(struct tpar_slot *slot, int i)
{
	data_of(slot)->fork = i;
	(void)tpar_fork_slot(slot, task);
}

static void
join_one(struct tpar_slot *slot, int i)
{
	join(slot, task);
	assert(data_of(slot)->result == 7 + i);
	assert(tpi_load_relaxed(&slots->priv) <= slot);
}

int
main(void)
{
	pthread_t thread[THIEVES];
	struct tpar_future *f;
	int i;

	make_slots(SLOTS - 1);
	(void)tpi_slots_enter(slots, &span, &region, &whole);
	for (i = 0; i < THIEVES; i++) {
		pthread_create(&thread[i], NULL, thief, &worker[1 + i]);
	}
#ifdef AGAIN
	tpi_slots_poke(slots);
#endif
	fork_one(base, 0);
#ifdef ANSWERED
	pthread_join(thread[0], NULL);
	join_one(base, 0);
#elif defined AGAIN
	join_one(base, 0);
#elif defined TWICE
	join_one(base, 0);
	fork_one(base, 1);
	join_one(base, 1);
#else
	fork_one(base + 1, 1);
	join_one(base + 1, 1);
	join_one(base, 0);
#endif
#ifndef ANSWERED
	for (i = 0; i < THIEVES; i++) {
		pthread_join(thread[i], NULL);
	}
#endif
	assert(tpi_load_relaxed(&slots->priv) == base);
#ifdef AGAIN
	assert(tpi_slots_asked(slots) == asks_again);
#endif
	/* What was withdrawn from beneath a younger one lies there still. */
	while ((f = tpi_deque_pop_owner(&worker[0].deque)) != NULL) {
		run_taken(f);
	}
	tpi_slots_leave(slots, &span);
	free_slots();
	return 0;
}
