/* SPDX-License-Identifier: MIT */
/*
 * test_frame.c - a wait's countdown, registering it with its members and
 * taking it off again, from anywhere in a member's list.
 */
#include "config.h"

#include "handmade.h"

#include "src/frame.h"
#include "src/parker.h"

enum { WAITERS = 5 };

static struct tpar_pool *pool;
static struct tpi_frame frame[WAITERS];

static void
start(void)
{
	pool = hand_pool(1);
}

static struct tpar_future *
make_running(void)
{
	struct tpar_future *f = hand_future(pool);

	ck_assert(tpi_future_claim(f));
	return f;
}

/* Ends it and gives everything up. */
static void
end(struct tpar_future *f, int rc)
{
	tpi_future_end(f, rc, NULL);
	hand_drop(f);
}

static void
init(int i, enum tpi_wait_kind kind, tpar_future *const *f, size_t n)
{
	tpi_frame_init(&frame[i], kind, f, n);
	/* As if it were another thread's: its members are taken off. */
	tpi_store_relaxed(&frame[i].owner, 0);
}

static int64_t
left(int i)
{
	return atomic_load(&frame[i].left);
}

START_TEST(new_frame_counts_its_members_and_its_owner)
{
	struct tpar_future *f;
	struct tpi_run run;

	start();
	f = hand_future(pool);
	tpi_frame_init(&frame[0], TPI_WAIT_GATHER, &f, 1);
	ck_assert_int_eq(left(0), 2);
	ck_assert_ptr_null(frame[0].task);
	ck_assert_ptr_eq(frame[0].parker, tpi_thread_parker());
	ck_assert_ptr_null(frame[0].self.next);
	ck_assert(!tpi_frame_complete(&frame[0]));
	hand_begin(&run, f);
	tpi_frame_init(&frame[1], TPI_WAIT_ONLY, NULL, 0);
	ck_assert_ptr_eq(frame[1].task, f);
	hand_end(&run, 0);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(countdown_ends_with_the_last)
{
	tpi_frame_init(&frame[0], TPI_WAIT_ONLY, NULL, 3);
	ck_assert(!tpi_frame_take_off(&frame[0], 1));
	ck_assert(!tpi_frame_take_off(&frame[0], 2));
	ck_assert(!tpi_frame_complete(&frame[0]));
	ck_assert(tpi_frame_take_off(&frame[0], 1));
	ck_assert(tpi_frame_complete(&frame[0]));
}
END_TEST

START_TEST(cause_is_elected_once)
{
	tpi_frame_init(&frame[0], TPI_WAIT_ONLY, NULL, 0);
	ck_assert_uint_eq(tpi_frame_cause(&frame[0]), 0);
	ck_assert(tpi_frame_elect(&frame[0], TPI_TIMED_OUT));
	ck_assert(!tpi_frame_elect(&frame[0], TPI_STOPPED));
	ck_assert(!tpi_frame_elect(&frame[0], TPI_TIMED_OUT));
	ck_assert_uint_eq(tpi_frame_cause(&frame[0]), TPI_TIMED_OUT);
}
END_TEST

START_TEST(frame_itself_waits_for_many)
{
	struct tpar_future *f[3];
	int i;

	start();
	init(0, TPI_WAIT_ONLY, f, 3);
	for (i = 0; i < 3; i++) {
		f[i] = make_running();
		ck_assert_int_eq(tpi_frame_register(&frame[0], f[i]),
				 TPI_REGISTERED);
	}
	ck_assert(!frame[0].spare_used);
	ck_assert_ptr_null(frame[0].nodes);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(left(0), 4 - i);
		end(f[i], 0);
	}
	ck_assert_int_eq(left(0), 1);
	tpi_frame_fini(&frame[0]);
	hand_free(pool);
}
END_TEST

START_TEST(later_waiters_use_nodes)
{
	struct tpar_future *f[3];
	int i;

	start();
	for (i = 0; i < 3; i++) {
		f[i] = make_running();
	}
	init(0, TPI_WAIT_ONLY, f, 3);
	init(1, TPI_WAIT_ONLY, f, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpi_frame_register(&frame[0], f[i]),
				 TPI_REGISTERED);
		ck_assert_int_eq(tpi_frame_register(&frame[1], f[i]),
				 TPI_REGISTERED);
		ck_assert(frame[1].spare_used);
		ck_assert((frame[1].nodes != NULL) == (i > 0));
	}
	for (i = 0; i < 3; i++) {
		end(f[i], 0);
		ck_assert_int_eq(left(0), 3 - i);
		ck_assert_int_eq(left(1), 3 - i);
	}
	tpi_frame_fini(&frame[0]);
	tpi_frame_fini(&frame[1]);
	hand_free(pool);
}
END_TEST

