/* SPDX-License-Identifier: MIT */
/*
 * test_future_holds.c - handles and references: the value is dropped or moved
 * once, whoever is last, and the block comes back.
 */
#include "config.h"

#include "handmade.h"

static _Atomic int values_dropped;
static struct tpar_pool *pool;

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&values_dropped, 1);
}

static void
start(void)
{
	pool = hand_pool(1);
	atomic_store(&values_dropped, 0);
}

static struct tpar_future *
make(size_t value_size, bool drops)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = hand_nothing;
	task.value_size = value_size;
	task.drop_value = drops ? drop_value : NULL;
	return hand_future_of(pool, &task);
}

static void
end(struct tpar_future *f, int rc)
{
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, rc, NULL);
	tpi_future_release(f);
}

/* Not by whoever happens to hold it last, perhaps under a lock. */
START_TEST(value_that_nobody_has_a_handle_to_is_dropped_at_the_end)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;
	struct tpi_heap *heap;
	struct tpar_future *f;

	start();
	task.fn = hand_nothing;
	task.drop_value = drop_value;
	ck_assert(tpi_future_shape(&task, &shape));
	heap = tpi_heap_enter_shared(pool->arena, 0);
	f = tpi_future_create(heap, &shape, &task, &pool->intake, false);
	tpi_heap_leave_shared(heap);
	tpi_future_retain(f);
	end(f, 0);
	ck_assert_int_eq(atomic_load(&values_dropped), 1);
	tpi_future_release(f);
	ck_assert_int_eq(atomic_load(&values_dropped), 1);
	hand_free(pool);
}
END_TEST

START_TEST(last_handle_drops_the_value)
{
	struct tpar_future *f;

	start();
	f = make(8, true);
	end(f, 0);
	ck_assert_int_eq(values_dropped, 0);
	ck_assert_ptr_eq(tpar_future_ref(f), f);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 0);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 1);
	hand_free(pool);
}
END_TEST

START_TEST(end_drops_the_value_if_no_handle_is_left)
{
	struct tpar_future *f;

	start();
	f = make(8, true);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 0);
	end(f, 0);
	ck_assert_int_eq(values_dropped, 1);
	hand_free(pool);
}
END_TEST

START_TEST(value_is_dropped_although_a_reference_is_left)
{
	struct tpar_future *f;

	start();
	f = make(8, true);
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 0, NULL);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 1);
	tpi_future_release(f);
	ck_assert_int_eq(values_dropped, 1);
	hand_free(pool);
}
END_TEST

START_TEST(no_value_no_drop)
{
	struct tpar_future *failed;
	struct tpar_future *cancelled;

	start();
	failed = make(8, true);
	end(failed, 1);
	tpar_future_unref(failed);
	cancelled = make(8, true);
	end(cancelled, TPAR_ESTOPPED);
	tpar_future_unref(cancelled);
	ck_assert_int_eq(values_dropped, 0);
	hand_free(pool);
}
END_TEST

START_TEST(taken_value_is_not_dropped)
{
	struct tpar_future *f;
	int64_t value = 0;

	start();
	f = make(8, true);
	*(int64_t *)tpi_future_payload(f) = 42;
	end(f, 0);
	ck_assert_int_eq(*(const int64_t *)tpar_future_value(f), 42);
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_OK);
	ck_assert_int_eq(value, 42);
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EALREADY);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 0);
	hand_free(pool);
}
END_TEST

START_TEST(take_tells_why_not)
{
	struct tpar_future *f;
	int64_t value = 5;

	start();
	ck_assert_int_eq(tpar_future_take(NULL, &value), TPAR_EINVAL);
	f = make(8, true);
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EBUSY);
	end(f, 9);
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_EFAILED);
	tpar_future_unref(f);
	f = make(8, true);
	end(f, TPAR_ESTOPPED);
	ck_assert_int_eq(tpar_future_take(f, &value), TPAR_ECANCELED);
	tpar_future_unref(f);
	f = make(0, true);
	end(f, 0);
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(value, 5);
	ck_assert_int_eq(values_dropped, 0);
	hand_free(pool);
}
END_TEST

START_TEST(unref_of_null_does_nothing)
{
	tpar_future *none[3] = { NULL, NULL, NULL };

	tpar_future_unref(NULL);
	tpar_future_unref_all(none, 3);
	tpar_future_unref_all(NULL, 0);
	ck_assert_ptr_null(none[0]);
}
END_TEST

