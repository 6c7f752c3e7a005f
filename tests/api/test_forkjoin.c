/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin.c - tasks of every number of arguments, of mixed types, with
 * results of every size and without: what goes in and what comes out.
 */
#include "forks.h"

#include <string.h>

enum { FIB = 20, FIB_VALUE = 6765 };

/* As large as a result or all arguments together may be. */
struct whole {
	unsigned char byte[TPAR_DATA_SIZE];
};

struct point {
	double x;
	double y;
};

typedef const char *text;
typedef long (*operation)(long a, long b);

TPAR_TASK_1(long, fib, int, n)
{
	long a;
	long b;

	if (n < 2) {
		return n;
	}
	TPAR_FORK(fib, n - 1);
	b = TPAR_CALL(fib, n - 2);
	a = TPAR_JOIN(fib);
	return a + b;
}

TPAR_TASK_0(int, answer)
{
	return 42;
}

TPAR_TASK_2(size_t, length_between, text, from, text, to)
{
	return (size_t)(to - from);
}

TPAR_TASK_3(struct point, move, struct point, p, double, dx, float, dy)
{
	p.x += dx;
	p.y += (double)dy;
	return p;
}

TPAR_TASK_4(double, weigh, char, a, short, b, double, c, long long, d)
{
	return a + b + c + (double)d;
}

static long
times(long a, long b)
{
	return a * b;
}

TPAR_TASK_5(long, fold, operation, f, long, a, long, b, long, c, bool, negative)
{
	long result = f(f(a, b), c);

	return negative ? -result : result;
}

TPAR_TASK_6(text, choose, int, n, text, a, text, b, text, c, text, d, char, e)
{
	text all[] = { a, b, c, d };

	return e == 'y' ? all[n] : NULL;
}

TPAR_TASK_7(unsigned long long, digits, char, a, short, b, int, c, long, d,
	    unsigned char, e, unsigned short, f, unsigned, g)
{
	return (unsigned long long)a * 1000000 +
	       (unsigned long long)b * 100000 + (unsigned long long)c * 10000 +
	       (unsigned long long)d * 1000 + e * 100u + f * 10u + g;
}

TPAR_TASK_8(struct whole, bytes, char, a, char, b, char, c, char, d, char, e,
	    char, f, char, g, long, rest)
{
	const char first[] = { a, b, c, d, e, f, g };
	struct whole w;

	memset(w.byte, (int)rest, sizeof w.byte);
	memcpy(w.byte, first, sizeof first);
	return w;
}

/* An argument that fills all there is. */
TPAR_TASK_1(struct whole, upside_down, struct whole, w)
{
	struct whole r;
	size_t i;

	for (i = 0; i < sizeof r.byte; i++) {
		r.byte[i] = w.byte[sizeof w.byte - 1 - i];
	}
	return r;
}

static struct whole
counting(void)
{
	struct whole w;
	size_t i;

	for (i = 0; i < sizeof w.byte; i++) {
		w.byte[i] = (unsigned char)(i + 1);
	}
	return w;
}

/* Forks all of them, so that each goes through its slot; how many are right. */
TPAR_TASK_0(int, fork_all_sizes)
{
	static const char abc[] = "abcdef";
	struct point p = { 1.5, 2.5 };
	struct whole w = counting();
	struct whole r;
	int right = 0;

	TPAR_FORK(answer);
	TPAR_FORK(fib, 10);
	TPAR_FORK(length_between, abc + 1, abc + 5);
	TPAR_FORK(move, p, 0.25, 0.5f);
	TPAR_FORK(weigh, 1, -2, 0.5, 1LL << 40);
	TPAR_FORK(fold, times, 2, 3, 7, true);
	TPAR_FORK(choose, 2, "a", "b", "c", "d", 'y');
	TPAR_FORK(digits, 1, 2, 3, 4, 5, 6, 7);
	TPAR_FORK(bytes, 1, 2, 3, 4, 5, 6, 7, 99);
	TPAR_FORK(upside_down, w);
	r = TPAR_JOIN(upside_down);
	right += r.byte[0] == TPAR_DATA_SIZE && r.byte[47] == 1;
	r = TPAR_JOIN(bytes);
	right += r.byte[0] == 1 && r.byte[6] == 7 && r.byte[7] == 99 &&
		 r.byte[TPAR_DATA_SIZE - 1] == 99;
	right += TPAR_JOIN(digits) == 1234567;
	right += strcmp(TPAR_JOIN(choose), "c") == 0;
	right += TPAR_JOIN(fold) == -42;
	right += TPAR_JOIN(weigh) == (double)(1LL << 40) - 0.5;
	p = TPAR_JOIN(move);
	right += p.x == 1.75 && p.y == 3.0;
	right += TPAR_JOIN(length_between) == 4;
	right += TPAR_JOIN(fib) == 55;
	right += TPAR_JOIN(answer) == 42;
	return right;
}

