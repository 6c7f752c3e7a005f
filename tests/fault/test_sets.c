/* SPDX-License-Identifier: MIT */
/*
 * test_sets.c - gathers in the background, streams, waits for any and races
 * without memory, or anything to sleep on: what is refused has touched nothing,
 * what was begun ends, and as it should.
 */
#include "config.h"

#include "loose.h"
#include "set.h"

enum { FEW = 5 };

static bool
refused(enum tpar_err err)
{
	EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
	return err != TPAR_OK;
}

static void
make_few(struct promised *made, tpar_future **f, size_t value_size,
	 tpar_drop_fn drop_value)
{
	int i;

	atomic_store(&drops, 0);
	for (i = 0; i < FEW; i++) {
		made[i] = promised_make(value_size, drop_value);
		f[i] = made[i].f;
	}
}

static void
set_number(struct promised made, int64_t number)
{
	EXPECT(tpar_promise_set(made.p, &number) == TPAR_OK);
}

static void
free_few(struct promised *made)
{
	int i;

	for (i = 0; i < FEW; i++) {
		promised_free(made[i]);
	}
}

/* ---- Gathers in the background ------------------------------------------- */

/* Nothing has happened to the members: nobody cancels or holds them. */
static void
expect_untouched(struct promised *made, int from)
{
	int i;

	for (i = from; i < FEW; i++) {
		EXPECT(tpar_future_state(made[i].f) == TPAR_PENDING);
		set_number(made[i], i);
		EXPECT(atomic_load(&drops) == 0);
	}
}

static void
gather_numbers(void)
{
	struct promised made[FEW];
	tpar_future *f[FEW];
	tpar_future *all = NULL;
	int i;

	make_few(made, f, 8, count_drop);
	set_number(made[0], 0); /* one that has ended before */
	fault_begin();
	if (refused(tpar_gather_async(f, FEW, &all))) {
		EXPECT(all == NULL);
		expect_untouched(made, 1);
		EXPECT(tpar_future_value(f[0]) != NULL);
	} else {
		for (i = 1; i < FEW; i++) {
			set_number(made[i], i);
		}
		EXPECT(tpar_future_state(all) == TPAR_DONE);
		for (i = 0; i < FEW; i++) {
			const int64_t *values = tpar_future_value(all);

			EXPECT(values[i] == i);
			EXPECT(tpar_future_value(f[i]) == NULL);
		}
		tpar_future_unref(all);
		EXPECT(atomic_load(&drops) == FEW);
	}
	free_few(made);
	EXPECT(atomic_load(&drops) == FEW);
}

/* Of two levels, large enough to need blocks of their own. */
static void
gather_gathers(void)
{
	struct promised made[FEW];
	tpar_future *f[FEW];
	tpar_future *inner[2] = { NULL, NULL };
	tpar_future *outer = NULL;
	int i;

	make_few(made, f, LARGE_VALUE, count_drop);
	fault_begin();
	for (i = 0; i < 2; i++) {
		(void)refused(tpar_gather_async(&f[2 * i], 2, &inner[i]));
	}
	if (inner[0] != NULL && inner[1] != NULL) {
		(void)refused(tpar_gather_async(inner, 2, &outer));
	}
	EXPECT(tpar_future_cancel(made[3].f) == TPAR_OK);
	if (outer != NULL) {
		EXPECT(tpar_future_code(outer) == TPAR_ECANCELED);
		EXPECT(tpar_future_state(made[0].f) == TPAR_CANCELLED);
		/* In words, if there was room for them. */
		EXPECT(tpar_future_message(outer)[0] != '\0' || fault_any());
	}
	EXPECT(tpar_future_state(made[4].f) == TPAR_PENDING);
	tpar_future_unref_all(inner, 2);
	tpar_future_unref(outer);
	fault_end();
	free_few(made);
	EXPECT(atomic_load(&drops) == 0);
}

/* One that has failed before stops the others at once, or nothing has. */
static void
gather_after_failure(void)
{
	struct promised made[FEW];
	tpar_future *f[FEW];
	tpar_future *all = NULL;

	make_few(made, f, 8, NULL);
	EXPECT(tpar_promise_fail(made[2].p, 4, "four") == TPAR_OK);
	fault_begin();
	if (refused(tpar_gather_async(f, FEW, &all))) {
		EXPECT(tpar_future_state(f[0]) == TPAR_PENDING);
	} else {
		EXPECT(tpar_future_code(all) == 4);
		EXPECT(tpar_future_state(f[0]) == TPAR_CANCELLED);
		EXPECT(strcmp(tpar_future_message(all), "four") == 0 ||
		       (fault_any() && tpar_future_message(all)[0] == '\0'));
		tpar_future_unref(all);
	}
	free_few(made);
}

START_TEST(gather_in_the_background_is_begun_or_refused)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(gather_numbers), 6);
	ck_assert_int_ge(fault_sweep(gather_gathers), 12);
	ck_assert_int_ge(fault_sweep(gather_after_failure), 6);
}
END_TEST

/* ---- Streams ------------------------------------------------------------- */

struct setter {
	struct promised *made;
	struct unit_gate go;
};

static void *
set_all(void *arg)
{
	struct setter *setter = arg;
	int i;

	unit_gate_await(&setter->go, 1);
	for (i = 0; i < FEW; i++) {
		set_number(setter->made[i], i);
	}
	return NULL;
}

static void
read_all(tpar_stream *s)
{
	bool seen[FEW] = { false };
	size_t index;
	int i;

	for (i = 0; i < FEW; i++) {
		EXPECT(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_OK);
		EXPECT(index < FEW && !seen[index]);
		seen[index] = true;
	}
	EXPECT(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_EEND);
}

