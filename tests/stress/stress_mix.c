/* SPDX-License-Identifier: MIT */
/*
 * stress_mix.c - random programs over all calls, from several threads and from
 * tasks, with an account of every task: accepted ones run or are cancelled
 * once, what they own is dropped or taken once, and outcomes agree with what
 * was done.
 *
 * Jobs submit jobs and wait for them in some way; they share futures through a
 * few slots, so that anybody may wait for, take or cancel anybody's.
 */
#include "mix.h"

enum { THREADS = 3, STEPS = 8, ITEMS = 40, MAP_CODE = 77 };

/* ---- Waiting ------------------------------------------------------------- */

/* What any wait may say of its caller rather than of its members. */
static bool
is_callers(struct work *work, enum tpar_err err, int64_t deadline)
{
	switch (err) {
	case TPAR_ETIMEDOUT:
		return deadline != TPAR_FOREVER;
	case TPAR_ESTOPPED:
		return work->in_task && tpar_cancelled();
	case TPAR_EDEADLK:
	case TPAR_EAGAIN:
		return work->in_task;
	default:
		return false;
	}
}

static void
take_all(struct work *work, const char *values)
{
	unsigned i;

	for (i = 0; i < work->n; i++) {
		const char *value = values + i * world.value_size;

		if (tpar_future_state(work->f[i]) != TPAR_DONE) {
			continue;
		}
		if (work->job[i]->owns) {
			take(work->job[i], value);
		} else {
			check_value(work->job[i], value);
		}
	}
}

static void
gather(struct work *work, int64_t deadline)
{
	char values[KIDS * VALUE_MAX];
	bool wanted = stress_chance(&work->random, 50);
	struct tpar_failure why;
	enum tpar_err err = tpar_gather_until(
		work->f, work->n, wanted ? values : NULL, deadline, &why);

	if (err == TPAR_EDEADLK) {
		UNIT_MUST(is_callers(work, err, deadline));
		return;
	}
	check_all_ended(work);
	if (err == TPAR_OK) {
		if (wanted) {
			take_all(work, values);
		}
		return;
	}
	UNIT_MUST(why.message[0] != '\0');
	if (err == TPAR_EFAILED || err == TPAR_ECANCELED) {
		UNIT_MUST(why.index < work->n);
		UNIT_MUST(why.state == tpar_future_state(work->f[why.index]));
		UNIT_MUST(why.code == tpar_future_code(work->f[why.index]));
		UNIT_MUST((why.state == TPAR_FAILED) == (err == TPAR_EFAILED));
	} else {
		UNIT_MUST(why.index == SIZE_MAX);
		UNIT_MUST((err == TPAR_EALREADY && wanted) ||
			  is_callers(work, err, deadline));
	}
}

static void
settle(struct work *work)
{
	char values[KIDS * VALUE_MAX];
	bool wanted = stress_chance(&work->random, 50);
	struct tpar_outcome outcomes[KIDS];
	enum tpar_err err = tpar_gather_settled(
		work->f, work->n, wanted ? values : NULL, outcomes);
	unsigned i;

	UNIT_MUST(err == TPAR_OK || (err == TPAR_EALREADY && wanted) ||
		  is_callers(work, err, TPAR_FOREVER));
	if (err == TPAR_EDEADLK) {
		return;
	}
	check_all_ended(work);
	if (err == TPAR_EALREADY) {
		return;
	}
	for (i = 0; i < work->n; i++) {
		UNIT_MUST(outcomes[i].state == tpar_future_state(work->f[i]));
		UNIT_MUST(outcomes[i].code == tpar_future_code(work->f[i]));
	}
	if (wanted) {
		take_all(work, values);
	}
}

static void
wait_plainly(struct work *work, int64_t deadline)
{
	enum tpar_err err;
	unsigned i;

	if (stress_chance(&work->random, 50)) {
		err = tpar_wait_all(work->f, work->n, deadline);
		UNIT_MUST(err == TPAR_OK || is_callers(work, err, deadline));
		if (err == TPAR_OK || err == TPAR_EAGAIN) {
			check_all_ended(work);
		}
		return;
	}
	for (i = 0; i < work->n; i++) {
		err = tpar_future_wait(work->f[i], deadline);
		if (err == TPAR_OK || err == TPAR_EFAILED ||
		    err == TPAR_ECANCELED) {
			check_ended(work->job[i], work->f[i]);
		} else {
			UNIT_MUST(is_callers(work, err, deadline));
		}
	}
}