/* The same by calls. */
TPAR_TASK_0(int, call_all_sizes)
{
	static const char abc[] = "abcdef";
	struct point p = { 1.5, 2.5 };
	struct whole w = counting();
	int right = 0;

	w = TPAR_CALL(upside_down, w);
	right += w.byte[0] == TPAR_DATA_SIZE && w.byte[47] == 1;
	w = TPAR_CALL(bytes, 1, 2, 3, 4, 5, 6, 7, 99);
	right += w.byte[6] == 7 && w.byte[7] == 99;
	right += TPAR_CALL(digits, 1, 2, 3, 4, 5, 6, 7) == 1234567;
	right += TPAR_CALL(choose, 2, "a", "b", "c", "d", 'n') == NULL;
	right += TPAR_CALL(fold, times, 2, 3, 7, false) == 42;
	right += TPAR_CALL(weigh, 1, -2, 0.5, 1) == 0.5;
	p = TPAR_CALL(move, p, 0.25, 0.5f);
	right += p.x == 1.75 && p.y == 3.0;
	right += TPAR_CALL(length_between, abc, abc + 3) == 3;
	right += TPAR_CALL(answer) == 42;
	return right;
}

static void
run_all_sizes(tpar_pool *pool)
{
	int right = 0;

	ck_assert_int_eq(TPAR_RUN(fork_all_sizes, pool, &right, NULL), TPAR_OK);
	ck_assert_int_eq(right, 10);
	ck_assert_int_eq(TPAR_RUN(call_all_sizes, pool, &right, NULL), TPAR_OK);
	ck_assert_int_eq(right, 9);
}

START_TEST(arguments_and_results_of_all_types_go_through_forks)
{
	forks_with_each(run_all_sizes);
}
END_TEST

static _Atomic int stolen;

TPAR_TASK_2(struct whole, on_another, pthread_t, owner, struct point, p)
{
	struct whole w = counting();

	if (!pthread_equal(owner, pthread_self())) {
		atomic_fetch_add(&stolen, 1);
	}
	memcpy(w.byte, &p, sizeof p);
	return w;
}

TPAR_VOID_TASK_2(shout, pthread_t, owner, forks_flag, flag)
{
	if (!pthread_equal(owner, pthread_self())) {
		atomic_fetch_add(&stolen, 1);
	}
	forks_raise(flag);
}

TPAR_TASK_0(int, fork_and_have_stolen)
{
	struct point p = { -0.5, 4.0 };
	_Atomic int flag = 0;
	struct whole w;
	struct whole as;

	TPAR_FORK(on_another, pthread_self(), p);
	TPAR_FORK(shout, pthread_self(), &flag);
	TPAR_CALL(forks_until, &flag);
	TPAR_JOIN(shout);
	w = TPAR_JOIN(on_another);
	as = counting();
	memcpy(as.byte, &p, sizeof p);
	return memcmp(&w, &as, sizeof w) == 0;
}

