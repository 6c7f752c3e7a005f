/* SPDX-License-Identifier: MIT */
/*
 * test_future_submit.c - the forms of submitting: what is refused and untouched,
 * what is copied, which argument each of many gets, which site is named.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

static const struct tpar_task init = TPAR_TASK_INIT;
static _Atomic int runs;
static _Atomic int dropped;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
count_drop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&dropped, 1);
}

/* Refused by both calls that take a description, in words. */
static void
expect_refused(const struct tpar_task *task, const char *words)
{
	tpar_future *f[2] = { NULL, NULL };

	ck_assert_int_eq(tpar_submit_task(NULL, task, f), TPAR_EINVAL);
	ck_assert_msg(strstr(tpar_error_detail(), words) != NULL,
		      "'%s' is not in '%s'", words, tpar_error_detail());
	ck_assert_int_eq(tpar_submit_many(NULL, task, NULL, 0, 2, f),
			 TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), words));
	/* Also if it is none of them. */
	ck_assert_int_eq(tpar_submit_many(NULL, task, NULL, 0, 0, f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f[0]);
	ck_assert_ptr_null(f[1]);
}

START_TEST(bad_description_is_refused_in_words)
{
	struct tpar_task task = init;

	expect_refused(NULL, "task is NULL");
	expect_refused(&task, "task.fn is NULL");
	task.fn = count_run;
	task.drop_arg = count_drop;
	task.drop_value = count_drop;
	task.size = 0;
	expect_refused(&task, "task.size is 0");
	task.size = sizeof task + 8;
	expect_refused(&task, "begin with TPAR_TASK_INIT");
	task.size = sizeof task;
	task.flags = TPAR_NO_INLINE | 8;
	expect_refused(&task, "task.flags is 0x9");
	task.flags = 0;
	task.value_size = ((size_t)1 << 30) + 1;
	expect_refused(&task, "task.value_size 1073741825");
	task.value_size = 0;
	task.value_align = 48;
	expect_refused(&task, "value_align 48");
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&dropped), 0);
}
END_TEST

START_TEST(short_form_is_refused_likewise)
{
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_submit(NULL, NULL, NULL, 0, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "task.fn is NULL");
	ck_assert_int_eq(tpar_submit(NULL, count_run, NULL, SIZE_MAX, &f),
			 TPAR_EINVAL);
	ck_assert_int_eq((tpar_submit)(NULL, NULL, NULL, 0, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_submit_at(NULL, NULL, NULL, 0, &f, "here"),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_submit(NULL, NULL, NULL, 0, NULL), TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(many_whose_arguments_reach_too_far_are_refused)
{
	struct tpar_task task = init;
	tpar_future *f = NULL;
	char args[1];

	task.fn = count_run;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, args, SIZE_MAX / 2 + 1,
					  2, &f),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "n * arg_stride overflows");
	ck_assert_int_eq(tpar_submit_many(NULL, &task, args, 8,
					  SIZE_MAX / 8 + 1, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

START_TEST(none_is_as_good_as_any_number)
{
	struct tpar_task task = init;

	task.fn = count_run;
	task.drop_arg = count_drop;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, NULL, 0, 0, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(NULL, &task, &task, SIZE_MAX, 0,
					  NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(atomic_load(&dropped), 0);
}
END_TEST

/* Its value is its argument's address. */
static int
tell_address(void *arg, void *value)
{
	*(void **)value = arg;
	return 0;
}

static void
submit_many_args(tpar_pool *pool)
{
	enum { N = 100 };
	struct tpar_task task = init;
	struct {
		long a[3];
	} args[N];
	tpar_future *f[N];
	void *value[N];
	int i;

	task.fn = tell_address;
	task.arg = &task;
	task.value_size = sizeof value[0];
	UNIT_MUST(tpar_submit_many(pool, &task, args, sizeof args[0], N, f) ==
		  TPAR_OK);
	UNIT_MUST(tpar_gather(f, N, (void *)value, NULL) == TPAR_OK);
	for (i = 0; i < N; i++) {
		UNIT_MUST(value[i] == &args[i]);
	}
	tpar_future_unref_all(f, N);
	/* All the same one, or the template's. */
	UNIT_MUST(tpar_submit_many(pool, &task, args, 0, N, f) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, N, (void *)value, NULL) == TPAR_OK);
	UNIT_MUST(value[0] == args && value[N - 1] == args);
	tpar_future_unref_all(f, N);
	UNIT_MUST(tpar_submit_many(pool, &task, NULL, 8, N, f) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, N, (void *)value, NULL) == TPAR_OK);
	UNIT_MUST(value[0] == &task && value[N - 1] == &task);
	tpar_future_unref_all(f, N);
}

static int
submit_many_args_inside(void *arg, void *value)
{
	(void)arg;
	(void)value;
	submit_many_args(NULL);
	return 0;
}

START_TEST(each_of_many_gets_its_argument)
{
	tpar_pool *pool = unit_pool(2, 1);

	submit_many_args(pool);
	unit_run_in(pool, submit_many_args_inside, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(more_than_any_queue_holds_are_accepted)
{
	enum { MANY = 20000 };
	size_t n = (size_t)unit_scaled(MANY);
	tpar_future **f = calloc(n, sizeof(tpar_future *));
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_task task = init;

	ck_assert_ptr_nonnull(f);
	task.fn = count_run;
	task.drop_arg = count_drop;
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, n, f), TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, n, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, n, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, n);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_uint_eq(atomic_load(&runs), 2 * n);
	ck_assert_uint_eq(atomic_load(&dropped), 2 * n);
	free(f);
}
END_TEST

START_TEST(description_is_copied)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = init;
	void *value = NULL;
	tpar_future *f;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	task.fn = tell_address;
	task.arg = &hold;
	task.value_size = sizeof(void *);
	task.drop_arg = count_drop;
	f = unit_submit_task(pool, &task);
	memset(&task, 0xee, sizeof task);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_gather(&f, 1, (void *)&value, NULL), TPAR_OK);
	ck_assert_ptr_eq(value, &hold);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&dropped), 1);
}
END_TEST

