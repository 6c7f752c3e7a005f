/* SPDX-License-Identifier: MIT */
/*
 * stress_sets.c - random programs over gathers in the background, waits for any,
 * races, streams, promises, callbacks, descriptors and shields, from threads,
 * tasks and callbacks, with an account of every value: each one that there is
 * is dropped or taken once, through however many sets it has gone; each callback
 * comes once.
 *
 * A task only waits for what was made before it, so that nothing waits in a
 * circle.  Promises are completed by anybody, and at last by the round itself,
 * so that all ends.
 */
#include "sets.h"

enum { THREADS = 3, STEPS = 25 };

/* ---- Waiting ------------------------------------------------------------- */

static void *
complete_all(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };

	/* ENDS: when all who wait have ended, the round says so. */
	while (!atomic_load(&world.over)) {
		unsigned visible = atomic_load(&world.visible);
		unsigned i;

		for (i = 0; i < visible; i++) {
			if (stress_chance(&random, 20)) {
				complete(&random, &world.node[i]);
			}
			stress_dawdle(&random, 1);
		}
		sched_yield();
	}
	return NULL;
}

/* What a wait may say of its caller. */
static void
check_callers(struct actor *actor, enum tpar_err err, int64_t deadline)
{
	switch (err) {
	case TPAR_ETIMEDOUT:
		UNIT_MUST(deadline != TPAR_FOREVER);
		break;
	case TPAR_ESTOPPED:
		UNIT_MUST(actor->in_task && tpar_cancelled());
		break;
	default:
		UNIT_MUST(err == TPAR_EAGAIN && actor->in_task);
	}
}

static void
check_ended(const tpar_future *f)
{
	UNIT_MUST(tpar_future_state(f) >= TPAR_DONE);
}

static void
wait_any(struct actor *actor, struct held *held)
{
	int64_t deadline = stress_deadline(&actor->random);
	size_t index = SIZE_MAX;
	enum tpar_err err = tpar_wait_any(held->f, held->n, deadline, &index);

	if (err == TPAR_OK) {
		UNIT_MUST(index < held->n);
		check_ended(held->f[index]);
	} else {
		check_callers(actor, err, deadline);
	}
}

static void
race(struct actor *actor, struct held *held, unsigned level)
{
	bool wanted = stress_chance(&actor->random, 50);
	struct token value[TOKENS_MAX];
	struct tpar_failure why;
	size_t index = SIZE_MAX;
	enum tpar_err err;
	unsigned i;

	err = tpar_race(held->f, held->n, wanted ? value : NULL, &index, &why);
	for (i = 0; i < held->n; i++) {
		check_ended(held->f[i]);
	}
	if (err == TPAR_OK) {
		UNIT_MUST(index < held->n);
		UNIT_MUST(tpar_future_state(held->f[index]) == TPAR_DONE);
		if (wanted) {
			take_tokens(value, tokens_of(level));
		}
	} else if (err == TPAR_EFAILED || err == TPAR_ECANCELED) {
		UNIT_MUST(why.index < held->n && why.message[0] != '\0');
		for (i = 0; i < held->n; i++) {
			UNIT_MUST(tpar_future_state(held->f[i]) != TPAR_DONE);
		}
	} else if (err != TPAR_EALREADY || !wanted) {
		check_callers(actor, err, TPAR_FOREVER);
	}
}

static void
gather(struct actor *actor, struct held *held, unsigned level)
{
	int64_t deadline = stress_deadline(&actor->random);
	bool wanted = stress_chance(&actor->random, 50);
	struct token values[MEMBERS * TOKENS_MAX];
	enum tpar_err err = tpar_gather_until(
		held->f, held->n, wanted ? values : NULL, deadline, NULL);
	unsigned i;

	for (i = 0; i < held->n; i++) {
		check_ended(held->f[i]);
	}
	if (err == TPAR_OK && wanted) {
		take_tokens(values, held->n * tokens_of(level));
	} else if (err != TPAR_OK && err != TPAR_EFAILED &&
		   err != TPAR_ECANCELED && (err != TPAR_EALREADY || !wanted)) {
		check_callers(actor, err, deadline);
	}
}

static void
read_stream(struct actor *actor, struct held *held)
{
	bool seen[MEMBERS] = { false };
	unsigned reads = stress_below(&actor->random, held->n + 2);
	tpar_stream *s = NULL;

	UNIT_MUST(tpar_as_completed(held->f, held->n, &s) == TPAR_OK);
	for (; reads > 0; reads--) {
		int64_t deadline = actor->limit > 0
					   ? stress_deadline(&actor->random)
					   : TPAR_NOW;
		size_t index = SIZE_MAX;
		enum tpar_err err = tpar_stream_next(s, deadline, &index);

		if (err == TPAR_OK) {
			UNIT_MUST(index < held->n && !seen[index]);
			seen[index] = true;
			check_ended(held->f[index]);
		} else if (err != TPAR_EEND) {
			check_callers(actor, err, deadline);
		}
	}
	tpar_stream_close(s);
}

