/* SPDX-License-Identifier: MIT */
/*
 * test_algo.c - what the parallel algorithms share: which of them are announced
 * at once, whose failure counts, what stays a task's own.
 */
#include "config.h"

#include "unit.h"

#include "src/algo.h"
#include "src/clock.h"

#include <taskpar/cancel.h>

#include <string.h>

START_TEST(roots_are_rounded_down)
{
	static const size_t n[] = { 0, 1, 3, 4, 8, 9, 99, 100, 101 };
	static const size_t root[] = { 0, 1, 1, 2, 2, 3, 9, 10, 10 };
	size_t half = (size_t)1 << (sizeof half * 4);
	size_t i;

	for (i = 0; i < sizeof n / sizeof n[0]; i++) {
		ck_assert_uint_eq(tpi_algo_root(n[i]), root[i]);
	}
	ck_assert_uint_eq(tpi_algo_root(SIZE_MAX), half - 1);
	ck_assert_uint_eq(tpi_algo_root((half - 1) * (half - 1)), half - 1);
	ck_assert_uint_eq(tpi_algo_root((half - 1) * (half - 1) - 1), half - 2);
}
END_TEST

START_TEST(grains_that_the_library_chooses_are_even)
{
	static const size_t n[] = { 0, 1, 15, 16, 63999, 65535, 65536, 262144 };
	static const size_t grain[] = { 1, 1, 1, 1, 63, 63, 64, 128 };
	size_t i;

	for (i = 0; i < sizeof n / sizeof n[0]; i++) {
		ck_assert_uint_eq(tpi_algo_grain(n[i], 4), grain[i]);
	}
	/* The root of ten millions is 3162. */
	ck_assert_uint_eq(tpi_algo_grain(10000000, 4), 768);
	ck_assert_uint_eq(tpi_algo_grain(10000000, 2), 1536);
}
END_TEST

/* A root that does what it is told to, and notes what it finds. */
struct probe {
	struct tpi_algo algo;
	void (*body)(struct probe *p, struct tpar_slot *head);
	bool at_once; /* it was announced when it began */
	int64_t spent;
};

TPAR_VOID_TASK_1(probe, struct probe *, p)
{
	tpi_algo_begin(&p->algo, tpar_head);
	p->at_once = p->algo.announced;
	if (p->body != NULL) {
		p->body(p, tpar_head);
	}
	tpi_algo_end(&p->algo, tpar_head);
	p->spent = tpi_clock_now() - p->algo.began;
}

static enum tpar_err
run_probe(tpar_pool *pool, struct probe *p, struct tpar_failure *why)
{
	union {
		struct tpar_slot slot;
		struct tpar_slot_probe_ typed;
	} root;
	static const int key;

	memset(&p->algo, 0, sizeof p->algo);
	p->algo.name = "probe";
	p->algo.fn = &key;
	p->algo.items = 5;
	root.typed.data.arg.p = p;
	return tpi_algo_run(&p->algo, pool, tpar_wrap_probe_, &root.slot, why);
}

/* Until it takes longer than what is worth an announcement. */
static void
take_long(struct probe *p, struct tpar_slot *head)
{
	while (!p->algo.announced) {
		tpi_algo_tick(&p->algo, head, tpi_clock_now());
	}
}

START_TEST(what_was_short_is_not_announced_before_it_is_long)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct probe p = { .body = NULL };

	ck_assert_int_eq(run_probe(pool, &p, NULL), TPAR_OK);
	ck_assert(p.at_once);
	ck_assert(!p.algo.was_long);
	/* It may be interrupted, and take long for that. */
	do {
		ck_assert_int_eq(run_probe(pool, &p, NULL), TPAR_OK);
	} while (p.at_once || p.spent >= TPI_ALGO_BRIEF_NS);
	p.body = take_long;
	ck_assert_int_eq(run_probe(pool, &p, NULL), TPAR_OK);
	ck_assert(!p.at_once);
	ck_assert(!p.algo.was_long);
	ck_assert(p.algo.announced);
	/* And that is known from then on. */
	p.body = NULL;
	ck_assert_int_eq(run_probe(pool, &p, NULL), TPAR_OK);
	ck_assert(p.at_once);
	ck_assert(p.algo.was_long);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
fail_twice(struct probe *p, struct tpar_slot *head)
{
	(void)head;
	ck_assert(!tpi_algo_stops(&p->algo));
	tpi_algo_fail(&p->algo, 5, 51, "first");
	ck_assert(tpi_algo_stops(&p->algo));
	tpi_algo_fail(&p->algo, 4, 41, "second");
	tpi_algo_refuse(&p->algo, TPAR_ENOMEM, "third");
}

START_TEST(the_first_failure_counts)
{
	struct probe p = { .body = fail_twice };
	struct tpar_failure why;

	ck_assert_int_eq(run_probe(NULL, &p, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 51);
	ck_assert_uint_eq(why.index, 5);
	ck_assert_str_eq(why.message, "first");
}
END_TEST

static void
refuse(struct probe *p, struct tpar_slot *head)
{
	(void)head;
	tpi_algo_refuse(&p->algo, TPAR_ENOMEM, "no room");
	tpi_algo_fail(&p->algo, 4, 41, "second");
}

START_TEST(an_error_of_the_library_is_no_failure_of_a_body)
{
	struct probe p = { .body = refuse };
	struct tpar_failure why;

	ck_assert_int_eq(run_probe(NULL, &p, &why), TPAR_ENOMEM);
	ck_assert_int_eq(why.code, TPAR_ENOMEM);
	ck_assert_int_eq(why.state, TPAR_PENDING);
	ck_assert(why.index == SIZE_MAX);
	ck_assert_str_eq(why.message, "no room");
	ck_assert_str_eq(tpar_error_detail(), "no room");
}
END_TEST

static void
talk(struct probe *p, struct tpar_slot *head)
{
	char text[TPAR_MESSAGE_MAX];
	struct tpi_algo_call call;
	int code = tpar_fail(1, "the task's");

	(void)p;
	(void)head;
	tpi_algo_enter(&call);
	tpi_algo_leave(&call, text);
	ck_assert_str_eq(text, "");
	tpi_algo_enter(&call);
	code += tpar_fail(2, "the body's");
	tpi_algo_leave(&call, text);
	ck_assert_str_eq(text, "the body's");
	tpi_algo_enter(&call);
	code += tpar_fail(3, "forgotten");
	tpi_algo_leave(&call, NULL);
	ck_assert_int_eq(code, 6);
}

static int
run_talk(void *arg, void *value)
{
	struct probe p = { .body = talk };

	(void)arg;
	(void)value;
	UNIT_MUST(run_probe(NULL, &p, NULL) == TPAR_OK);
	return 7;
}

START_TEST(what_bodies_say_is_kept_apart)
{
	tpar_future *f = unit_submit(NULL, run_talk, NULL, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), 7);
	ck_assert_str_eq(tpar_future_message(f), "the task's");
	tpar_future_unref(f);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		roots_are_rounded_down,
		grains_that_the_library_chooses_are_even,
		what_was_short_is_not_announced_before_it_is_long,
		the_first_failure_counts,
		an_error_of_the_library_is_no_failure_of_a_body,
		what_bodies_say_is_kept_apart,
	};

	return unit_main("algo", tests, sizeof tests / sizeof tests[0]);
}
