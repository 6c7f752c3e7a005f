/* SPDX-License-Identifier: MIT */
/*
 * test_cause.c - which member of a set is to blame, and in whose words.
 */
#include "scene.h"

#include <limits.h>
#include <string.h>

START_TEST(of_those_that_had_failed_the_lowest_is_blamed)
{
	struct tpar_failure why;
	tpar_future *f[4];
	int i;

	for (i = 3; i >= 0; i--) {
		f[i] = unit_submit(NULL,
				   i == 0 ? unit_number_task : scene_fail_with,
				   (void *)(intptr_t)(10 + i),
				   sizeof(intptr_t));
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 i == 0 ? TPAR_OK : TPAR_EFAILED);
	}
	ck_assert_int_eq(tpar_gather(f, 4, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.code, 11);
	/* The others can still be read, one by one. */
	ck_assert_int_eq(tpar_future_code(f[2]), 12);
	ck_assert_str_eq(tpar_future_message(f[3]), "code 13");
	tpar_future_unref_all(f, 4);
}
END_TEST

/* Fails after another one has, if there is one; not at once. */
struct follower {
	tpar_future *before;
	long delay; /* rounds of doing nothing */
	int code;
};

static int
fail_after(void *arg, void *value)
{
	struct follower *self = arg;
	volatile long i;

	(void)value;
	if (self->before != NULL) {
		(void)tpar_future_wait(self->before, TPAR_FOREVER);
	}
	for (i = 0; i < self->delay; i++) {
	}
	return tpar_fail(self->code, "code %d", self->code);
}