static void
wait_somehow(struct work *work)
{
	int64_t deadline = stress_deadline(&work->random);

	switch (stress_below(&work->random, 6)) {
	case 0:
	case 1:
		gather(work, TPAR_FOREVER);
		break;
	case 2:
		gather(work, deadline);
		break;
	case 3:
		settle(work);
		break;
	case 4:
		wait_plainly(work, deadline);
		break;
	default:
		break;
	}
}

/* ---- Maps ---------------------------------------------------------------- */

static int
map_item(void *arg, void *value)
{
	unsigned i = *(unsigned *)arg;

	*(unsigned *)value = ~i;
	return i == ITEMS ? tpar_fail(MAP_CODE, "the last one") : 0;
}

static void
map(struct work *work)
{
	bool fails = stress_chance(&work->random, 30);
	unsigned values[ITEMS];
	unsigned args[ITEMS];
	struct tpar_failure why;
	enum tpar_err err;
	unsigned i;

	for (i = 0; i < ITEMS; i++) {
		args[i] = i;
	}
	if (fails) {
		args[ITEMS - 1] = ITEMS;
	}
	err = tpar_map(some_pool(work), map_item, args, sizeof args[0], values,
		       sizeof values[0], ITEMS, &why);
	if (err == TPAR_OK) {
		UNIT_MUST(!fails);
		for (i = 0; i < ITEMS; i++) {
			UNIT_MUST(values[i] == ~i);
		}
	} else if (err == TPAR_EFAILED) {
		UNIT_MUST(fails && why.index == ITEMS - 1);
		UNIT_MUST(why.code == MAP_CODE);
	} else {
		UNIT_MUST(why.index == SIZE_MAX);
		UNIT_MUST(is_callers(work, err, TPAR_FOREVER) ||
			  ((err == TPAR_ECANCELED || err == TPAR_ECLOSED) &&
			   atomic_load(&world.closes)));
	}
}

/* ---- Jobs and threads ---------------------------------------------------- */

static int run_job(void *arg, void *value);

static void
take_one(struct work *work, unsigned i)
{
	char value[VALUE_MAX];
	enum tpar_err err = tpar_future_take(work->f[i], value);

	if (err == TPAR_OK) {
		take(work->job[i], value);
		UNIT_MUST(tpar_future_state(work->f[i]) == TPAR_DONE);
	} else {
		UNIT_MUST(err != TPAR_EINVAL);
		UNIT_MUST(err == TPAR_EBUSY || err == TPAR_EALREADY ||
			  tpar_future_state(work->f[i]) > TPAR_DONE);
	}
}

static void
play_with(struct work *work, unsigned i)
{
	switch (stress_below(&work->random, 12)) {
	case 0:
		UNIT_MUST(tpar_future_cancel(work->f[i]) == TPAR_OK ||
			  tpar_future_state(work->f[i]) >= TPAR_DONE);
		break;
	case 1:
		take_one(work, i);
		break;
	case 2:
	case 3:
	case 4:
		put_slot(work, i);
		break;
	case 5: /* nobody may hold it any more */
		tpar_future_unref(work->f[i]);
		work->n--;
		work->f[i] = work->f[work->n];
		work->job[i] = work->job[work->n];
		break;
	default:
		break;
	}
}

/* Gets some futures, does things with them, waits for them or not. */
static void
step(struct work *work)
{
	unsigned i;

	if (stress_chance(&work->random, 10)) {
		map(work);
	}
	if (stress_chance(&work->random, 25)) {
		get_slots(work);
	} else {
		submit_kids(work, run_job);
	}
	for (i = 0; i < work->n; i++) {
		play_with(work, i);
	}
	stress_dawdle(&work->random, 4);
	if (work->n > 0) {
		wait_somehow(work);
	}
	if (work->n > 0 && stress_chance(&work->random, 30)) {
		play_with(work, stress_below(&work->random, work->n));
	}
	tpar_future_unref_all(work->f, work->n);
}

static int
be_leaf(struct stress_random *random)
{
	unsigned i;

	stress_dawdle(random, 10);
	switch (stress_below(random, 20)) {
	case 0:
		return tpar_fail(1 + (int)stress_below(random, 9), "a leaf");
	case 1:
		return TPAR_ESTOPPED;
	case 2:
		for (i = 0; i < 100 && !tpar_cancelled(); i++) {
			sched_yield();
		}
		return tpar_checkpoint();
	default:
		return 0;
	}
}

