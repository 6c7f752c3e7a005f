/* SPDX-License-Identifier: MIT */
/*
 * test_stop_race.c - a stop meets a task that is about to begin, runs, or is
 * about to end: one of the two wins, all see the same winner, no value is lost.
 */
#include "scene.h"

#include <string.h>

static uint32_t
random_below(uint32_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % n;
}

static void
idle(uint32_t rounds)
{
	volatile uint32_t i;

	for (i = 0; i < rounds; i++) {
	}
}

/* Owns its value, a block of memory with a number in it. */
struct racer {
	uint32_t delay;
	bool gives_way;
	_Atomic int ran;
	long number;
};

static int
race(void *arg, void *value)
{
	struct racer *racer = arg;
	long *number = malloc(sizeof *number);
	int rc;

	UNIT_MUST(number != NULL);
	atomic_store(&racer->ran, 1);
	idle(racer->delay);
	if (racer->gives_way && (rc = tpar_checkpoint()) != 0) {
		free(number);
		return rc;
	}
	*number = racer->number;
	*(long **)value = number;
	return 0;
}

static _Atomic long dropped;

static void
drop_number(void *value)
{
	free(*(long **)value);
	atomic_fetch_add(&dropped, 1);
}

static tpar_future *
start_racer(tpar_pool *pool, struct racer *racer)
{
	struct tpar_task task = scene_droppable(race, racer, sizeof(long *));

	task.drop_value = drop_number;
	return unit_submit_task(pool, &task);
}

/* What the one who stops got, and how the task ended, fit together. */
static void
check_end(struct racer *racer, tpar_future *f, enum tpar_err cancel)
{
	enum tpar_state state = tpar_future_state(f);

	if (state == TPAR_DONE) {
		long *const *number = tpar_future_value(f);

		ck_assert_int_eq(atomic_load(&racer->ran), 1);
		ck_assert_ptr_nonnull(number);
		ck_assert_int_eq(**number, racer->number);
		return;
	}
	ck_assert_int_eq(state, TPAR_CANCELLED);
	ck_assert_int_eq(cancel, TPAR_OK);
	ck_assert(racer->gives_way || atomic_load(&racer->ran) == 0);
	ck_assert_ptr_null(tpar_future_value(f));
}

/* They are run from the front and stopped from the back, and meet. */
START_TEST(stop_or_value_wins_and_the_loser_sees_it)
{
	enum { BATCH = 32 };
	long rounds = unit_scaled(400);
	tpar_pool *pool = unit_pool(1, 1);
	enum tpar_err cancel[BATCH];
	struct racer racer[BATCH];
	tpar_future *f[BATCH];
	uint32_t seed = 20231107;
	long done = 0;
	long round;
	int i;

	memset(racer, 0, sizeof racer);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < BATCH; i++) {
			racer[i].delay = random_below(&seed, 60);
			racer[i].gives_way = random_below(&seed, 2) == 1;
			racer[i].number = round * BATCH + i;
			atomic_store(&racer[i].ran, 0);
			f[i] = start_racer(pool, &racer[i]);
		}
		/* Either it begins meanwhile, or it is at it. */
		if (round % 2 == 0) {
			UNIT_AWAIT(tpar_future_state(f[0]) >= TPAR_DONE);
		}
		for (i = BATCH - 1; i >= 0; i--) {
			cancel[i] = tpar_future_cancel(f[i]);
		}
		for (i = 0; i < BATCH; i++) {
			enum tpar_err err =
				tpar_future_wait(f[i], TPAR_FOREVER);

			check_end(&racer[i], f[i], cancel[i]);
			ck_assert_int_eq(err,
					 tpar_future_state(f[i]) == TPAR_DONE
						 ? TPAR_OK
						 : TPAR_ECANCELED);
			done += err == TPAR_OK;
		}
		tpar_future_unref_all(f, BATCH);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), rounds * BATCH);
	ck_assert_int_eq(atomic_load(&dropped), done);
}
END_TEST

/* One thread stops one member of a set while another gathers the set. */
enum { MEMBERS = 4 };

struct contest {
	tpar_future *victim;
	uint32_t delay;
	enum tpar_err cancel;
};

static void *
stop_victim(void *arg)
{
	struct contest *contest = arg;

	idle(contest->delay);
	contest->cancel = tpar_future_cancel(contest->victim);
	return NULL;
}

/* All values have moved, or none has. */
static long
check_set(enum tpar_err err, tpar_future **f, struct racer *racer,
	  long *values[MEMBERS])
{
	long moved = 0;
	int i;

	for (i = 0; i < MEMBERS; i++) {
		if (err == TPAR_OK) {
			ck_assert_int_eq(*values[i], racer[i].number);
			ck_assert_ptr_null(tpar_future_value(f[i]));
			free(values[i]);
			moved++;
		} else {
			ck_assert_ptr_null(values[i]);
			check_end(&racer[i], f[i], TPAR_OK);
		}
	}
	return moved;
}

START_TEST(set_is_complete_or_the_stopped_member_is_to_blame)
{
	long rounds = unit_scaled(1000);
	tpar_pool *pool = unit_pool(2, 1);
	uint32_t seed = 20231108;
	long moved = 0;
	long ran = 0;
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		struct racer racer[MEMBERS];
		long *values[MEMBERS] = { NULL };
		tpar_future *f[MEMBERS];
		struct tpar_failure why;
		struct contest contest;
		uint32_t victim = random_below(&seed, MEMBERS);
		pthread_t thread;
		enum tpar_err err;

		memset(racer, 0, sizeof racer);
		for (i = 0; i < MEMBERS; i++) {
			racer[i].delay = random_below(&seed, 400);
			racer[i].number = round * MEMBERS + i;
			f[i] = start_racer(pool, &racer[i]);
		}
		contest.victim = f[victim];
		contest.delay = random_below(&seed, 2000);
		thread = unit_start(stop_victim, &contest);
		err = tpar_gather(f, MEMBERS, values, &why);
		unit_join(thread);
		if (err != TPAR_OK) {
			ck_assert_int_eq(err, TPAR_ECANCELED);
			ck_assert_int_eq(contest.cancel, TPAR_OK);
			ck_assert_uint_eq(why.index, victim);
		}
		moved += check_set(err, f, racer, values);
		for (i = 0; i < MEMBERS; i++) {
			ran += atomic_load(&racer[i].ran);
		}
		tpar_future_unref_all(f, MEMBERS);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), rounds * MEMBERS);
	ck_assert_int_eq(atomic_load(&dropped) + moved, ran);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stop_or_value_wins_and_the_loser_sees_it,
		set_is_complete_or_the_stopped_member_is_to_blame,
	};

	return unit_main("stop_race", tests, sizeof tests / sizeof tests[0]);
}
