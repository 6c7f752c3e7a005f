/* SPDX-License-Identifier: MIT */
/*
 * test_promise.c - futures that the program completes: once, in every way, by
 * any thread; what becomes of their values.
 */
#include "promised.h"

START_TEST(promise_is_pending_until_it_is_set)
{
	struct promised made = promised_number();
	intptr_t number = 41;

	ck_assert_int_eq(tpar_future_state(made.f), TPAR_PENDING);
	ck_assert_ptr_null(tpar_future_value(made.f));
	ck_assert_int_eq(tpar_future_code(made.f), 0);
	ck_assert_str_eq(tpar_future_message(made.f), "");
	ck_assert(!tpar_promise_cancelled(made.p));
	ck_assert_int_eq(tpar_future_wait(made.f, TPAR_NOW), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_take(made.f, &number), TPAR_EBUSY);
	ck_assert_int_eq(tpar_promise_set(made.p, &number), TPAR_OK);
	number = 0; /* it was copied */
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_DONE);
	ck_assert_int_eq(promised_value(made.f), 41);
	ck_assert_int_eq(tpar_future_wait(made.f, TPAR_FOREVER), TPAR_OK);
	ck_assert(tpar_promise_cancelled(made.p));
	promised_free(made);
}
END_TEST

/* However it was completed: nothing completes it again. */
static void
expect_complete(struct promised made, enum tpar_state state, int code,
		const char *message)
{
	intptr_t number = 7;

	ck_assert_int_eq(tpar_future_state(made.f), state);
	ck_assert_int_eq(tpar_promise_set(made.p, &number), TPAR_EALREADY);
	ck_assert_int_eq(tpar_promise_fail(made.p, 9, "again"), TPAR_EALREADY);
	ck_assert_int_eq(tpar_promise_set_cancelled(made.p), TPAR_EALREADY);
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_EALREADY);
	ck_assert(tpar_promise_cancelled(made.p));
	ck_assert_int_eq(tpar_future_state(made.f), state);
	ck_assert_int_eq(tpar_future_code(made.f), code);
	ck_assert_str_eq(tpar_future_message(made.f), message);
	promised_free(made);
}

START_TEST(promise_is_completed_once)
{
	struct promised made = promised_owner();

	promised_set(made, 1);
	expect_complete(made, TPAR_DONE, 0, "");
	/* Its own value, and nothing of those that were not taken. */
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);

	made = promised_owner();
	ck_assert_int_eq(tpar_promise_fail(made.p, 42, "no %s", "luck"),
			 TPAR_OK);
	expect_complete(made, TPAR_FAILED, 42, "no luck");

	made = promised_owner();
	ck_assert_int_eq(tpar_promise_set_cancelled(made.p), TPAR_OK);
	expect_complete(made, TPAR_CANCELLED, TPAR_ESTOPPED, "");

	made = promised_owner();
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	expect_complete(made, TPAR_CANCELLED, TPAR_ESTOPPED, "");
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);
}
END_TEST

START_TEST(failing_follows_the_rules_of_tasks)
{
	struct promised made = promised_number();
	char text[300];
	size_t i;

	/* A code of 0 still fails; there need be no message. */
	ck_assert_int_eq(tpar_promise_fail(made.p, 0, NULL), TPAR_OK);
	expect_complete(made, TPAR_FAILED, TPAR_EFAILED, "");

	made = promised_number();
	ck_assert_int_eq(tpar_promise_fail(made.p, TPAR_ESTOPPED, "gave way"),
			 TPAR_OK);
	expect_complete(made, TPAR_CANCELLED, TPAR_ESTOPPED, "");

	made = promised_number();
	ck_assert_int_eq(tpar_promise_fail(made.p, TPAR_EALREADY, NULL),
			 TPAR_OK);
	expect_complete(made, TPAR_FAILED, TPAR_EALREADY, "");

	/* Cut between characters: an a, then letters of two bytes. */
	text[0] = 'a';
	for (i = 1; i + 2 < sizeof text; i += 2) {
		memcpy(&text[i], "\xc3\xa4", 2);
	}
	text[i] = '\0';
	made = promised_number();
	ck_assert_int_eq(tpar_promise_fail(made.p, 1, "%s", text), TPAR_OK);
	text[TPAR_MESSAGE_MAX - 1] = '\0';
	expect_complete(made, TPAR_FAILED, 1, text);
}
END_TEST