START_TEST(unref_all_takes_a_mixture)
{
	struct tpar_future *held;
	struct tpi_worker *w;
	tpar_future *f[12];
	size_t i;

	start();
	w = hand_worker(pool);
	for (i = 0; i < 12; i++) {
		f[i] = i % 4 == 3 ? NULL : make(i % 4 == 2 ? 5000 : 8, i < 6);
		if (f[i] != NULL) {
			end(f[i], 0);
		}
	}
	/* One is still held by somebody else. */
	held = f[4];
	tpi_future_retain(held);
	tpar_future_unref_all(f, 6);
	/* As a worker, whose heap is not theirs. */
	hand_become(w);
	tpar_future_unref_all(f + 6, 6);
	hand_become(NULL);
	for (i = 0; i < 12; i++) {
		ck_assert_ptr_null(f[i]);
	}
	ck_assert_int_eq(values_dropped, 5);
	tpi_future_release(held);
	hand_free(pool);
}
END_TEST

START_TEST(unref_all_frees_what_is_the_workers_own)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;
	tpar_future *f[4];
	struct tpi_worker *w;
	size_t i;

	start();
	w = hand_worker(pool);
	hand_become(w);
	task.fn = hand_nothing;
	ck_assert(tpi_future_shape(&task, &shape));
	for (i = 0; i < 4; i++) {
		f[i] = tpi_future_create(w->heap, &shape, &task, &pool->intake,
					 true);
		end(f[i], 0);
	}
	ck_assert_uint_eq(w->heap->cut, 4);
	tpar_future_unref_all(f, 4);
	ck_assert_ptr_null(atomic_load(&w->heap->remote));
	ck_assert_ptr_nonnull(w->heap->free[0]);
	hand_free(pool);
}
END_TEST

START_TEST(future_outlives_its_pool)
{
	struct tpar_future *f;
	char *message;

	start();
	f = make(600, true);
	end(f, 0);
	memset(tpi_future_payload(f), 7, 600);
	hand_free(pool);
	ck_assert_int_eq(((const char *)tpar_future_value(f))[599], 7);
	tpar_future_unref(f);
	ck_assert_int_eq(values_dropped, 1);
	start();
	f = make(8, false);
	message = tpi_arena_alloc(pool->arena, 3, sizeof(void *));
	memcpy(message, "no", 3);
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 1, message);
	tpi_future_release(f);
	hand_free(pool);
	ck_assert_str_eq(tpar_future_message(f), "no");
	tpar_future_unref(f);
}
END_TEST

/* One thread ends the future while others give up their handles. */

enum { HOLDERS = 2 };

struct crowd {
	struct tpar_future *f;
	struct unit_gate *go;
};

static void *
give_up(void *arg)
{
	struct crowd *crowd = arg;

	unit_gate_await(crowd->go, 1);
	tpar_future_unref(crowd->f);
	return NULL;
}