static void
read_stream(void)
{
	struct promised made[FEW];
	struct setter setter = { made, UNIT_GATE_INIT };
	tpar_future *f[FEW];
	tpar_stream *s = NULL;
	pthread_t thread;

	make_few(made, f, 8, NULL);
	thread = fault_start(set_all, &setter);
	fault_begin();
	if (refused(tpar_as_completed(f, FEW, &s))) {
		EXPECT(s == NULL);
		unit_gate_open(&setter.go);
	} else {
		size_t index;

		EXPECT(tpar_stream_next(s, TPAR_NOW, &index) == TPAR_ETIMEDOUT);
		EXPECT(tpar_stream_next(s, tpar_in(TPAR_MILLISECOND), &index) ==
		       TPAR_ETIMEDOUT);
		unit_gate_open(&setter.go);
		read_all(s);
		tpar_stream_close(s);
	}
	unit_join(thread);
	fault_end();
	free_few(made);
}

static int
read_stream_in_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	read_stream();
	return 0;
}

static void
read_stream_inside(void)
{
	tpar_pool *pool = unit_pool(1, 1);

	unit_run_in(pool, read_stream_in_task, NULL);
	fault_end();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(stream_is_opened_or_refused_and_goes_on)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(read_stream), 8);
	ck_assert_int_ge(fault_sweep(read_stream_inside), 8);
}
END_TEST

/* ---- Choices ------------------------------------------------------------- */

enum call { ANY, ANY_UNTIL, RACE, CALLS };

static enum call call;

/* Which member ends first nobody knows; that one has is what counts. */
static void
choose(struct set *set)
{
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	struct tpar_failure why;
	intptr_t value = -1;
	size_t index = SIZE_MAX;

	switch (call) {
	case ANY:
		EXPECT(tpar_wait_any(set->f, MEMBERS, TPAR_FOREVER, &index) ==
		       TPAR_OK);
		break;
	case ANY_UNTIL:
		EXPECT(tpar_wait_any(set->f, MEMBERS, late, &index) == TPAR_OK);
		break;
	default:
		EXPECT(tpar_race(set->f, MEMBERS, &value, &index, &why) ==
		       TPAR_OK);
		EXPECT(value == (intptr_t)index);
		break;
	}
	EXPECT(index < MEMBERS);
	EXPECT(tpar_future_state(set->f[index]) >= TPAR_DONE);
}

static void *
choose_outside(void *arg)
{
	choose(arg);
	return NULL;
}

static int
choose_inside(void *arg, void *value)
{
	(void)value;
	fault_begin();
	choose(arg);
	return 0;
}

static void
choose_on_a_thread(void)
{
	pthread_t thread;
	struct set set;

	set_make(&set, MEMBERS);
	fault_begin();
	thread = fault_start(choose_outside, &set);
	set_await_waiter(&set);
	set_let_go(&set);
	unit_join(thread);
	set_free(&set);
}

static void
choose_in_another_pool(void)
{
	tpar_pool *other = unit_pool(1, 1);
	struct set set;
	tpar_future *f;

	set_make(&set, MEMBERS);
	f = unit_submit(other, choose_inside, &set, 0);
	set_await_waiter(&set);
	set_let_go(&set);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_free(&set);
}

START_TEST(threads_choose_among_what_others_wait_for)
{
	long injected = 0;

	for (call = ANY; call < CALLS; call++) {
		injected += fault_sweep(choose_on_a_thread);
	}
	ck_assert_int_ge(injected, 20);
}
END_TEST

START_TEST(tasks_choose_among_what_others_wait_for)
{
	long injected = 0;

	for (call = ANY; call < CALLS; call++) {
		injected += fault_sweep(choose_in_another_pool);
	}
	ck_assert_int_ge(injected, 10);
}
END_TEST

/* ---- Starved ------------------------------------------------------------- */

enum { DEEP = 60 };

static int
count_run(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

static int
wait_for_arg(void *arg, void *value)
{
	(void)value;
	return (int)tpar_future_wait(arg, TPAR_FOREVER);
}

static _Atomic int runs;

/* No thread is left but this one, which finds the task deep below. */
static int
wait_for_the_deepest(void *arg, void *value)
{
	tpar_future *all[DEEP];
	int i;

	(void)arg;
	(void)value;
	all[0] = unit_submit(NULL, count_run, &runs, 0);
	for (i = 1; i < DEEP; i++) {
		EXPECT(tpar_gather_async(&all[i - 1], 1, &all[i]) == TPAR_OK);
	}
	fault_begin();
	EXPECT(tpar_future_wait(all[DEEP - 1], TPAR_FOREVER) == TPAR_OK);
	fault_end();
	tpar_future_unref_all(all, DEEP);
	return 0;
}

static void
starve(void)
{
	struct promised made = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *blocked = unit_submit(pool, wait_for_arg, made.f, 0);

	atomic_store(&runs, 0);
	UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
	unit_run_in(pool, wait_for_the_deepest, NULL);
	EXPECT(atomic_load(&runs) == 1);
	EXPECT(tpar_promise_set(made.p, NULL) == TPAR_OK);
	EXPECT(tpar_future_wait(blocked, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(blocked);
	promised_free(made);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(starved_member_is_found_without_memory)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(starve), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		gather_in_the_background_is_begun_or_refused,
		stream_is_opened_or_refused_and_goes_on,
		threads_choose_among_what_others_wait_for,
		tasks_choose_among_what_others_wait_for,
		starved_member_is_found_without_memory,
	};

	return fault_main("fault_sets", tests, sizeof tests / sizeof tests[0],
			  60);
}
