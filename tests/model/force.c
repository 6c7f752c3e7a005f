/* SPDX-License-Identifier: MIT */
/*
 * force.c - an owner that forks and joins and does not hear, and thieves that
 * take its forks all the same: each runs once, of its own computation, with its
 * own arguments, and the join has its result.  One after the other in the same
 * slot; NESTED, the younger one in a computation within; WITHIN, and the thief is
 * a join, which takes none but of that; or AT_END, where a fork finds no slot and
 * is a call.
 *
 * LONG: -DTHIEVES=2 -DROUNDS=1
 * CFLAGS: -DTHIEVES=1 -DNESTED
 * CFLAGS: -DTHIEVES=1 -DWITHIN
 * CFLAGS: -DTHIEVES=1 -DAT_END
 * CFLAGS: -DTHIEVES=1 -DROUNDS=2
 * MUTANT: -DNO_HEAVY
 * MUTANT: -DNO_LIGHT
 * MUTANT: slots.c s/s->settled == settled &&//
 * MUTANT: slots.c s/(void)poke_surely(s);//
 * MUTANT: slots.c /ORDER L1 acquire/,/;/s/_ACQUIRE/_RELAXED/
 * MUTANT: include/taskpar/forktask.h /ORDER L1 release/,/;/s/_RELEASE/_RELAXED/
 * MUTANT: slots.c /ORDER L3 release/,/;/s/_release/_relaxed/
 * MUTANT: slots.c /ORDER L3 acquire/,/;/s/_acquire/_relaxed/
 * MUTANT: -UROUNDS -DNESTED slots.c s/while (slot < span->start)/while (0)/
 * MUTANT: -UROUNDS -DWITHIN slots.c s/span->forked != forked/0/
 * MUTANT: -UROUNDS -DWITHIN slots.c s/s->span = span->outer;//
 * MUTANT: -UROUNDS -DAT_END slots.c s/slot < s->end &&//
 * BLOCKED: where the owner would wait for a result, or for the lock
 */
#include "forks.h"

#ifndef ROUNDS
#define ROUNDS 2
#endif

static _Atomic int ran[ROUNDS];
#ifdef NESTED
static struct tpi_region inner;
#define PART NULL
#elif defined WITHIN
static struct tpi_region inner;
static struct tpi_forked part;
#define PART (&part)
#endif

struct data {
	int round;
	int result;
};

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
	assert(atomic_fetch_add_explicit(&ran[data->round], 1,
					 memory_order_relaxed) == 0);
	data->result = 7 + data->round;
}

static void *
thief(void *arg)
{
	struct tpar_future *f;
#ifdef WITHIN
	tpi_slots_poke(slots);
	f = tpi_slots_force_from(arg, slots, PART);
#elif THIEVES == 1
	tpi_slots_poke(slots);
	f = tpi_slots_force(arg);
#else
	struct tpi_forked *forked = force(arg, slots, NULL);

	f = forked != NULL ? &forked->future : NULL;
#endif
	if (f != NULL) {
#ifdef PART
		struct tpi_forked *got = f->arg;

		assert(got->region == (got->slot == base ? &region : &inner));
		assert(got->slot != base || PART == NULL);
#endif
		run_taken(f);
	}
	return NULL;
}

static void
fork_one(struct tpar_slot *slot, int round)
{
	data_of(slot)->round = round;
	(void)tpar_fork_slot(slot, task);
}

struct tpar_slot *
tpar_fork_slow_1(struct tpar_slot *slot)
{
	if (slot < slots->end) {
		return slot + 1;
	}
	/* As call_now() of forkjoin.c. */
	__atomic_store_n(&slot->head.fn, (tpar_slot_fn)NULL, __ATOMIC_RELAXED);
	task(slot, slot);
	return slot;
}

static void
owner(void)
{
#ifdef PART
	struct tpi_span within;

	fork_one(base, 0);
	assert(tpi_slots_enter(slots, &within, &inner, PART) == base + 1);
	fork_one(base + 1, 1);
	join(base + 1, task);
	assert(data_of(base + 1)->result == 8);
	tpi_slots_leave(slots, &within);
	join(base, task);
	assert(data_of(base)->result == 7);
#else
	int i;

	for (i = 0; i < ROUNDS; i++) {
		fork_one(base, i);
#ifndef AT_END
		join(base, task);
#endif
		assert(data_of(base)->result == 7 + i);
	}
#endif
}

int
main(void)
{
	pthread_t thread[THIEVES];
	int i;

#ifdef AT_END
	make_slots(0);
#else
	make_slots(SLOTS - 1);
#endif
	(void)tpi_slots_enter(slots, &span, &region, &whole);
	for (i = 0; i < THIEVES; i++) {
		pthread_create(&thread[i], NULL, thief, &worker[1 + i]);
	}
	owner();
	for (i = 0; i < THIEVES; i++) {
		pthread_join(thread[i], NULL);
	}
	assert(tpi_load_relaxed(&slots->priv) == base);
	tpi_slots_leave(slots, &span);
	free_slots();
	return 0;
}
