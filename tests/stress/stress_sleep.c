/* SPDX-License-Identifier: MIT */
/*
 * stress_sleep.c - few tasks with pauses in between, so that workers fall asleep
 * all the time and are woken for each task, or one is lost: then nothing moves
 * any more, and the round says so.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { THREADS = 2, STEPS = 25, PLAYERS = 3 };

static tpar_pool *pool;

/* Shorter or longer than a worker looks for work before it sleeps. */
static void
pause_a_while(struct stress_random *random)
{
	struct timespec nap = { 0, 0 };

	switch (stress_below(random, 5)) {
	case 0:
		break;
	case 1:
		sched_yield();
		break;
	case 2:
		stress_dawdle(random, 200);
		break;
	case 3:
		nap.tv_nsec = (long)stress_below(random, 60000);
		(void)nanosleep(&nap, NULL);
		break;
	default:
		nap.tv_nsec = (long)stress_below(random, 300000);
		(void)nanosleep(&nap, NULL);
		break;
	}
}

static void
make_pool(struct stress_random *random)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = 1 + stress_below(random, 4);
	config.blocking_limit = 1 + stress_below(random, 4);
	config.stack_size = (size_t)256 * 1024;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
}

/* ---- Threads that submit one task, wait, pause ---------------------------- */

struct errand {
	uint64_t seed;
	_Atomic int *ended;
	int below; /* tasks that it submits in turn, one below the other */
};

static int
run_errand(void *arg, void *value)
{
	struct errand *errand = arg;
	struct stress_random random = { errand->seed };
	struct errand next = { stress_next(&random), errand->ended,
			       errand->below - 1 };
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;
	tpar_future *f;

	(void)value;
	atomic_fetch_add(errand->ended, 1);
	if (errand->below == 0) {
		return 0;
	}
	task.fn = run_errand;
	task.arg = &next;
	task.flags = stress_chance(&random, 50) ? TPAR_NO_INLINE : 0;
	if (stress_chance(&random, 40)) {
		task.priority = stress_chance(&random, 50) ? TPAR_PRIORITY_HIGH
							   : TPAR_PRIORITY_LOW;
	}
	UNIT_MUST(tpar_submit_task(NULL, &task, &f) == TPAR_OK);
	if (stress_chance(&random, 30)) {
		pause_a_while(&random);
	}
	err = tpar_future_wait(f, TPAR_FOREVER);
	UNIT_MUST(err == TPAR_OK || err == TPAR_EAGAIN);
	tpar_future_unref(f);
	return 0;
}

static void
send_errands(struct stress_random *random, unsigned n)
{
	_Atomic int ended = 0;
	struct errand errand[4];
	tpar_future *f[4];
	unsigned i;

	for (i = 0; i < n; i++) {
		errand[i] = (struct errand) { stress_next(random), &ended,
					      (int)stress_below(random, 3) };
		f[i] = unit_submit(pool, run_errand, &errand[i], 0);
		if (stress_chance(random, 30)) {
			pause_a_while(random);
		}
	}
	if (stress_chance(random, 50)) {
		UNIT_MUST(tpar_gather(f, n, NULL, NULL) == TPAR_OK);
	} else {
		UNIT_MUST(tpar_wait_all(f, n, tpar_in(3600 * TPAR_SECOND)) ==
			  TPAR_OK);
	}
	UNIT_MUST(atomic_load(&ended) >= (int)n);
	tpar_future_unref_all(f, n);
}

static void *
submit_and_pause(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };
	int i;

	for (i = 0; i < STEPS; i++) {
		send_errands(&random, 1 + stress_below(&random, 4));
		pause_a_while(&random);
	}
	return NULL;
}