START_TEST(promise_that_is_destroyed_uncompleted_fails)
{
	struct promised made = promised_owner();
	tpar_future *twice[2] = { made.f, made.f };
	struct tpar_failure why;

	tpar_promise_destroy(made.p);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(made.f), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(made.f),
			 "the promise was destroyed without being completed");
	ck_assert_int_eq(tpar_gather(twice, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_str_eq(why.message, tpar_future_message(made.f));
	tpar_future_unref(made.f);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_promise_destroy(NULL);
}
END_TEST

START_TEST(promise_that_is_destroyed_completed_leaves_its_future_alone)
{
	struct promised made = promised_number();
	intptr_t number;

	promised_set(made, 12);
	ck_assert_int_eq(tpar_future_wait(NULL, TPAR_NOW), TPAR_EINVAL);
	tpar_promise_destroy(made.p);
	/* And no error of the calling thread is forgotten for it. */
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_DONE);
	ck_assert_int_eq(tpar_future_take(made.f, &number), TPAR_OK);
	ck_assert_int_eq(number, 12);
	tpar_future_unref(made.f);
	/* Also if it was cancelled. */
	made = promised_number();
	ck_assert_int_eq(tpar_future_cancel(made.f), TPAR_OK);
	tpar_promise_destroy(made.p);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_CANCELLED);
	tpar_future_unref(made.f);
}
END_TEST

static void
expect_refused(const struct tpar_promise_config *config, const char *part)
{
	tpar_promise *p = (tpar_promise *)&p;
	tpar_future *f = (tpar_future *)&f;

	ck_assert_int_eq(tpar_promise_create_with(config, &p, &f), TPAR_EINVAL);
	ck_assert_ptr_eq(p, (tpar_promise *)&p);
	ck_assert_ptr_eq(f, (tpar_future *)&f);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), part));
}