static int
run_job(void *arg, void *value)
{
	struct job *job = arg;
	struct work work = { .random = { job->seed },
			     .in_task = true,
			     .depth = job->depth };
	int rc = 0;

	UNIT_MUST(atomic_fetch_add(&job->runs, 1) == 0);
	write_value(job, value);
	if (job->depth < DEPTH && stress_chance(&work.random, 60)) {
		step(&work);
		rc = stress_chance(&work.random, 50) ? tpar_checkpoint() : 0;
	} else {
		rc = be_leaf(&work.random);
	}
	atomic_store(&job->returned, rc);
	return rc;
}

static void *
be_outside(void *arg)
{
	struct work work = { .random = { *(uint64_t *)arg } };
	int i;

	for (i = 0; i < STEPS; i++) {
		step(&work);
	}
	return NULL;
}

static void *
close_some(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };
	unsigned i;

	stress_dawdle(&random, 100);
	for (i = 0; i < world.pools; i++) {
		enum tpar_shutdown how =
			stress_chance(&random, 50) ? TPAR_DRAIN : TPAR_CANCEL;
		enum tpar_err err;

		if (stress_chance(&random, 50)) {
			err = tpar_pool_shutdown(world.pool[i], how,
						 stress_deadline(&random));
			UNIT_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
		}
	}
	return NULL;
}

/* ---- Rounds -------------------------------------------------------------- */

static void
make_pools(struct stress_random *random, unsigned pools)
{
	static const size_t sizes[] = { 16, 100, VALUE_MAX };
	unsigned i;

	memset(world.job, 0, sizeof world.job);
	atomic_store(&world.used, 0);
	world.value_size = sizes[stress_below(random, 3)];
	world.pools = pools;
	world.limited = false;
	for (i = 0; i < pools; i++) {
		struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

		config.workers = 1 + stress_below(random, 4);
		config.blocking_limit = 1 + stress_below(random, 8);
		config.stack_size = (size_t)256 * 1024;
		config.own_threads_only = stress_chance(random, 20);
		if (stress_chance(random, 20)) {
			config.queue_limit = 1 + stress_below(random, 20);
			world.limited = true;
		}
		UNIT_MUST(tpar_pool_create(&world.pool[i], &config) == TPAR_OK);
	}
}

/* Some futures are released before their pools are, others afterwards. */
static void
end_pools(struct stress_random *random)
{
	unsigned late = stress_below(random, SLOTS);
	unsigned i;

	atomic_store(&world.closes, true);
	for (i = 0; i < world.pools; i++) {
		UNIT_MUST(tpar_pool_shutdown(world.pool[i], TPAR_DRAIN,
					     TPAR_FOREVER) == TPAR_OK);
	}
	tpar_future_unref_all(world.slot, late);
	for (i = 0; i < world.pools; i++) {
		UNIT_MUST(tpar_pool_destroy(world.pool[i]) == TPAR_OK);
	}
	for (i = 0; i < SLOTS; i++) {
		if (world.slot[i] != NULL) {
			check_ended(world.slot_job[i], world.slot[i]);
		}
	}
	tpar_future_unref_all(world.slot, SLOTS);
	for (i = 0; i < JOBS; i++) {
		check_account(&world.job[i]);
	}
}

static void
run_round(struct stress_random *random, unsigned pools, bool closes)
{
	pthread_t thread[THREADS + 1];
	uint64_t seed[THREADS + 1];
	int i;

	make_pools(random, pools);
	atomic_store(&world.closes, closes);
	for (i = 0; i < THREADS + closes; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(i < THREADS ? be_outside : close_some,
				       &seed[i]);
	}
	for (i = 0; i < THREADS + closes; i++) {
		unit_join(thread[i]);
	}
	end_pools(random);
}

static void
run_in_one_pool(struct stress_random *random)
{
	run_round(random, 1, false);
}

static void
run_in_pools(struct stress_random *random)
{
	run_round(random, POOLS, false);
}

static void
run_while_closing(struct stress_random *random)
{
	run_round(random, 1 + stress_below(random, POOLS), true);
}

START_TEST(account_of_one_pool_is_right)
{
	ck_assert_int_gt(stress_run("one pool", run_in_one_pool, 40), 0);
}
END_TEST

START_TEST(account_of_several_pools_is_right)
{
	ck_assert_int_gt(stress_run("several pools", run_in_pools, 40), 0);
}
END_TEST

START_TEST(account_is_right_while_pools_are_shut_down)
{
	ck_assert_int_gt(stress_run("closing", run_while_closing, 40), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { account_of_one_pool_is_right,
				 account_of_several_pools_is_right,
				 account_is_right_while_pools_are_shut_down };

	return stress_main("stress_mix", tests, sizeof tests / sizeof tests[0]);
}
