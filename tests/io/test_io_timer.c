/* SPDX-License-Identifier: MIT */
/*
 * test_io_timer.c - futures that are done at a time.
 */
#include "io.h"

static int64_t
now(void)
{
	return tpar_in(0);
}

static tpar_future *
timer_in(int64_t ns)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_timer(tpar_in(ns), &f) == TPAR_OK);
	return f;
}

START_TEST(timer_is_done_at_its_time_and_not_before)
{
	static const int64_t ns[] = { 0, 1, 999999, TPAR_MILLISECOND, 7654321 };
	size_t i;

	for (i = 0; i < sizeof ns / sizeof ns[0]; i++) {
		int64_t deadline = tpar_in(ns[i]);
		tpar_future *f = NULL;

		ck_assert_int_eq(tpar_io_timer(deadline, &f), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_ge(now(), deadline);
		tpar_future_unref(f);
	}
}
END_TEST

START_TEST(timer_of_a_time_that_has_passed_is_done_soon)
{
	static const int64_t passed[] = { TPAR_NOW, INT64_MIN, 1 };
	size_t i;

	for (i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		tpar_future *f = NULL;

		ck_assert_int_eq(tpar_io_timer(passed[i], &f), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref(f);
	}
}
END_TEST

START_TEST(timer_of_no_time_is_refused)
{
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_io_timer(TPAR_FOREVER, &f), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "TPAR_FOREVER"));
	ck_assert_int_eq(tpar_io_timer(1, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_ptr_null(f);
}
END_TEST

/* Their times in no order; what ends too early to be seen from outside is not. */
struct order {
	_Atomic int ended;
	pthread_t main;
	int64_t last;
	bool wrong;
};

struct one {
	struct order *order;
	int64_t deadline;
};

static void
look_at_order(tpar_future *f, void *arg)
{
	struct one *one = arg;

	(void)f;
	UNIT_MUST(now() >= one->deadline);
	if (!pthread_equal(one->order->main, pthread_self())) {
		one->order->wrong |= one->deadline < one->order->last;
		one->order->last = one->deadline;
	}
	atomic_fetch_add(&one->order->ended, 1);
}

/* The first is due after `margin`.  false: not all had been made by then. */
static bool
timers_are_in_order(int64_t margin)
{
	enum { N = 200 };
	static struct one one[N];
	struct order order = { .main = pthread_self() };
	tpar_future *f[N];
	int64_t from = tpar_in(margin);
	bool in_time;
	int i;

	for (i = 0; i < N; i++) {
		one[i].order = &order;
		one[i].deadline = from + (i * 7919 % N) * 50000;
		UNIT_MUST(tpar_io_timer(one[i].deadline, &f[i]) == TPAR_OK);
		UNIT_MUST(tpar_future_on_done(f[i], look_at_order, &one[i]) ==
			  TPAR_OK);
	}
	/* And some that are taken out of the middle. */
	for (i = 0; i < N; i += 3) {
		tpar_future *other = timer_in(TPAR_SECOND * 3600);

		ck_assert_int_eq(tpar_future_cancel(other), TPAR_OK);
		tpar_future_unref(other);
	}
	in_time = now() < from;
	ck_assert_int_eq(tpar_wait_all(f, N, TPAR_FOREVER), TPAR_OK);
	UNIT_AWAIT(atomic_load(&order.ended) == N);
	ck_assert(!order.wrong || !in_time);
	tpar_future_unref_all(f, N);
	return in_time;
}

START_TEST(timers_are_done_in_the_order_of_their_times)
{
	int64_t margin = 20 * TPAR_MILLISECOND;

	while (!timers_are_in_order(margin)) {
		margin *= 2;
	}
}
END_TEST

START_TEST(timer_is_cancelled_at_once)
{
	tpar_future *f = timer_in(TPAR_SECOND * 3600);

	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	tpar_future_unref(f);
	/* One that is released is not cancelled, and leaves nothing behind. */
	tpar_future_unref(timer_in(TPAR_MILLISECOND));
}
END_TEST

START_TEST(failure_of_a_task_cancels_timers)
{
	enum { N = 50 };
	tpar_future *f[N + 1];
	struct tpar_failure why;
	int i;

	for (i = 0; i < N; i++) {
		f[i] = timer_in(TPAR_SECOND * 3600);
	}
	f[N] = unit_submit(NULL, scene_fail_with, (void *)(intptr_t)5, 0);
	ck_assert_int_eq(tpar_gather(f, N + 1, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(why.code, 5);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, N + 1);
}
END_TEST

START_TEST(timer_wins_a_race_and_the_others_are_stopped)
{
	tpar_future *f[3] = { timer_in(TPAR_SECOND * 3600),
			      timer_in(TPAR_MILLISECOND),
			      timer_in(TPAR_SECOND * 60) };
	size_t index = 9;

	ck_assert_int_eq(tpar_race(f, 3, NULL, &index, NULL), TPAR_OK);
	ck_assert_int_eq(index, 1);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	tpar_future_unref_all(f, 3);
}
END_TEST

START_TEST(ten_thousand_timers_are_gathered)
{
	size_t n = (size_t)unit_scaled(10000);
	tpar_future **f = calloc(n, sizeof *f);
	size_t i;

	for (i = 0; i < n; i++) {
		f[i] = timer_in(10 * TPAR_MILLISECOND);
	}
	ck_assert_int_eq(tpar_gather(f, n, NULL, NULL), TPAR_OK);
	tpar_future_unref_all(f, n);
	free(f);
}
END_TEST

/* ---- On the library's thread --------------------------------------------- */

/* A timer that makes the next one when it is done. */
struct chain {
	long left;
	struct unit_gate over;
};

static void
go_on(tpar_future *f, void *arg)
{
	struct chain *chain = arg;
	tpar_future *next = NULL;
	tpar_future *other = NULL;

	UNIT_MUST(tpar_future_state(f) == TPAR_DONE);
	if (--chain->left == 0) {
		unit_gate_open(&chain->over);
		return;
	}
	UNIT_MUST(tpar_io_timer(tpar_in(1), &next) == TPAR_OK);
	UNIT_MUST(tpar_future_on_done(next, go_on, chain) == TPAR_OK);
	tpar_future_unref(next);
	UNIT_MUST(tpar_io_timer(tpar_in(TPAR_SECOND * 3600), &other) ==
		  TPAR_OK);
	UNIT_MUST(tpar_future_cancel(other) == TPAR_OK);
	tpar_future_unref(other);
}

START_TEST(callback_goes_on_with_the_next_timer)
{
	struct chain chain = { unit_scaled(200), UNIT_GATE_INIT };
	tpar_future *f = timer_in(1);

	ck_assert_int_eq(tpar_future_on_done(f, go_on, &chain), TPAR_OK);
	unit_gate_await(&chain.over, 1);
	ck_assert_int_eq(chain.left, 0);
	tpar_future_unref(f);
}
END_TEST

static _Atomic int storm_ended;

static void
count_ended(tpar_future *f, void *arg)
{
	(void)arg;
	UNIT_MUST(tpar_future_state(f) >= TPAR_DONE);
	atomic_fetch_add(&storm_ended, 1);
}

static void *
make_and_cancel(void *arg)
{
	long rounds = unit_scaled(2000);
	long i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		tpar_future *f = timer_in(i % 3 * 50000);

		UNIT_MUST(tpar_future_on_done(f, count_ended, NULL) == TPAR_OK);
		(void)tpar_future_cancel(f);
		tpar_future_unref(f);
	}
	return NULL;
}

START_TEST(cancel_may_meet_the_time)
{
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++) {
		thread[i] = unit_start(make_and_cancel, NULL);
	}
	for (i = 0; i < 4; i++) {
		unit_join(thread[i]);
	}
	UNIT_AWAIT(atomic_load(&storm_ended) == 4 * unit_scaled(2000));
	ck_assert_int_eq(atomic_load(&storm_ended), 4 * unit_scaled(2000));
}
END_TEST

/* ---- Shutdown, exec, fork ------------------------------------------------ */

START_TEST(shutdown_cancels_and_the_next_call_starts_anew)
{
	int round;

	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	for (round = 0; round < 3; round++) {
		tpar_future *f[2] = { timer_in(TPAR_SECOND * 3600),
				      timer_in(1) };

		ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_OK);
		ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
		ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
		ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	/*
	 * One that was joined may still be seen for a moment, and
	 * ThreadSanitizer and qemu have one of their own.
	 */
	UNIT_AWAIT(unit_is_alone() || !CHILD_STARTS_THREADS);
}
END_TEST

static void
shut_down(tpar_future *f, void *arg)
{
	(void)f;
	UNIT_MUST(tpar_io_shutdown() == TPAR_EDEADLK);
	unit_gate_open(arg);
}

START_TEST(shutdown_in_a_callback_is_a_deadlock)
{
	struct unit_gate called = UNIT_GATE_INIT;
	tpar_future *f = NULL;
	int ends[2];

	io_pipe(ends);
	ck_assert_int_eq(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f), TPAR_OK);
	ck_assert_int_eq(tpar_future_on_done(f, shut_down, &called), TPAR_OK);
	UNIT_MUST(write(ends[1], "x", 1) == 1);
	unit_gate_await(&called, 1);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	tpar_future_unref(f);
	io_close_both(ends);
}
END_TEST