START_TEST(nodes_fill_more_than_a_page)
{
	enum { MANY = 600 };
	struct tpar_future **f = calloc(MANY, sizeof(void *));
	int i;

	start();
	init(0, TPI_WAIT_ONLY, f, MANY);
	init(1, TPI_WAIT_ONLY, f, MANY);
	for (i = 0; i < MANY; i++) {
		f[i] = make_running();
		ck_assert_int_eq(tpi_frame_register(&frame[0], f[i]),
				 TPI_REGISTERED);
		ck_assert_int_eq(tpi_frame_register(&frame[1], f[i]),
				 TPI_REGISTERED);
	}
	for (i = 0; i < MANY; i++) {
		end(f[i], 0);
	}
	ck_assert_int_eq(left(0), 1);
	ck_assert_int_eq(left(1), 1);
	tpi_frame_fini(&frame[1]);
	ck_assert_ptr_null(frame[1].nodes);
	hand_free(pool);
	free(f);
}
END_TEST

START_TEST(ended_member_is_not_registered_with)
{
	struct tpar_future *f;

	start();
	f = make_running();
	tpi_future_end(f, 0, NULL);
	init(0, TPI_WAIT_ONLY, &f, 1);
	ck_assert_int_eq(tpi_frame_register(&frame[0], f), TPI_HAD_ENDED);
	ck_assert_int_eq(left(0), 2);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(same_member_twice_counts_twice)
{
	struct tpar_future *f;

	start();
	f = make_running();
	init(0, TPI_WAIT_ONLY, NULL, 2);
	ck_assert_int_eq(tpi_frame_register(&frame[0], f), TPI_REGISTERED);
	ck_assert_int_eq(tpi_frame_register(&frame[0], f), TPI_REGISTERED);
	end(f, 0);
	ck_assert_int_eq(left(0), 1);
	tpi_frame_fini(&frame[0]);
	hand_free(pool);
}
END_TEST

/* The waiters of f from the newest on, as bits. */
static unsigned
waiters_of(struct tpar_future *f)
{
	struct tpi_waiter *w = tpi_state_waiters(tpi_state_get(&f->state));
	unsigned bits = 0;

	for (; w != NULL; w = w->next) {
		bits |= 1u << (w->frame - frame);
	}
	return bits;
}

START_TEST(waiter_leaves_from_anywhere)
{
	struct tpar_future *f;
	int out;
	int i;

	start();
	for (out = 0; out < WAITERS; out++) {
		f = make_running();
		for (i = 0; i < WAITERS; i++) {
			init(i, TPI_WAIT_ONLY, &f, 1);
			ck_assert_int_eq(tpi_frame_register(&frame[i], f),
					 TPI_REGISTERED);
		}
		ck_assert_uint_eq(tpi_frame_unregister(&frame[out], f), 1);
		ck_assert_uint_eq(waiters_of(f), 0x1fu & ~(1u << out));
		ck_assert_uint_eq(tpi_frame_unregister(&frame[out], f), 0);
		end(f, 0);
		for (i = 0; i < WAITERS; i++) {
			ck_assert_int_eq(left(i), i == out ? 2 : 1);
			tpi_frame_fini(&frame[i]);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(all_waiters_leave_in_any_order)
{
	static const int order[][WAITERS] = { { 0, 1, 2, 3, 4 },
					      { 4, 3, 2, 1, 0 },
					      { 2, 0, 4, 1, 3 } };
	struct tpar_future *f;
	size_t o;
	int i;

	start();
	for (o = 0; o < 3; o++) {
		f = make_running();
		for (i = 0; i < WAITERS; i++) {
			init(i, TPI_WAIT_ONLY, &f, 1);
			(void)tpi_frame_register(&frame[i], f);
		}
		for (i = 0; i < WAITERS; i++) {
			ck_assert_uint_eq(
				tpi_frame_unregister(&frame[order[o][i]], f),
				1);
		}
		ck_assert_uint_eq(waiters_of(f), 0);
		end(f, 0);
		for (i = 0; i < WAITERS; i++) {
			ck_assert_int_eq(left(i), 2);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(frame_registered_twice_leaves_twice)
{
	struct tpar_future *f;

	start();
	f = make_running();
	init(0, TPI_WAIT_ONLY, NULL, 2);
	init(1, TPI_WAIT_ONLY, NULL, 1);
	(void)tpi_frame_register(&frame[0], f);
	(void)tpi_frame_register(&frame[1], f);
	(void)tpi_frame_register(&frame[0], f);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], f), 2);
	ck_assert_uint_eq(waiters_of(f), 2);
	end(f, 0);
	ck_assert_int_eq(left(0), 3);
	ck_assert_int_eq(left(1), 1);
	hand_free(pool);
}
END_TEST

START_TEST(nobody_leaves_what_has_ended)
{
	struct tpar_future *f;

	start();
	f = make_running();
	init(0, TPI_WAIT_ONLY, &f, 1);
	(void)tpi_frame_register(&frame[0], f);
	tpi_future_end(f, 0, NULL);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], f), 0);
	ck_assert_int_eq(left(0), 1);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(new_waiter_may_come_after_a_removal)
{
	struct tpar_future *f;

	start();
	f = make_running();
	init(0, TPI_WAIT_ONLY, &f, 1);
	init(1, TPI_WAIT_ONLY, &f, 1);
	(void)tpi_frame_register(&frame[0], f);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], f), 1);
	ck_assert_int_eq(tpi_frame_register(&frame[1], f), TPI_REGISTERED);
	end(f, 0);
	ck_assert_int_eq(left(1), 1);
	hand_free(pool);
}
END_TEST

