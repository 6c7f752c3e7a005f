/* SPDX-License-Identifier: MIT */
/*
 * test_cancel.c - a request ends what has not begun, asks what runs, and goes
 * down to what that waits for; and what a task says about itself.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/frame.h"
#include "src/parker.h"

static struct tpar_pool *pool;
static int dropped;
static int called;

static void
drop_arg(void *arg)
{
	(void)arg;
	dropped++;
}

static int
count_call(void *arg, void *value)
{
	(void)arg;
	(void)value;
	called++;
	return 0;
}

static struct tpar_future *
make_running(void)
{
	struct tpar_future *f = hand_future(pool);

	ck_assert(tpi_future_claim(f));
	return f;
}

static void
end(struct tpar_future *f)
{
	tpi_future_end(f, TPAR_ESTOPPED, NULL);
	hand_drop(f);
}

static bool
asked(struct tpar_future *f)
{
	return tpi_state_stop_requested(&f->state);
}

/* `task` waits in this frame from here on. */
static void
wait_in(struct tpi_frame *frame, enum tpi_wait_kind kind,
	struct tpar_future *task, tpar_future *const *f, size_t n)
{
	tpi_frame_init(frame, kind, f, n);
	frame->outer = atomic_load(&task->cur);
	tpi_frame_publish(frame, task);
}

START_TEST(pending_task_ends_at_once)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *f;

	pool = hand_pool(1);
	task.fn = count_call;
	task.drop_arg = drop_arg;
	f = hand_future_of(pool, &task);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert_int_eq(dropped, 1);
	ck_assert_int_eq(called, 0);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	ck_assert_int_eq(dropped, 1);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(running_task_is_asked)
{
	struct tpar_future *f;

	pool = hand_pool(1);
	f = make_running();
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert(asked(f));
	ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	/* It may ignore the request. */
	tpi_future_end(f, 0, NULL);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(null_is_refused)
{
	ck_assert_int_eq(tpar_future_cancel(NULL), TPAR_EINVAL);
}
END_TEST

START_TEST(request_goes_down_to_a_gather)
{
	struct tpar_future *task;
	struct tpar_future *f[3];
	struct tpi_frame frame;

	pool = hand_pool(1);
	task = make_running();
	f[0] = hand_future(pool);
	f[1] = make_running();
	f[2] = make_running();
	tpi_future_end(f[2], 0, NULL);
	wait_in(&frame, TPI_WAIT_GATHER, task, f, 3);
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_STOPPED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert(asked(f[1]));
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_DONE);
	ck_assert(tpi_frame_unpinned(task));
	tpi_frame_unpublish(&frame, task);
	hand_drop(f[0]);
	end(f[1]);
	hand_drop(f[2]);
	end(task);
	hand_free(pool);
}
END_TEST

START_TEST(request_wakes_a_wait_and_spares_its_members)
{
	struct tpar_future *task;
	struct tpar_future *f[2];
	struct tpi_frame frame;

	pool = hand_pool(1);
	task = make_running();
	f[0] = hand_future(pool);
	f[1] = make_running();
	wait_in(&frame, TPI_WAIT_ONLY, task, f, 2);
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_STOPPED);
	ck_assert_uint_eq(atomic_load(&frame.parker->state), TPI_PARK_TOKEN);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	ck_assert(!asked(f[1]));
	tpi_frame_unpublish(&frame, task);
	tpi_future_end_cancelled(f[0]);
	hand_drop(f[0]);
	end(f[1]);
	end(task);
	hand_free(pool);
}
END_TEST

START_TEST(request_does_not_change_a_cause)
{
	struct tpar_future *task;
	struct tpar_future *f;
	struct tpi_frame frame;

	pool = hand_pool(1);
	task = make_running();
	f = make_running();
	wait_in(&frame, TPI_WAIT_GATHER, task, &f, 1);
	ck_assert(tpi_frame_elect(&frame, TPI_TIMED_OUT));
	ck_assert(tpi_cancel(task, TPI_REASON_ASKED));
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_TIMED_OUT);
	tpi_frame_unpublish(&frame, task);
	end(f);
	end(task);
	hand_free(pool);
}
END_TEST