/* Both ends of a long set fail while it is looked over, the front one first. */
START_TEST(first_to_fail_is_blamed_while_the_set_is_entered)
{
	enum { MEMBERS = 200000 };
	static tpar_future *f[MEMBERS];
	tpar_future *done = unit_submit(NULL, scene_return, NULL, 0);
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	long round;
	int i;

	ck_assert_int_eq(tpar_future_wait(done, TPAR_FOREVER), TPAR_OK);
	for (i = 1; i < MEMBERS - 1; i++) {
		f[i] = done;
	}
	for (round = 0; round < unit_scaled(100); round++) {
		struct follower front = { NULL, round * 977 % 60000, 1 };
		struct follower back = { NULL, 0, 2 };

		f[0] = unit_submit(pool, fail_after, &front, 0);
		back.before = f[0];
		f[MEMBERS - 1] = unit_submit(pool, fail_after, &back, 0);
		ck_assert_int_eq(tpar_gather(f, MEMBERS, NULL, &why),
				 TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 0);
		ck_assert_str_eq(why.message, "code 1");
		tpar_future_unref(f[0]);
		tpar_future_unref(f[MEMBERS - 1]);
	}
	tpar_future_unref(done);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/*
 * Three members: one fails; one waits for that and fails for it; and one is run
 * in place by the waiting task once it has entered the set.
 */
struct chain {
	struct scene *scene;
	_Atomic int entered;
	_Atomic int followed;
	tpar_future *f[3];
	struct tpar_failure why;
};

static int
set_flag(void *arg, void *value)
{
	(void)value;
	atomic_store((_Atomic int *)arg, 1);
	return 0;
}

static int
fail_when_followed(void *arg, void *value)
{
	struct chain *chain = arg;

	(void)value;
	UNIT_AWAIT(atomic_load(&chain->followed));
	return tpar_fail(1, "the cause");
}

static int
follow(void *arg, void *value)
{
	struct chain *chain = arg;
	struct tpar_failure why;
	tpar_future *f[2];
	enum tpar_err err;

	(void)value;
	UNIT_AWAIT(atomic_load(&chain->entered));
	f[0] = chain->f[1];
	f[1] = unit_submit(chain->scene->pool, set_flag,
			   (void *)&chain->followed, 0);
	err = tpar_gather(f, 2, NULL, &why);
	tpar_future_unref(f[1]);
	/*
	 * Who waits for this task may run the second one as soon as it can be
	 * seen, and be told of the failure before this set is.
	 */
	UNIT_MUST(err == TPAR_ESTOPPED ||
		  (err == TPAR_EFAILED && why.index == 0 && why.code == 1));
	return tpar_fail(2, "what follows");
}

static int
gather_chain(void *arg, void *value)
{
	struct chain *chain = arg;

	(void)value;
	chain->f[1] = scene_submit_elsewhere(NULL, fail_when_followed, arg, 0);
	chain->f[0] = scene_submit_elsewhere(NULL, follow, arg, 0);
	chain->f[2] = unit_submit(chain->scene->pool, set_flag,
				  (void *)&chain->entered, 0);
	UNIT_MUST(tpar_gather(chain->f, 3, NULL, &chain->why) == TPAR_EFAILED);
	tpar_future_unref_all(chain->f, 3);
	return 0;
}

START_TEST(failure_that_follows_from_another_is_not_the_cause)
{
	tpar_pool *pool = unit_pool(3, 2);
	struct scene scene;
	long round;

	scene_stall(&scene);
	for (round = 0; round < unit_scaled(200); round++) {
		struct chain chain = { .scene = &scene };

		unit_run_in(pool, gather_chain, &chain);
		ck_assert_uint_eq(chain.why.index, 1);
		ck_assert_int_eq(chain.why.code, 1);
		ck_assert_str_eq(chain.why.message, "the cause");
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

static int
stop_when_asked(void *arg, void *value)
{
	int rc;

	(void)value;
	unit_gate_open(arg);
	UNIT_AWAIT((rc = tpar_checkpoint()) != 0);
	return rc;
}

static int
fail_among_others(void *arg, void *value)
{
	(void)value;
	unit_gate_await(arg, 2);
	return 5;
}

START_TEST(cause_is_not_masked_by_the_stop_it_leads_to)
{
	tpar_pool *pool = unit_pool(3, 1);
	struct tpar_failure why;
	tpar_future *f[3];
	long round;

	for (round = 0; round < unit_scaled(200); round++) {
		struct unit_gate begun = UNIT_GATE_INIT;

		f[0] = unit_submit(pool, stop_when_asked, &begun, 0);
		f[1] = unit_submit(pool, fail_among_others, &begun, 0);
		f[2] = unit_submit(pool, stop_when_asked, &begun, 0);
		ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 1);
		ck_assert_int_eq(why.state, TPAR_FAILED);
		ck_assert_int_eq(why.code, 5);
		ck_assert_uint_gt(strlen(why.message), 0);
		tpar_future_unref_all(f, 3);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(codes_of_a_task_are_never_taken_for_the_librarys)
{
	static const int codes[] = { TPAR_ECANCELED, TPAR_EINVAL, TPAR_EFAILED,
				     TPAR_ETIMEDOUT, 1,		  -1,
				     INT_MAX,	     INT_MIN };
	size_t i;

	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		tpar_future *f = unit_submit(NULL, scene_return,
					     (void *)(intptr_t)codes[i], 0);
		struct tpar_failure why;

		ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_EFAILED);
		ck_assert_uint_eq(why.index, 0);
		ck_assert_int_eq(why.state, TPAR_FAILED);
		ck_assert_int_eq(why.code, codes[i]);
		ck_assert_int_eq(tpar_future_state(f), TPAR_FAILED);
		ck_assert_int_eq(tpar_future_code(f), codes[i]);
		tpar_future_unref(f);
	}
}
END_TEST

START_TEST(stop_that_nobody_asked_for_is_a_cancelled_member)
{
	tpar_future *f = unit_submit(NULL, scene_return,
				     (void *)(intptr_t)TPAR_ESTOPPED, 0);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_uint_gt(strlen(why.message), 0);
	tpar_future_unref(f);
}
END_TEST

/* Gathers three of which the last fails, and passes that on. */
static int
gather_inside(void *arg, void *value)
{
	struct tpar_failure why;
	tpar_future *f[3];
	enum tpar_err err;

	(void)value;
	f[0] = unit_submit(NULL, unit_number_task, NULL, sizeof(intptr_t));
	f[1] = unit_submit(NULL, unit_number_task, NULL, sizeof(intptr_t));
	f[2] = unit_submit(NULL, scene_fail_with, arg, sizeof(intptr_t));
	err = tpar_gather(f, 3, NULL, &why);
	tpar_future_unref_all(f, 3);
	UNIT_MUST(err == TPAR_EFAILED);
	UNIT_MUST(why.index == 2);
	return tpar_fail_from(&why);
}

START_TEST(nested_failure_comes_up_as_one)
{
	struct tpar_failure why;
	tpar_future *f[2];

	f[0] = unit_submit(NULL, unit_number_task, NULL, sizeof(intptr_t));
	f[1] = unit_submit(NULL, gather_inside, (void *)77, sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 77);
	ck_assert_ptr_nonnull(strstr(why.message, "code 77"));
	tpar_future_unref_all(f, 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		of_those_that_had_failed_the_lowest_is_blamed,
		first_to_fail_is_blamed_while_the_set_is_entered,
		failure_that_follows_from_another_is_not_the_cause,
		cause_is_not_masked_by_the_stop_it_leads_to,
		codes_of_a_task_are_never_taken_for_the_librarys,
		stop_that_nobody_asked_for_is_a_cancelled_member,
		nested_failure_comes_up_as_one,
	};

	return unit_main("cause", tests, sizeof tests / sizeof tests[0]);
}