START_TEST(arguments_and_results_are_the_same_when_stolen)
{
	tpar_pool *pool = unit_pool(2, 1);
	int right = 0;

	ck_assert_int_eq(TPAR_RUN(fork_and_have_stolen, pool, &right, NULL),
			 TPAR_OK);
	ck_assert_int_eq(right, 1);
	ck_assert_int_eq(atomic_load(&stolen), 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Without a result ---------------------------------------------------- */

typedef long *numbers;

TPAR_VOID_TASK_0(count_up)
{
	atomic_fetch_add(&stolen, 1);
}

TPAR_VOID_TASK_3(square_all, numbers, at, size_t, from, size_t, to)
{
	size_t middle = from + (to - from) / 2;

	if (to - from <= 3) {
		for (; from < to; from++) {
			at[from] *= at[from];
		}
		return;
	}
	TPAR_FORK(square_all, at, from, middle);
	TPAR_CALL(square_all, at, middle, to);
	TPAR_JOIN(square_all);
}

TPAR_VOID_TASK_8(store_all, numbers, at, char, a, char, b, short, c, int, d,
		 float, e, double, f, long, g)
{
	long all[] = { a, b, c, d, (long)e, (long)f, g };

	memcpy(at, all, sizeof all);
}

TPAR_VOID_TASK_1(void_mix, numbers, at)
{
	TPAR_FORK(count_up);
	TPAR_FORK(store_all, at, 1, 2, 3, 4, 5.5f, 6.5, 7);
	TPAR_CALL(count_up);
	TPAR_JOIN(store_all);
	TPAR_JOIN(count_up);
}

static void
run_void_tasks(tpar_pool *pool)
{
	enum { N = 1000 };
	long number[N];
	long i;

	for (i = 0; i < N; i++) {
		number[i] = i;
	}
	ck_assert_int_eq(TPAR_RUN(square_all, pool, NULL, NULL, number, 0, N),
			 TPAR_OK);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(number[i], i * i);
	}
	ck_assert_int_eq(TPAR_RUN(void_mix, pool, NULL, NULL, number), TPAR_OK);
	for (i = 0; i < 7; i++) {
		ck_assert_int_eq(number[i], i + 1);
	}
	ck_assert_int_eq(TPAR_RUN(count_up, pool, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_exchange(&stolen, 0), 3);
}

START_TEST(tasks_without_a_result_are_forked_called_and_run)
{
	forks_with_each(run_void_tasks);
}
END_TEST

/* ---- The whole ------------------------------------------------------------ */

static void
run_fib(tpar_pool *pool)
{
	long value = 0;
	int i;

	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(TPAR_RUN(fib, pool, &value, NULL, FIB),
				 TPAR_OK);
		ck_assert_int_eq(value, FIB_VALUE);
	}
}

START_TEST(recursion_has_the_result_of_the_sequential_program)
{
	forks_with_each(run_fib);
}
END_TEST

/* Names that begin as those of the library's own functions and types do. */
TPAR_TASK_1(int, head, int, x)
{
	return x + 1;
}

TPAR_TASK_1(int, slot, int, x)
{
	int forked;

	TPAR_FORK(head, x);
	forked = TPAR_CALL(head, 2 * x);
	return forked + 10 * TPAR_JOIN(head);
}

START_TEST(tasks_may_be_called_as_parts_of_the_library)
{
	tpar_pool *pool = unit_pool(1, 1);
	int value;

	ck_assert_int_eq(TPAR_RUN(slot, pool, &value, NULL, 4), TPAR_OK);
	ck_assert_int_eq(value, 9 + 50);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(result_need_not_be_asked_for)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(TPAR_RUN(fib, pool, NULL, NULL, 5), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* What is forked is in order of the forks when it is joined at once. */
TPAR_TASK_2(int, append, numbers, at, int, number)
{
	at[++at[0]] = number;
	return number;
}

TPAR_VOID_TASK_1(append_in_turn, numbers, at)
{
	int i;

	for (i = 1; i <= 5; i++) {
		TPAR_FORK(append, at, i);
	}
	for (i = 5; i >= 1; i--) {
		at[10 + i] = TPAR_JOIN(append);
	}
}

START_TEST(with_one_worker_a_fork_runs_at_its_join)
{
	tpar_pool *pool = unit_pool(1, 1);
	long at[16] = { 0 };
	int i;

	ck_assert_int_eq(TPAR_RUN(append_in_turn, pool, NULL, NULL, at),
			 TPAR_OK);
	ck_assert_int_eq(at[0], 5);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(at[i], 6 - i);
		ck_assert_int_eq(at[10 + i], i);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Variables of the body have the names of the arguments, and may be changed. */
TPAR_TASK_2(int, gcd, int, a, int, b)
{
	while (b != 0) {
		int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

TPAR_TASK_0(int, gcd_twice)
{
	int a;

	TPAR_FORK(gcd, 12, 18);
	a = TPAR_CALL(gcd, 35, 21);
	return TPAR_JOIN(gcd) * 100 + a;
}

START_TEST(arguments_are_variables_of_the_body)
{
	tpar_pool *pool = unit_pool(1, 1);
	int value = 0;

	ck_assert_int_eq(TPAR_RUN(gcd_twice, pool, &value, NULL), TPAR_OK);
	ck_assert_int_eq(value, 607);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		tasks_may_be_called_as_parts_of_the_library,
		arguments_and_results_of_all_types_go_through_forks,
		arguments_and_results_are_the_same_when_stolen,
		tasks_without_a_result_are_forked_called_and_run,
		recursion_has_the_result_of_the_sequential_program,
		result_need_not_be_asked_for,
		with_one_worker_a_fork_runs_at_its_join,
		arguments_are_variables_of_the_body
	};

	return unit_main("forkjoin", tests, sizeof tests / sizeof tests[0]);
}