START_TEST(value_is_dropped_once_in_a_race)
{
	long rounds = unit_scaled(1500);
	pthread_t thread[HOLDERS];
	long round;
	int i;

	start();
	for (round = 0; round < rounds; round++) {
		struct unit_gate go = UNIT_GATE_INIT;
		struct crowd crowd = { make(8, true), &go };

		(void)tpar_future_ref(crowd.f);
		for (i = 0; i < HOLDERS; i++) {
			thread[i] = unit_start(give_up, &crowd);
		}
		unit_gate_open(&go);
		end(crowd.f, 0);
		for (i = 0; i < HOLDERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(values_dropped, round + 1);
	}
	hand_free(pool);
}
END_TEST

static _Atomic int takers;

static void *
take(void *arg)
{
	struct crowd *crowd = arg;
	int64_t value = 0;

	unit_gate_await(crowd->go, 1);
	if (tpar_future_take(crowd->f, &value) == TPAR_OK) {
		UNIT_MUST(value == 17);
		atomic_fetch_add(&takers, 1);
	}
	tpar_future_unref(crowd->f);
	return NULL;
}

START_TEST(value_is_taken_once_in_a_race)
{
	long rounds = unit_scaled(1500);
	pthread_t thread[HOLDERS];
	long round;
	int i;

	start();
	for (round = 0; round < rounds; round++) {
		struct unit_gate go = UNIT_GATE_INIT;
		struct crowd crowd = { make(8, true), &go };

		(void)tpar_future_ref(crowd.f);
		*(int64_t *)tpi_future_payload(crowd.f) = 17;
		end(crowd.f, 0);
		for (i = 0; i < HOLDERS; i++) {
			thread[i] = unit_start(take, &crowd);
		}
		unit_gate_open(&go);
		for (i = 0; i < HOLDERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(takers, round + 1);
	}
	ck_assert_int_eq(values_dropped, 0);
	hand_free(pool);
}
END_TEST

/* Whoever lets go first looks at nothing afterwards. */
static void *
release(void *arg)
{
	struct crowd *crowd = arg;

	unit_gate_await(crowd->go, 1);
	tpi_future_release(crowd->f);
	return NULL;
}

START_TEST(large_value_is_freed_once_in_a_race)
{
	long rounds = unit_scaled(1500);
	pthread_t thread;
	long round;

	start();
	for (round = 0; round < rounds; round++) {
		struct unit_gate go = UNIT_GATE_INIT;
		struct crowd crowd = { make(5000, round % 2), &go };

		tpi_future_retain(crowd.f);
		end(crowd.f, 0);
		thread = unit_start(release, &crowd);
		unit_gate_open(&go);
		tpar_future_unref(crowd.f);
		unit_join(thread);
	}
	ck_assert_int_eq(values_dropped, rounds / 2);
	hand_free(pool);
}
END_TEST

/* Is the block of f free again?  Then the next one of its kind is there. */
static bool
is_freed(struct tpar_future *f, bool drops)
{
	struct tpar_future *next = make(8, drops);
	bool freed = next == f;

	end(next, 1);
	tpar_future_unref(next);
	return freed;
}

START_TEST(last_of_those_that_hold_a_trimmed_future_frees_it)
{
	struct tpar_future *f;
	int drops;

	for (drops = 0; drops < 2; drops++) {
		start();
		f = make(8, drops);
		ck_assert(tpi_future_claim(f));
		tpi_future_end(f, 0, NULL);
		tpi_future_trim(f);
		ck_assert(!is_freed(f, drops));
		tpar_future_unref(f);
		ck_assert(is_freed(f, drops));

		f = make(8, drops);
		ck_assert(tpi_future_claim(f));
		tpi_future_end(f, 0, NULL);
		(void)tpar_future_ref(f);
		tpi_future_retain(f);
		tpi_future_trim(f);
		tpar_future_unref(f);
		tpar_future_unref(f);
		ck_assert(!is_freed(f, drops));
		tpi_future_release(f);
		ck_assert(is_freed(f, drops));
		ck_assert_int_eq(values_dropped, 2 * drops);
		hand_free(pool);
	}
}
END_TEST

#if TPI_ASAN
/* Freed by another thread than its heap's, and on its own. */
START_TEST(free_block_is_poisoned_until_it_is_used_again)
{
	struct tpi_worker *w;
	struct tpar_future *f;
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;
	int own;

	start();
	w = hand_worker(pool);
	task.fn = hand_nothing;
	UNIT_MUST(tpi_future_shape(&task, &shape));
	for (own = 0; own < 2; own++) {
		f = tpi_future_create(w->heap, &shape, &task, &pool->intake,
				      true);
		ck_assert_ptr_null(
			__asan_region_is_poisoned(f, TPI_CLASS_SIZE(0)));
		UNIT_MUST(tpi_future_claim(f));
		tpi_future_end(f, 0, NULL);
		hand_become(own ? w : NULL);
		hand_drop(f);
		ck_assert(__asan_address_is_poisoned(f));
		ck_assert(__asan_address_is_poisoned(&f->state));
		ck_assert(__asan_address_is_poisoned(&f->holds));
		ck_assert(__asan_address_is_poisoned(&f->fn));
		ck_assert(__asan_address_is_poisoned(f->small));
		ck_assert(!__asan_address_is_poisoned(&f->flags));
		ck_assert(!__asan_address_is_poisoned(&f->link));
	}
	hand_free(pool);
}
END_TEST
#endif

int
main(void)
{
	const TTest *tests[] = {
#if TPI_ASAN
		free_block_is_poisoned_until_it_is_used_again,
#endif
		value_that_nobody_has_a_handle_to_is_dropped_at_the_end,
		last_handle_drops_the_value,
		end_drops_the_value_if_no_handle_is_left,
		value_is_dropped_although_a_reference_is_left,
		no_value_no_drop,
		taken_value_is_not_dropped,
		take_tells_why_not,
		unref_of_null_does_nothing,
		unref_all_takes_a_mixture,
		unref_all_frees_what_is_the_workers_own,
		future_outlives_its_pool,
		value_is_dropped_once_in_a_race,
		value_is_taken_once_in_a_race,
		large_value_is_freed_once_in_a_race,
		last_of_those_that_hold_a_trimmed_future_frees_it,
	};

	return unit_main("future_holds", tests, sizeof tests / sizeof tests[0]);
}