START_TEST(last_signal_wakes_the_owner)
{
	struct tpar_future *f;

	start();
	f = make_running();
	init(0, TPI_WAIT_ONLY, &f, 1);
	(void)tpi_frame_register(&frame[0], f);
	ck_assert(!tpi_frame_take_off(&frame[0], 1));
	ck_assert_uint_eq(atomic_load(&frame[0].parker->state), TPI_PARK_EMPTY);
	end(f, 0);
	ck_assert(tpi_frame_complete(&frame[0]));
	ck_assert_uint_eq(atomic_load(&frame[0].parker->state), TPI_PARK_TOKEN);
	hand_free(pool);
}
END_TEST

START_TEST(owner_counts_what_ends_on_its_thread)
{
	struct tpar_future *f;

	start();
	f = make_running();
	tpi_frame_init(&frame[0], TPI_WAIT_ONLY, &f, 1);
	(void)tpi_frame_register(&frame[0], f);
	end(f, 0);
	ck_assert_uint_eq(frame[0].own, 1);
	ck_assert_int_eq(left(0), 2);
	hand_free(pool);
}
END_TEST

START_TEST(bad_end_cancels_the_others_of_a_gather)
{
	struct tpar_future *f[3];
	uintptr_t cause;

	start();
	f[0] = hand_future(pool);
	f[1] = make_running();
	f[2] = make_running();
	init(0, TPI_WAIT_GATHER, f, 3);
	(void)tpi_frame_register(&frame[0], f[0]);
	(void)tpi_frame_register(&frame[0], f[1]);
	(void)tpi_frame_register(&frame[0], f[2]);
	cause = (uintptr_t)f[1];
	tpi_future_end(f[1], 5, NULL);
	ck_assert_uint_eq(tpi_frame_cause(&frame[0]), cause);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_RUNNING);
	ck_assert(tpi_state_stop_requested(&f[2]->state));
	ck_assert_int_eq(left(0), 2);
	/* A later one does not become the cause. */
	tpi_future_end(f[2], 6, NULL);
	ck_assert_uint_eq(tpi_frame_cause(&frame[0]), cause);
	ck_assert_int_eq(left(0), 1);
	hand_drop(f[0]);
	hand_drop(f[1]);
	hand_drop(f[2]);
	hand_free(pool);
}
END_TEST

START_TEST(bad_end_is_nothing_special_elsewhere)
{
	static const enum tpi_wait_kind kinds[] = { TPI_WAIT_ONLY,
						    TPI_WAIT_SETTLED };
	struct tpar_future *f[2];
	size_t k;

	start();
	for (k = 0; k < 2; k++) {
		f[0] = hand_future(pool);
		f[1] = make_running();
		init(0, kinds[k], f, 2);
		(void)tpi_frame_register(&frame[0], f[0]);
		(void)tpi_frame_register(&frame[0], f[1]);
		end(f[1], 5);
		ck_assert_uint_eq(tpi_frame_cause(&frame[0]), 0);
		ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
		tpi_future_end_cancelled(f[0]);
		hand_drop(f[0]);
	}
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		new_frame_counts_its_members_and_its_owner,
		countdown_ends_with_the_last,
		cause_is_elected_once,
		frame_itself_waits_for_many,
		later_waiters_use_nodes,
		nodes_fill_more_than_a_page,
		ended_member_is_not_registered_with,
		same_member_twice_counts_twice,
		waiter_leaves_from_anywhere,
		all_waiters_leave_in_any_order,
		frame_registered_twice_leaves_twice,
		nobody_leaves_what_has_ended,
		new_waiter_may_come_after_a_removal,
		last_signal_wakes_the_owner,
		owner_counts_what_ends_on_its_thread,
		bad_end_cancels_the_others_of_a_gather,
		bad_end_is_nothing_special_elsewhere,
	};

	return unit_main("frame", tests, sizeof tests / sizeof tests[0]);
}