START_TEST(bad_promise_is_refused)
{
	struct tpar_promise_config good = TPAR_PROMISE_CONFIG_INIT;
	struct tpar_promise_config config = good;
	tpar_promise *p = NULL;
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_promise_create(8, NULL, NULL, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_promise_create(8, NULL, &p, NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_promise_create(((size_t)1 << 30) + 1, NULL, &p,
					     &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(p);
	ck_assert_ptr_null(f);
	expect_refused(NULL, "config is NULL");
	config.size = 0;
	expect_refused(&config, "config.size is 0");
	config = good;
	config.value_size = ((size_t)1 << 30) + 1;
	expect_refused(&config, "value_size");
	config = good;
	config.value_align = 3;
	expect_refused(&config, "value_align");
	config.value_align = 2 * TPAR_ALIGN_MAX;
	expect_refused(&config, "value_align");
}
END_TEST

START_TEST(bad_completion_is_refused_and_changes_nothing)
{
	struct promised made = promised_number();

	ck_assert_int_eq(tpar_promise_set(NULL, &made), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "p is NULL");
	ck_assert_int_eq(tpar_promise_set(made.p, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "value is NULL");
	ck_assert_int_eq(tpar_promise_fail(NULL, 1, "x"), TPAR_EINVAL);
	ck_assert_int_eq(tpar_promise_set_cancelled(NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_PENDING);
	promised_set(made, 3);
	promised_free(made);
	/* Nothing is a value, too. */
	made = promised_make(0, NULL);
	ck_assert_int_eq(tpar_promise_set(made.p, NULL), TPAR_OK);
	ck_assert_ptr_nonnull(tpar_future_value(made.f));
	promised_free(made);
}
END_TEST

START_TEST(value_has_its_size_and_alignment)
{
	static const size_t sizes[] = { 0, 1, 16, 17, 100, 4096, 100000 };
	static const size_t aligns[] = { 0, 1, 16, 64, 128, 4096 };
	char bytes[100000];
	size_t i;
	size_t k;

	for (i = 0; i < sizeof bytes; i++) {
		bytes[i] = (char)(i * 7);
	}
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (k = 0; k < sizeof aligns / sizeof aligns[0]; k++) {
			struct tpar_promise_config config =
				TPAR_PROMISE_CONFIG_INIT;
			size_t align = aligns[k] != 0 ? aligns[k] : 16;
			struct promised made;
			const void *value;

			config.value_size = sizes[i];
			config.value_align = aligns[k];
			ck_assert_int_eq(tpar_promise_create_with(
						 &config, &made.p, &made.f),
					 TPAR_OK);
			ck_assert_int_eq(tpar_promise_set(made.p, bytes),
					 TPAR_OK);
			value = tpar_future_value(made.f);
			ck_assert_uint_eq((uintptr_t)value % align, 0);
			ck_assert(memcmp(value, bytes, sizes[i]) == 0);
			promised_free(made);
		}
	}
}
END_TEST

START_TEST(value_is_dropped_once_with_the_last_handle)
{
	struct promised made = promised_owner();
	intptr_t number;

	promised_set(made, 1);
	tpar_promise_destroy(made.p);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_future_unref(tpar_future_ref(made.f));
	ck_assert_int_eq(atomic_load(&scene_value_drops), 0);
	tpar_future_unref(made.f);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 1);

	/* By the promise itself, if the handles went first. */
	made = promised_owner();
	tpar_future_unref(made.f);
	promised_set(made, 2);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
	ck_assert_int_eq(tpar_promise_set_cancelled(made.p), TPAR_EALREADY);
	tpar_promise_destroy(made.p);

	/* Not at all if it was taken, or never set. */
	made = promised_owner();
	promised_set(made, 3);
	ck_assert_int_eq(tpar_future_take(made.f, &number), TPAR_OK);
	ck_assert_int_eq(number, 3);
	promised_free(made);
	made = promised_owner();
	tpar_future_unref(made.f);
	tpar_promise_destroy(made.p);
	ck_assert_int_eq(atomic_load(&scene_value_drops), 2);
}
END_TEST

/* Several threads complete one promise, each in its way, at once. */
enum { RIVALS = 4 };

struct rivals {
	struct promised made;
	pthread_barrier_t start;
	_Atomic int winners;
	_Atomic int winner;
};

struct rival {
	struct rivals *rivals;
	int number;
};

static void *
complete(void *arg)
{
	struct rival *self = arg;
	struct rivals *rivals = self->rivals;
	intptr_t number = self->number;
	enum tpar_err err;

	(void)pthread_barrier_wait(&rivals->start);
	switch (self->number) {
	case 0:
	case 1:
		err = tpar_promise_set(rivals->made.p, &number);
		break;
	case 2:
		err = tpar_promise_fail(rivals->made.p, 2, "two");
		break;
	default:
		err = tpar_future_cancel(rivals->made.f);
		if (err == TPAR_OK &&
		    tpar_future_state(rivals->made.f) != TPAR_CANCELLED) {
			/* It came while another one was completing it. */
			return NULL;
		}
		break;
	}
	if (err == TPAR_OK) {
		atomic_fetch_add(&rivals->winners, 1);
		atomic_store(&rivals->winner, self->number);
	} else {
		UNIT_MUST(err == TPAR_EALREADY);
	}
	return NULL;
}

static void
check_winner(struct rivals *rivals)
{
	tpar_future *f = rivals->made.f;
	int winner = atomic_load(&rivals->winner);

	ck_assert_int_eq(atomic_load(&rivals->winners), 1);
	switch (tpar_future_state(f)) {
	case TPAR_DONE:
		ck_assert_int_le(winner, 1);
		ck_assert_int_eq(promised_value(f), winner);
		break;
	case TPAR_FAILED:
		ck_assert_int_eq(winner, 2);
		ck_assert_str_eq(tpar_future_message(f), "two");
		break;
	default:
		ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
		ck_assert_int_eq(winner, 3);
	}
}

START_TEST(of_several_that_complete_it_at_once_one_wins)
{
	long round;

	for (round = 0; round < unit_scaled(500); round++) {
		struct rivals rivals = { .made = promised_number() };
		struct rival rival[RIVALS];
		pthread_t thread[RIVALS];
		int i;

		UNIT_MUST(pthread_barrier_init(&rivals.start, NULL, RIVALS) ==
			  0);
		for (i = 0; i < RIVALS; i++) {
			rival[i] = (struct rival) { &rivals, i };
			thread[i] = unit_start(complete, &rival[i]);
		}
		for (i = 0; i < RIVALS; i++) {
			unit_join(thread[i]);
		}
		check_winner(&rivals);
		promised_free(rivals.made);
		UNIT_MUST(pthread_barrier_destroy(&rivals.start) == 0);
	}
}
END_TEST

static int
sum_of_gathered(void *arg, void *value)
{
	intptr_t values[3];
	enum tpar_err err = tpar_gather(arg, 3, values, NULL);

	if (err == TPAR_OK) {
		*(intptr_t *)value = values[0] + values[1] + values[2];
	}
	return (int)err;
}

static int
set_promise(void *arg, void *value)
{
	intptr_t number = 30;

	(void)value;
	return (int)tpar_promise_set(arg, &number);
}

START_TEST(promises_and_tasks_are_members_of_the_same_sets)
{
	struct promised made = promised_number();
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f[3];
	tpar_future *sum;
	tpar_future *setter;

	/* The only worker waits for what another task of its pool completes. */
	f[0] = unit_submit(pool, unit_number_task, (void *)1, sizeof(intptr_t));
	f[1] = made.f;
	f[2] = unit_submit(NULL, unit_number_task, (void *)2, sizeof(intptr_t));
	sum = unit_submit(pool, sum_of_gathered, f, sizeof(intptr_t));
	UNIT_AWAIT(tpar_future_state(sum) == TPAR_RUNNING);
	setter = unit_submit(pool, set_promise, made.p, 0);
	ck_assert_int_eq(tpar_future_wait(sum, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(promised_value(sum), 33);
	ck_assert_int_eq(tpar_future_wait(setter, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(setter);
	tpar_future_unref(sum);
	tpar_future_unref_all(f, 3);
	tpar_promise_destroy(made.p);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(promise_that_fails_stops_the_set_it_is_in)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct promised made[2] = { promised_make(0, NULL),
				    promised_make(0, NULL) };
	tpar_future *f[3];
	struct tpar_failure why;
	tpar_future *all = NULL;

	hold.code = TPAR_ESTOPPED;
	f[0] = made[0].f;
	f[1] = made[1].f;
	f[2] = unit_submit(NULL, scene_until_stopped, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_gather_async(f, 3, &all), TPAR_OK);
	ck_assert_int_eq(tpar_promise_fail(made[1].p, 5, "five"), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(all, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(all), 5);
	/* By now the lowest of those that have not succeeded is another. */
	ck_assert_int_eq(tpar_gather(f, 3, NULL, &why), TPAR_ECANCELED);
	ck_assert_uint_eq(why.index, 0);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	ck_assert(tpar_promise_cancelled(made[0].p));
	tpar_future_unref(all);
	tpar_future_unref(f[2]);
	promised_free_many(made, 2);
}
END_TEST

static void *
wait_for_number(void *arg)
{
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return (void *)promised_value(arg);
}

START_TEST(all_who_wait_see_what_was_set)
{
	struct promised made = promised_number();
	pthread_t thread[4];
	void *seen;
	int i;

	for (i = 0; i < 4; i++) {
		thread[i] = unit_start(wait_for_number, made.f);
	}
	promised_set(made, 77);
	for (i = 0; i < 4; i++) {
		UNIT_MUST(pthread_join(thread[i], &seen) == 0);
		ck_assert_int_eq((intptr_t)seen, 77);
	}
	promised_free(made);
}
END_TEST

START_TEST(promise_has_a_deadline_like_any_future)
{
	struct promised made = promised_number();
	intptr_t number = 1;

	ck_assert_int_eq(tpar_future_cancel_at(made.f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel_at(made.f,
					       tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(made.f, TPAR_FOREVER),
			 TPAR_ECANCELED);
	ck_assert_int_eq(tpar_promise_set(made.p, &number), TPAR_EALREADY);
	ck_assert_int_eq(tpar_future_cancel_at(made.f, TPAR_NOW),
			 TPAR_EALREADY);
	promised_free(made);
	made = promised_number();
	ck_assert_int_eq(tpar_future_cancel_at(made.f, TPAR_NOW), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_CANCELLED);
	promised_free(made);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		promise_is_pending_until_it_is_set,
		promise_is_completed_once,
		failing_follows_the_rules_of_tasks,
		promise_that_is_destroyed_uncompleted_fails,
		promise_that_is_destroyed_completed_leaves_its_future_alone,
		bad_promise_is_refused,
		bad_completion_is_refused_and_changes_nothing,
		value_has_its_size_and_alignment,
		value_is_dropped_once_with_the_last_handle,
		of_several_that_complete_it_at_once_one_wins,
		promises_and_tasks_are_members_of_the_same_sets,
		promise_that_fails_stops_the_set_it_is_in,
		all_who_wait_see_what_was_set,
		promise_has_a_deadline_like_any_future,
	};

	return unit_main("promise", tests, sizeof tests / sizeof tests[0]);
}
