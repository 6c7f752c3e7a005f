/* SPDX-License-Identifier: MIT */
/*
 * sysworld.c - beginning a run, what a seed chooses, and the list of threads.
 *
 * Even seeds draw at each point whether and to whom the turn passes, at odds that
 * the seed has drawn before.  Odd seeds give each thread a priority, and take it
 * away at a few points of the run (Burckhardt et al., "A Randomized Scheduler
 * with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010): they keep long
 * stretches whole, and find what needs few changes at the right places.
 */
#include "config.h"

#include "sysworld.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Switches at one of 4 .. 64 points. */
#define ODDS_FIRST 2
#define ODDS 5

/* Priorities are taken away in the first 128 .. 16,384 steps. */
#define RANGE_FIRST 7
#define RANGES 8

/* What threads begin with is above all that has been taken away. */
#define PRIORITY_FIRST ((uint64_t)1 << 32)

struct tpi_sysworld *tpi_sysworld;
_Thread_local struct tpi_systhread *tpi_sysworld_self;

/* xorshift64*; George Marsaglia, "Xorshift RNGs", 2003. */
uint64_t
tpi_sysworld_draw(struct tpi_sysworld *world)
{
	uint64_t x = world->rng;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	world->rng = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned
tpi_sysworld_below(struct tpi_sysworld *world, unsigned n)
{
	return (unsigned)(((tpi_sysworld_draw(world) >> 32) * n) >> 32);
}

/* Neighbours must have nothing in common (splitmix64). */
static uint64_t
mix(uint64_t seed)
{
	uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x != 0 ? x : 1;
}

static void
choose_changes(struct tpi_sysworld *world)
{
	unsigned range = 1u
			 << (RANGE_FIRST + tpi_sysworld_below(world, RANGES));
	unsigned n = tpi_sysworld_below(world, TPI_SYS_CHANGES + 1);
	unsigned i;
	unsigned k;

	for (i = 0; i < TPI_SYS_CHANGES; i++) {
		uint64_t at = i < n ? 1 + tpi_sysworld_below(world, range)
				    : UINT64_MAX;

		for (k = i; k > 0 && world->change_at[k - 1] > at; k--) {
			world->change_at[k] = world->change_at[k - 1];
		}
		world->change_at[k] = at;
	}
}

void
tpi_sysworld_begin(struct tpi_sysworld *world, uint64_t seed)
{
	/* What stands before is the caller's. */
	size_t kept = offsetof(struct tpi_sysworld, rng);
	size_t used = offsetof(struct tpi_sysworld, thread) +
		      world->slots * sizeof world->thread[0];

	memset((char *)world + kept, 0, used - kept);
	world->seed = seed;
	world->rng = mix(seed);
	world->now = TPI_SYS_BEGIN;
	world->by_priority = seed % 2 == 1;
	world->odds =
		(1u << (ODDS_FIRST + tpi_sysworld_below(world, ODDS))) - 1;
	world->lowest = PRIORITY_FIRST;
	choose_changes(world);
	(void)sem_init(&world->answered, 0, 0);
	tpi_sysworld_note(world, seed);
}

struct tpi_systhread *
tpi_sysworld_add(struct tpi_sysworld *world)
{
	struct tpi_systhread *t;
	unsigned i;

	for (i = 0; i < world->slots; i++) {
		if (world->thread[i].wait == TPI_SYS_UNUSED) {
			break;
		}
	}
	if (i == TPI_SYS_THREADS) {
		return NULL;
	}
	t = &world->thread[i];
	memset(t, 0, sizeof *t);
	(void)sem_init(&t->turn, 0, 0);
	if (i == world->slots) {
		world->slots++;
	}
	t->wait = TPI_SYS_READY;
	t->number = world->started++;
	t->priority = PRIORITY_FIRST + (tpi_sysworld_draw(world) >> 32);
	(void)snprintf(t->name, sizeof t->name, "%s",
		       t->number == 0 ? "main" : "");
	return t;
}

void
tpi_sysworld_remove(struct tpi_systhread *t)
{
	t->wait = TPI_SYS_UNUSED;
}