static void
use_in_child(void *arg)
{
	tpar_future *old = arg;
	tpar_future *f = NULL;

	UNIT_MUST(tpar_future_state(old) == TPAR_PENDING);
	if (CHILD_STARTS_THREADS) {
		UNIT_MUST(tpar_io_timer(tpar_in(1), &f) == TPAR_OK);
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(f);
	}
	UNIT_MUST(tpar_future_cancel(old) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(old, TPAR_FOREVER) == TPAR_ECANCELED);
	UNIT_MUST(tpar_io_shutdown() == TPAR_OK);
}

START_TEST(child_of_a_fork_starts_anew)
{
	tpar_future *f = timer_in(TPAR_SECOND * 3600);

	ck_assert(child_runs(use_in_child, f));
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	tpar_future_unref(f);
}
END_TEST

/* The handles are not released, either: exit() does not wait for anything. */
static void
leave_things_under_way(void)
{
	static tpar_future *f[3];
	static char byte;
	int ends[2];

	io_pipe(ends);
	f[0] = timer_in(TPAR_SECOND * 3600);
	UNIT_MUST(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]) == TPAR_OK);
	UNIT_MUST(tpar_io_read(ends[0], &byte, 1, &f[2]) == TPAR_OK);
	exit(7);
}

START_TEST(process_exits_with_requests_under_way)
{
	int status = 0;
	pid_t pid = fork();

	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		child_set_alarm();
		UNIT_MUST(setenv("TASKPAR_AUDIT", "quiet", 1) == 0);
		leave_things_under_way();
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	/* Valgrind takes what belongs to a thread for a leak. */
	ck_assert(WEXITSTATUS(status) == 7 || unit_is_valgrind());
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		timer_is_done_at_its_time_and_not_before,
		timer_of_a_time_that_has_passed_is_done_soon,
		timer_of_no_time_is_refused,
		timers_are_done_in_the_order_of_their_times,
		timer_is_cancelled_at_once,
		failure_of_a_task_cancels_timers,
		timer_wins_a_race_and_the_others_are_stopped,
		ten_thousand_timers_are_gathered,
		callback_goes_on_with_the_next_timer,
		cancel_may_meet_the_time,
		shutdown_cancels_and_the_next_call_starts_anew,
		shutdown_in_a_callback_is_a_deadlock,
		child_of_a_fork_starts_anew,
		process_exits_with_requests_under_way,
	};

	return io_main("io_timer", tests, sizeof tests / sizeof tests[0]);
}
