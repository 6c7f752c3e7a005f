/* SPDX-License-Identifier: MIT */
/*
 * test_starved.c - what lies behind gathers in the background, and has nobody
 * else to run it.
 */
#include "config.h"

#include "handmade.h"

#include "src/frame.h"
#include "src/loose.h"
#include "src/run.h"
#include "src/starved.h"

static struct tpar_pool *pool;
static struct tpar_pool *other; /* whose threads are used up */
static struct tpi_worker *worker;
static struct tpar_future *f; /* the other one's */

static void
start(void)
{
	pool = hand_pool(1);
	worker = hand_worker(pool);
	hand_become(worker);
	other = hand_pool(1);
	(void)hand_worker(other);
	other->capacity = 1;
	atomic_store(&other->park.word, 0);
	f = hand_future(other);
}

static void
finish(void)
{
	hand_drop(f);
	hand_free(other);
	hand_free(pool);
}

/* A gather in the background, whose frame is `its`. */
static struct tpar_future *
gather_of(struct tpi_frame *its, tpar_future *const *members, size_t n,
	  bool shielded)
{
	struct tpar_task described = TPAR_TASK_INIT;
	struct tpi_shape shape;
	struct tpar_future *all;

	UNIT_MUST(tpi_future_shape(&described, &shape));
	all = tpi_loose_create(&described, &shape, true);
	UNIT_MUST(all != NULL);
	if (shielded) {
		atomic_fetch_or(&all->pins, TPI_PINS_SHIELDED);
	}
	tpi_frame_init(its, TPI_WAIT_GATHER, members, n);
	tpi_frame_publish(its, all);
	return all;
}

static void
end_gather(struct tpar_future *all)
{
	atomic_store(&all->cur, NULL);
	tpi_future_end(all, 0, NULL);
	hand_drop(all);
}

/* What a wait for `all` finds; it is ended.  NULL: nothing. */
static struct tpar_future *
find_behind(struct tpar_future *all, bool *bound)
{
	struct tpi_frame frame;
	struct tpi_watch watch;
	struct tpar_future *found;

	tpi_frame_init(&frame, TPI_WAIT_GATHER, &all, 1);
	found = tpi_starved_find(worker, &frame, &watch, bound);
	if (found != NULL) {
		ck_assert_uint_eq(tpi_state_peek(&found->state), TPI_RUNNING);
		tpi_run_skip(found, &watch);
		tpi_future_release(found);
	}
	return found;
}

/* Of two gathers, one in the other; which of them is shielded, 0: none. */
static bool
is_bound(int shielded)
{
	struct tpar_future *inner;
	struct tpar_future *outer;
	struct tpi_frame its[2];
	bool bound;

	start();
	inner = gather_of(&its[0], &f, 1, shielded == 1);
	outer = gather_of(&its[1], &inner, 1, shielded == 2);
	ck_assert_ptr_eq(find_behind(outer, &bound), f);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	end_gather(outer);
	end_gather(inner);
	finish();
	return bound;
}

START_TEST(member_of_a_member_is_bound_to_the_wait_unless_shielded)
{
	ck_assert(is_bound(0));
	ck_assert(!is_bound(1));
	ck_assert(!is_bound(2));
}
END_TEST

START_TEST(what_its_own_pool_can_run_is_left_to_that_one)
{
	struct tpar_future *all;
	struct tpi_frame its;
	bool bound;

	start();
	all = gather_of(&its, &f, 1, false);
	atomic_store(&other->park.word, TPI_ACTIVE);
	ck_assert_ptr_null(find_behind(all, &bound));
	UNIT_MUST(tpi_future_claim(f)); /* nobody has */
	tpi_future_end(f, 0, NULL);
	end_gather(all);
	finish();
}
END_TEST

#define LEVELS 50

/* Each is a member of the next one twice: there are 2^50 ways to the task. */
START_TEST(gather_is_looked_into_once_whatever_leads_to_it)
{
	struct tpar_future *level[LEVELS][2];
	struct tpi_frame its[LEVELS];
	bool bound;
	size_t i;

	start();
	level[0][0] = level[0][1] = f;
	for (i = 1; i < LEVELS; i++) {
		level[i][0] = gather_of(&its[i], level[i - 1], 2, false);
		level[i][1] = level[i][0];
	}
	/* It cannot be claimed: all ways are gone. */
	UNIT_MUST(tpi_future_claim(f));
	ck_assert_ptr_null(find_behind(level[LEVELS - 1][0], &bound));
	tpi_future_end(f, 0, NULL);
	for (i = LEVELS - 1; i > 0; i--) {
		end_gather(level[i][0]);
	}
	finish();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		member_of_a_member_is_bound_to_the_wait_unless_shielded,
		what_its_own_pool_can_run_is_left_to_that_one,
		gather_is_looked_into_once_whatever_leads_to_it,
	};

	return unit_main("starved", tests, sizeof tests / sizeof tests[0]);
}