static void
wait_plainly(struct actor *actor, struct held *held)
{
	int64_t deadline = stress_deadline(&actor->random);
	enum tpar_err err = stress_chance(&actor->random, 50)
				    ? tpar_future_wait(held->f[0], deadline)
				    : tpar_wait_all(held->f, held->n, deadline);

	if (err == TPAR_OK || err == TPAR_EFAILED || err == TPAR_ECANCELED) {
		check_ended(held->f[0]);
	} else {
		check_callers(actor, err, deadline);
	}
}

static void
wait_somehow(struct actor *actor)
{
	struct stress_random *random = &actor->random;
	unsigned how = stress_below(random, 5);
	unsigned level = how < 2 ? stress_below(random, LEVELS) : LEVELS;
	unsigned limit = atomic_load(&world.visible);
	struct held held;

	limit = actor->in_task && actor->limit < limit ? actor->limit : limit;
	get_some(&held, random, limit, level,
		 1 + stress_below(random, MEMBERS));
	if (held.n > 0) {
		switch (how) {
		case 0:
			race(actor, &held, level);
			break;
		case 1:
			gather(actor, &held, level);
			break;
		case 2:
			wait_any(actor, &held);
			break;
		case 3:
			read_stream(actor, &held);
			break;
		default:
			wait_plainly(actor, &held);
		}
	}
	put_back(&held);
}

/* ---- Playing with one ---------------------------------------------------- */

static void
has_ended(tpar_future *f, void *arg)
{
	struct node *node = arg;
	int calls = atomic_fetch_add(&node->called, 1);
	struct actor actor = { { node->seed + (uint64_t)calls }, 0, false };

	check_ended(f);
	UNIT_MUST(!tpar_cancelled() && tpar_context() == NULL);
	atomic_fetch_add(&world.acting, 1);
	if (!atomic_load(&world.closes) && stress_chance(&actor.random, 40)) {
		act(&actor);
	}
	atomic_fetch_sub(&world.acting, 1);
}

static void
ask_for_descriptor(struct actor *actor, tpar_future *f)
{
	bool ended = tpar_future_state(f) >= TPAR_DONE;
	struct pollfd fd = { .fd = -1, .events = POLLIN };

	UNIT_MUST(tpar_future_fd(f, &fd.fd) == TPAR_OK);
	/* A callback may be what it would wait for. */
	if (poll(&fd, 1, ended && actor->limit > 0 ? -1 : 0) == 1) {
		UNIT_MUST((fd.revents & POLLIN) != 0);
		check_ended(f);
	}
}

static void
take(struct node *node, tpar_future *f)
{
	struct token value[TOKENS_MAX];
	enum tpar_err err = tpar_future_take(f, value);

	if (err == TPAR_OK) {
		take_tokens(value, tokens_of(node->level));
	} else {
		UNIT_MUST(err != TPAR_EINVAL);
	}
}

static void
play(struct actor *actor)
{
	struct stress_random *random = &actor->random;
	tpar_future *f = NULL;
	struct node *node = some_node(random, atomic_load(&world.visible), &f);

	if (node == NULL) {
		return;
	}
	switch (stress_below(random, 12)) {
	case 0:
		(void)tpar_future_cancel(f);
		break;
	case 1:
		UNIT_MUST(tpar_future_cancel_at(f, stress_deadline(random)) !=
			  TPAR_EINVAL);
		break;
	case 2:
		take(node, f);
		break;
	case 3:
		UNIT_MUST(tpar_future_shield(f) == TPAR_OK);
		break;
	case 4:
		forget(node);
		break;
	case 5:
	case 6:
		ask_for_descriptor(actor, f);
		break;
	default:
		atomic_fetch_add(&node->registered, 1);
		UNIT_MUST(tpar_future_on_done(f, has_ended, node) == TPAR_OK);
	}
	tpar_future_unref(f);
}

static void
act(struct actor *actor)
{
	switch (stress_below(&actor->random, 10)) {
	case 0:
		make_promise(actor);
		break;
	case 1:
	case 2:
		make_task(actor);
		break;
	case 3:
	case 4:
		make_gather(actor);
		break;
	case 5:
		complete_one(actor);
		break;
	case 6:
	case 7:
		if (actor->limit > 0) {
			wait_somehow(actor);
			break;
		}
		/* fall through */
	default:
		play(actor);
	}
}