START_TEST(long_chain_is_walked_without_recursion)
{
	enum { LENGTH = 20000 };
	struct tpar_future **f = calloc(LENGTH, sizeof(void *));
	struct tpi_frame *frame = aligned_alloc(
		TPI_WAITER_ALIGN, LENGTH * sizeof(struct tpi_frame));
	int i;

	pool = hand_pool(1);
	for (i = 0; i < LENGTH; i++) {
		f[i] = make_running();
	}
	for (i = 0; i + 1 < LENGTH; i++) {
		wait_in(&frame[i], TPI_WAIT_GATHER, f[i], &f[i + 1], 1);
	}
	ck_assert(tpi_cancel(f[0], TPI_REASON_ASKED));
	for (i = 0; i < LENGTH; i++) {
		ck_assert(asked(f[i]));
		ck_assert(tpi_frame_unpinned(f[i]));
	}
	for (i = 0; i < LENGTH; i++) {
		atomic_store(&f[i]->cur, NULL);
		end(f[i]);
	}
	hand_free(pool);
	free(frame);
	free(f);
}
END_TEST

/* Task 0 waits for 1 and 2, each of which waits for two of 3..6. */
START_TEST(tree_is_asked_as_a_whole)
{
	struct tpi_frame frame[3];
	struct tpar_future *f[7];
	int i;

	pool = hand_pool(1);
	for (i = 0; i < 7; i++) {
		f[i] = make_running();
	}
	for (i = 0; i < 3; i++) {
		wait_in(&frame[i], TPI_WAIT_SETTLED, f[i], &f[2 * i + 1], 2);
	}
	ck_assert(tpi_cancel(f[0], TPI_REASON_ASKED));
	for (i = 0; i < 7; i++) {
		ck_assert(asked(f[i]));
		/* Its own two holds and no more. */
		ck_assert_uint_eq(atomic_load(&f[i]->holds),
				  TPI_MEMREF + TPI_HANDLE);
	}
	for (i = 0; i < 7; i++) {
		atomic_store(&f[i]->cur, NULL);
		end(f[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(members_are_cancelled_by_their_owner)
{
	struct tpar_future *f[2];
	struct tpi_frame frame;

	pool = hand_pool(1);
	f[0] = make_running();
	f[1] = hand_future(pool);
	tpi_frame_init(&frame, TPI_WAIT_GATHER, f, 2);
	tpi_cancel_members(&frame);
	ck_assert(asked(f[0]));
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_CANCELLED);
	tpi_cancel_members(&frame);
	end(f[0]);
	hand_drop(f[1]);
	hand_free(pool);
}
END_TEST

START_TEST(task_sees_the_request)
{
	struct tpar_future *f;
	struct tpi_run run;

	pool = hand_pool(1);
	ck_assert(!tpar_cancelled());
	ck_assert_int_eq(tpar_checkpoint(), 0);
	f = hand_future(pool);
	hand_begin(&run, f);
	ck_assert(!tpar_cancelled());
	ck_assert_int_eq(tpar_checkpoint(), 0);
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert(tpar_cancelled());
	ck_assert_int_eq(tpar_checkpoint(), TPAR_ESTOPPED);
	ck_assert_int_eq(tpar_checkpoint(), TPAR_ESTOPPED);
	hand_end(&run, 0);
	ck_assert(!tpar_cancelled());
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(cancelled_pool_asks_all_its_tasks)
{
	struct tpar_future *f;
	struct tpi_run run;

	pool = hand_pool(1);
	f = hand_future(pool);
	hand_begin(&run, f);
	tpi_intake_close(&pool->intake, TPI_DRAINING);
	ck_assert(!tpar_cancelled());
	tpi_intake_close(&pool->intake, TPI_CANCELLING);
	ck_assert(tpar_cancelled());
	hand_end(&run, 0);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(last_message_stays)
{
	struct tpar_future *f;
	struct tpi_run run;

	pool = hand_pool(1);
	f = hand_future(pool);
	hand_begin(&run, f);
	ck_assert_int_eq(tpar_fail(3, "first %d", 1), 3);
	ck_assert_int_eq(tpar_fail(4, "second %s", "one"), 4);
	hand_end(&run, 4);
	ck_assert_str_eq(tpar_future_message(f), "second one");
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(failing_with_zero_still_fails)
{
	struct tpar_future *f;
	struct tpi_run run;

	ck_assert_int_eq(tpar_fail(0, "outside"), TPAR_EFAILED);
	ck_assert_int_eq(tpar_fail(9, "outside"), 9);
	pool = hand_pool(1);
	f = hand_future(pool);
	hand_begin(&run, f);
	ck_assert_int_eq(tpar_fail(0, "inside"), TPAR_EFAILED);
	ck_assert_str_eq(run.message, "inside");
	tpi_cancel_forget_message();
	ck_assert_ptr_null(run.message);
	tpi_cancel_forget_message();
	hand_end(&run, 0);
	tpi_cancel_forget_message();
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(long_message_is_cut_between_characters)
{
	struct tpar_future *f;
	char text[400];
	struct tpi_run run;

	pool = hand_pool(1);
	f = hand_future(pool);
	memset(text, 'x', sizeof text);
	/* Two bytes each, across the end. */
	memcpy(text + TPAR_MESSAGE_MAX - 2, "\xc3\xa4\xc3\xa4", 5);
	hand_begin(&run, f);
	ck_assert_int_eq(tpar_fail(1, "%s", text), 1);
	hand_end(&run, 1);
	ck_assert_uint_eq(strlen(tpar_future_message(f)), TPAR_MESSAGE_MAX - 2);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

static struct tpar_failure
failure(size_t index, int code, const char *message)
{
	struct tpar_failure why;

	memset(&why, 0, sizeof why);
	why.index = index;
	why.code = code;
	strcpy(why.message, message);
	return why;
}

START_TEST(failure_is_handed_on)
{
	struct tpar_failure member = failure(2, 7, "disk full");
	struct tpar_failure nothing = failure(2, 0, "odd");
	struct tpar_failure stopped = failure(SIZE_MAX, TPAR_ESTOPPED, "stop");
	struct tpar_failure gone = failure(0, TPAR_ESTOPPED, "was cancelled");
	struct tpar_future *f;
	struct tpi_run run;

	ck_assert_int_eq(tpar_fail_from(&member), 7);
	pool = hand_pool(1);
	f = hand_future(pool);
	hand_begin(&run, f);
	ck_assert_int_eq(tpar_fail_from(&stopped), TPAR_ESTOPPED);
	ck_assert_ptr_null(run.message);
	ck_assert_int_eq(tpar_fail_from(&member), 7);
	ck_assert_str_eq(run.message, "disk full");
	ck_assert_int_eq(tpar_fail_from(&nothing), TPAR_EFAILED);
	ck_assert_int_eq(tpar_fail_from(&gone), TPAR_ECANCELED);
	ck_assert_str_eq(run.message, "was cancelled");
	hand_end(&run, 1);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		pending_task_ends_at_once,
		running_task_is_asked,
		null_is_refused,
		request_goes_down_to_a_gather,
		request_wakes_a_wait_and_spares_its_members,
		request_does_not_change_a_cause,
		long_chain_is_walked_without_recursion,
		tree_is_asked_as_a_whole,
		members_are_cancelled_by_their_owner,
		task_sees_the_request,
		cancelled_pool_asks_all_its_tasks,
		last_message_stays,
		failing_with_zero_still_fails,
		long_message_is_cut_between_characters,
		failure_is_handed_on,
	};

	return unit_main("cancel", tests, sizeof tests / sizeof tests[0]);
}