/* Numbers in the order in which tasks run. */
static int order[4];

static int
note_order(void *arg, void *value)
{
	(void)value;
	order[atomic_fetch_add(&runs, 1)] = (int)(intptr_t)arg;
	return 0;
}

static int
submit_in_order(void *arg, void *value)
{
	intptr_t i;

	(void)arg;
	(void)value;
	for (i = 0; i < 4; i++) {
		UNIT_MUST(tpar_submit(NULL, note_order, (void *)i, 0, NULL) ==
			  TPAR_OK);
	}
	/* None is run by its submit. */
	return atomic_load(&runs);
}

START_TEST(own_tasks_run_last_in_first_out)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	unit_run_in(pool, submit_in_order, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), 4);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(order[i], 3 - i);
	}
}
END_TEST

/* A task that waits for itself says where it was submitted. */
struct self {
	struct unit_gate known;
	tpar_future *f;
	char detail[512];
};

static int
wait_for_itself(void *arg, void *value)
{
	struct self *self = arg;

	(void)value;
	unit_gate_await(&self->known, 1);
	UNIT_MUST(tpar_future_wait(self->f, TPAR_FOREVER) == TPAR_EDEADLK);
	snprintf(self->detail, sizeof self->detail, "%s", tpar_error_detail());
	return 0;
}

static void
expect_detail(struct self *self, const char *detail)
{
	unit_gate_open(&self->known);
	ck_assert_int_eq(tpar_future_wait(self->f, TPAR_FOREVER), TPAR_OK);
	ck_assert_str_eq(self->detail, detail);
	tpar_future_unref(self->f);
}

static const struct self no_self = { .known = UNIT_GATE_INIT };

START_TEST(macro_names_the_place_of_the_submit)
{
	struct self self = no_self;
	char detail[512];

	ck_assert_int_eq(tpar_submit(NULL, wait_for_itself, &self, 0, &self.f),
			 TPAR_OK);
	snprintf(detail, sizeof detail, "'task' (%s:%d) waits for itself",
		 __FILE__, __LINE__ - 3);
	expect_detail(&self, detail);
}
END_TEST

START_TEST(plain_function_names_no_place)
{
	struct self self = no_self;

	ck_assert_int_eq((tpar_submit)(NULL, wait_for_itself, &self, 0,
				       &self.f),
			 TPAR_OK);
	expect_detail(&self, "'task' waits for itself");
	self = no_self;
	ck_assert_int_eq(tpar_submit_at(NULL, wait_for_itself, &self, 0,
					&self.f, "yonder"),
			 TPAR_OK);
	expect_detail(&self, "'task' (yonder) waits for itself");
}
END_TEST

START_TEST(description_names_task_and_place)
{
	struct self self = no_self;
	struct tpar_task task = init;
	char detail[512];

	task.fn = wait_for_itself;
	task.arg = &self;
	task.name = "narcissus";
	self.f = unit_submit_task(NULL, &task);
	/* Where its initializer stands. */
	snprintf(detail, sizeof detail, "'narcissus' (%s) waits for itself",
		 init.site);
	expect_detail(&self, detail);
	ck_assert_ptr_nonnull(strstr(init.site, "test_future_submit.c:"));
	self = no_self;
	task.site = NULL;
	ck_assert_int_eq(tpar_submit_many(NULL, &task, &self, 0, 1, &self.f),
			 TPAR_OK);
	expect_detail(&self, "'narcissus' waits for itself");
}
END_TEST

enum { CLIENTS = 3 };

static void *
submit_from_here(void *pool)
{
	long n = unit_scaled(1000);
	tpar_future *f;
	intptr_t value;
	long i;

	for (i = 0; i < n; i++) {
		f = unit_submit(pool, unit_number_task, (void *)i,
				sizeof value);
		UNIT_MUST(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
		UNIT_MUST(value == i);
		tpar_future_unref(f);
		UNIT_MUST(tpar_submit(pool, count_run, NULL, 0, NULL) ==
			  TPAR_OK);
	}
	return NULL;
}

START_TEST(any_thread_may_submit_at_any_time)
{
	tpar_pool *pool = unit_pool(2, 1);
	pthread_t thread[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++) {
		thread[i] = unit_start(submit_from_here, pool);
	}
	for (i = 0; i < CLIENTS; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), CLIENTS * unit_scaled(1000));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bad_description_is_refused_in_words,
		short_form_is_refused_likewise,
		many_whose_arguments_reach_too_far_are_refused,
		none_is_as_good_as_any_number,
		each_of_many_gets_its_argument,
		more_than_any_queue_holds_are_accepted,
		description_is_copied,
		own_tasks_run_last_in_first_out,
		macro_names_the_place_of_the_submit,
		plain_function_names_no_place,
		description_names_task_and_place,
		any_thread_may_submit_at_any_time,
	};

	return unit_main("future_submit", tests,
			 sizeof tests / sizeof tests[0]);
}