static void
run_errands(struct stress_random *random)
{
	pthread_t thread[THREADS];
	uint64_t seed[THREADS];
	int i;

	make_pool(random);
	for (i = 0; i < THREADS; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(submit_and_pause, &seed[i]);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(every_task_wakes_somebody)
{
	ck_assert_int_gt(stress_run("errands", run_errands, 30), 0);
}
END_TEST

/* ---- Tasks that pass a ball, nobody waits for them ------------------------ */

struct game {
	_Atomic int left;
	struct unit_gate over;
};

struct ball {
	struct game *game;
	uint64_t seed;
};

static int play(void *arg, void *value);

static void
hit(struct game *game, uint64_t seed)
{
	struct ball *ball = malloc(sizeof *ball);
	struct tpar_task task = TPAR_TASK_INIT;

	UNIT_MUST(ball != NULL);
	ball->game = game;
	ball->seed = seed;
	task.fn = play;
	task.arg = ball;
	task.drop_arg = free;
	UNIT_MUST(tpar_submit_task(pool, &task, NULL) == TPAR_OK);
}

static int
play(void *arg, void *value)
{
	struct ball *ball = arg;
	struct stress_random random = { ball->seed };

	(void)value;
	if (stress_chance(&random, 40)) {
		pause_a_while(&random);
	}
	if (atomic_fetch_sub(&ball->game->left, 1) > 0) {
		hit(ball->game, stress_next(&random));
		if (stress_chance(&random, 20)) { /* others are to take it */
			pause_a_while(&random);
		}
	} else {
		unit_gate_open(&ball->game->over);
	}
	return 0;
}

static void
play_a_game(struct stress_random *random)
{
	struct game game = { .left = 150, .over = UNIT_GATE_INIT };
	unsigned balls = 1 + stress_below(random, PLAYERS);
	unsigned i;

	make_pool(random);
	for (i = 0; i < balls; i++) {
		hit(&game, stress_next(random));
	}
	unit_gate_await(&game.over, balls);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(no_ball_is_dropped)
{
	ck_assert_int_gt(stress_run("game", play_a_game, 30), 0);
}
END_TEST

/* ---- Several at once for sleeping workers: all are woken ------------------- */

enum { TOGETHER = 4, MEETINGS = 20 };

struct meeting {
	struct unit_gate gate;
	tpar_future *f[TOGETHER];
};

static int
meet(void *arg, void *value)
{
	struct meeting *meeting = arg;

	(void)value;
	unit_gate_open(&meeting->gate);
	unit_gate_await(&meeting->gate, TOGETHER);
	return 0;
}

static void
invite(tpar_pool *to, struct meeting *meeting, unsigned n)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = meet;
	task.arg = meeting;
	UNIT_MUST(tpar_submit_many(to, &task, NULL, 0, n, meeting->f) ==
		  TPAR_OK);
}

/* The first to come, on a worker, invites the others. */
static int
invite_others(void *arg, void *value)
{
	invite(NULL, arg, TOGETHER - 1);
	return meet(arg, value);
}

/* They can only go on when each of them runs on a worker of its own. */
static void
meet_often(struct stress_random *random)
{
	int i;

	pool = unit_pool(TOGETHER, 1);
	for (i = 0; i < MEETINGS; i++) {
		struct meeting meeting = { .gate = UNIT_GATE_INIT };

		pause_a_while(random);
		if (stress_chance(random, 50)) {
			invite(pool, &meeting, TOGETHER);
		} else {
			unit_run_in(pool, invite_others, &meeting);
			meeting.f[TOGETHER - 1] = tpar_future_ref(meeting.f[0]);
		}
		UNIT_MUST(tpar_wait_all(meeting.f, TOGETHER, TPAR_FOREVER) ==
			  TPAR_OK);
		tpar_future_unref_all(meeting.f, TOGETHER);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(as_many_are_woken_as_there_is_work_for)
{
	ck_assert_int_gt(stress_run("meetings", meet_often, 15), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { every_task_wakes_somebody, no_ball_is_dropped,
				 as_many_are_woken_as_there_is_work_for };

	return stress_main("stress_sleep", tests,
			   sizeof tests / sizeof tests[0]);
}