/* ---- Rounds -------------------------------------------------------------- */

static void *
be_outside(void *arg)
{
	struct actor actor = { { *(uint64_t *)arg }, NODES, false };
	int i;

	for (i = 0; i < STEPS; i++) {
		act(&actor);
		stress_dawdle(&actor.random, 3);
	}
	return NULL;
}

static void
begin_round(struct stress_random *random)
{
	unsigned i;

	memset(world.node, 0, sizeof world.node);
	atomic_store(&world.used, 0);
	atomic_store(&world.visible, 0);
	atomic_store(&world.refuses, false);
	atomic_store(&world.closes, false);
	atomic_store(&world.over, false);
	world.pools = 1 + stress_below(random, POOLS);
	for (i = 0; i < world.pools; i++) {
		struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

		config.workers = 1 + stress_below(random, 3);
		config.blocking_limit = 1 + stress_below(random, 4);
		config.stack_size = (size_t)256 * 1024;
		config.own_threads_only = stress_chance(random, 20);
		UNIT_MUST(tpar_pool_create(&world.pool[i], &config) == TPAR_OK);
	}
}

/* What a gather has that is done and that nobody has taken. */
static void
check_value(struct node *node)
{
	const struct token *token = tpar_future_value(node->f);
	unsigned i;

	check_ended(node->f);
	for (i = 0; token != NULL && i < tokens_of(node->level); i++) {
		(void)check_token(&token[i]);
	}
}

/* Nobody waits any more, and all pools are gone. */
static void
end_round(void)
{
	unsigned i;

	for (i = 0; i < NODES; i++) {
		tpar_promise_destroy(atomic_load(&world.node[i].p));
	}
	for (i = 0; i < NODES; i++) {
		if (world.node[i].f != NULL) {
			check_value(&world.node[i]);
			tpar_future_unref(world.node[i].f);
		}
	}
	for (i = 0; i < NODES; i++) {
		check_account(&world.node[i]);
	}
}

/* Ends pools while they are used, in any way. */
static void *
shut_some(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };
	unsigned i;

	stress_dawdle(&random, 300);
	for (i = 0; i < world.pools; i++) {
		enum tpar_shutdown how =
			stress_chance(&random, 30) ? TPAR_DRAIN : TPAR_CANCEL;
		enum tpar_err err;

		if (stress_chance(&random, 60)) {
			err = tpar_pool_shutdown(world.pool[i], how,
						 stress_deadline(&random));
			UNIT_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
		}
	}
	return NULL;
}

/* Nobody begins anything any more; what there is ends. */
static void
close_pools(void)
{
	unsigned i;

	atomic_store(&world.refuses, true);
	atomic_store(&world.closes, true);
	UNIT_AWAIT(atomic_load(&world.acting) == 0);
	for (i = 0; i < world.pools; i++) {
		UNIT_MUST(tpar_pool_shutdown(world.pool[i], TPAR_DRAIN,
					     TPAR_FOREVER) == TPAR_OK);
	}
}

static void
run_round(struct stress_random *random, bool shuts)
{
	void *(*const fn[])(void *arg) = { complete_all, be_outside, be_outside,
					   be_outside, shut_some };
	pthread_t thread[THREADS + 2];
	uint64_t seed[THREADS + 2];
	unsigned n = THREADS + (shuts ? 2 : 1);
	unsigned i;

	begin_round(random);
	atomic_store(&world.refuses, shuts);
	for (i = 0; i < n; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(fn[i], &seed[i]);
	}
	for (i = 1; i < n; i++) {
		unit_join(thread[i]);
	}
	close_pools();
	atomic_store(&world.over, true);
	unit_join(thread[0]);
	for (i = 0; i < world.pools; i++) {
		UNIT_MUST(tpar_pool_destroy(world.pool[i]) == TPAR_OK);
	}
	end_round();
}

static void
run_to_the_end(struct stress_random *random)
{
	run_round(random, false);
}

static void
run_while_pools_end(struct stress_random *random)
{
	run_round(random, true);
}

START_TEST(account_of_all_sets_is_right)
{
	ck_assert_int_gt(stress_run("sets", run_to_the_end, 60), 0);
}
END_TEST

START_TEST(account_is_right_while_pools_are_shut_down)
{
	ck_assert_int_gt(stress_run("closing", run_while_pools_end, 60), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { account_of_all_sets_is_right,
				 account_is_right_while_pools_are_shut_down };

	return stress_main("stress_sets", tests,
			   sizeof tests / sizeof tests[0]);
}
