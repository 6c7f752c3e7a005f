/* SPDX-License-Identifier: MIT */
/*
 * test_cycle.c - finding a cycle of waits of any length, its words, and what is
 * no cycle; then with tasks that really wait for each other.
 */
#include "config.h"

#include "handmade.h"

#include "src/cycle.h"
#include "src/frame.h"
#include "src/parker.h"

enum { LONGEST = 40 };

static struct tpar_pool *pool;
static struct tpar_future *task[LONGEST];
static struct tpi_frame frame[LONGEST];
static char name[LONGEST][160];

static void
make_tasks(int n)
{
	int i;

	pool = hand_pool(1);
	for (i = 0; i < n; i++) {
		task[i] = hand_future(pool);
		snprintf(name[i], sizeof name[i], "t%d", i);
		task[i]->name = name[i];
		task[i]->site = NULL;
		ck_assert(tpi_future_claim(task[i]));
	}
}

static void
end_tasks(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		atomic_store(&task[i]->cur, NULL);
		ck_assert(tpi_frame_unpinned(task[i]));
		ck_assert_uint_eq(atomic_load(&task[i]->holds),
				  TPI_MEMREF + TPI_HANDLE);
		tpi_future_end(task[i], 0, NULL);
		hand_drop(task[i]);
	}
	hand_free(pool);
}

/* Task i waits for f[0..n). */
static void
wait_for(int i, tpar_future *const *f, size_t n)
{
	tpi_frame_init(&frame[i], TPI_WAIT_GATHER, f, n);
	frame[i].task = task[i];
	tpi_frame_publish(&frame[i], task[i]);
}

START_TEST(cycle_of_any_length_is_found)
{
	int n;
	int i;

	for (n = 2; n <= LONGEST; n++) {
		make_tasks(n);
		for (i = 0; i < n; i++) {
			wait_for(i, &task[(i + 1) % n], 1);
		}
		for (i = 0; i < n; i++) {
			ck_assert(tpi_cycle_find(&frame[i], 0));
		}
		end_tasks(n);
	}
}
END_TEST

START_TEST(chain_is_told_in_order)
{
	make_tasks(3);
	task[1]->site = "b.c:7";
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	wait_for(2, &task[0], 1);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert_str_eq(tpar_error_detail(),
			 "'t0' waits for 't1' (b.c:7) waits for 't2' waits for "
			 "'t0'");
	end_tasks(3);
}
END_TEST

START_TEST(waiting_for_oneself_is_told)
{
	make_tasks(1);
	task[0]->site = "a.c:3";
	tpi_cycle_describe_self(task[0]);
	ck_assert_str_eq(tpar_error_detail(), "'t0' (a.c:3) waits for itself");
	wait_for(0, &task[0], 1);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	end_tasks(1);
}
END_TEST

START_TEST(chain_without_a_way_back_is_none)
{
	make_tasks(3);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	ck_assert(!tpi_cycle_find(&frame[0], 1));
	ck_assert_str_eq(tpar_error_detail(), "");
	end_tasks(3);
}
END_TEST

START_TEST(member_that_has_not_begun_leads_nowhere)
{
	struct tpar_future *pending;
	struct tpi_frame its;

	make_tasks(1);
	pending = hand_future(pool);
	tpi_frame_init(&its, TPI_WAIT_GATHER, &task[0], 1);
	tpi_frame_publish(&its, pending);
	wait_for(0, &pending, 1);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	atomic_store(&pending->cur, NULL);
	tpi_future_end_cancelled(pending);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	hand_drop(pending);
	end_tasks(1);
}
END_TEST

START_TEST(wait_with_a_deadline_is_no_edge_until_it_has_come)
{
	make_tasks(2);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[0], 1);
	atomic_store(&frame[1].timed, 1);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	tpi_frame_end_deadline(&frame[1]);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	end_tasks(2);
}
END_TEST

START_TEST(what_runs_on_top_of_a_wait_is_an_edge_whatever_the_wait_is)
{
	struct tpar_future *both[2];

	make_tasks(3);
	wait_for(0, &task[1], 1);
	both[0] = task[2];
	both[1] = task[0];
	wait_for(1, both, 2);
	atomic_store(&frame[1].timed, 1);
	tpi_frame_cover(&frame[1], task[2]);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	tpi_frame_cover(&frame[1], task[0]);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	tpi_frame_uncover(&frame[1]);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	end_tasks(3);
}
END_TEST

/* Task 0, on top of 1, was found through 2, which has given it up. */
START_TEST(what_helping_has_put_on_top_stays_an_edge)
{
	make_tasks(3);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	tpi_frame_cover(&frame[1], task[0]);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert(strstr(tpar_error_detail(), "'t1' waits for 't0'") != NULL);
	tpi_frame_uncover(&frame[1]);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	end_tasks(3);
}
END_TEST

START_TEST(plain_wait_that_was_stopped_is_no_edge)
{
	make_tasks(2);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[0], 1);
	frame[1].kind = TPI_WAIT_ONLY;
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert(tpi_frame_elect(&frame[1], TPI_STOPPED));
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	end_tasks(2);
}
END_TEST

/* Both find it; the one that looks second under the lock does not any more. */
START_TEST(one_wait_leaves_a_cycle)
{
	make_tasks(2);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[0], 1);
	frame[0].kind = frame[1].kind = TPI_WAIT_ONLY;
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert(tpi_cycle_find(&frame[1], 0));
	tpi_cycle_leave(&frame[1]);
	tpi_cycle_leave(&frame[0]);
	ck_assert_uint_eq(tpi_frame_cause(&frame[1]), TPI_DEADLOCKED);
	ck_assert_uint_eq(tpi_frame_cause(&frame[0]), 0);
	end_tasks(2);
}
END_TEST

START_TEST(one_set_gives_its_member_up)
{
	make_tasks(2);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[0], 1);
	ck_assert_int_eq(tpi_frame_register(&frame[0], task[1]),
			 TPI_REGISTERED);
	ck_assert_int_eq(tpi_frame_register(&frame[1], task[0]),
			 TPI_REGISTERED);
	ck_assert(tpi_cycle_give_up(&frame[1]));
	ck_assert(!tpi_cycle_give_up(&frame[0]));
	ck_assert_int_eq(atomic_load(&frame[1].left), 1);
	ck_assert_int_eq(atomic_load(&frame[0].left), 2);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], task[1]), 1);
	end_tasks(2);
}
END_TEST

/* 0 and 1 have each given 2 up; they still wait for each other. */
START_TEST(sets_that_have_given_members_up_wait_for_the_others)
{
	struct tpar_future *set[2][2];
	int i;

	make_tasks(3);
	for (i = 0; i < 2; i++) {
		set[i][0] = task[2];
		set[i][1] = task[1 - i];
		wait_for(i, set[i], 2);
		ck_assert_int_eq(tpi_frame_register(&frame[i], task[1 - i]),
				 TPI_REGISTERED);
		tpi_frame_give_up(&frame[i], TPI_GIVEN_UP_SELF);
	}
	wait_for(2, task, 2);
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert(!tpi_cycle_find(&frame[2], 0));
	ck_assert(tpi_cycle_give_up(&frame[1]));
	ck_assert(!tpi_cycle_give_up(&frame[0]));
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], task[1]), 1);
	end_tasks(3);
}
END_TEST

/* 0 is tied, so is 1; 2 may leave both of its members, and leaves that one. */
START_TEST(tied_wait_has_another_one_taken_off)
{
	struct tpar_future *both[2];

	make_tasks(4);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	both[0] = task[0];
	both[1] = task[3];
	wait_for(2, both, 2);
	frame[0].tied = frame[1].tied = true;
	ck_assert_int_eq(tpi_frame_register(&frame[0], task[1]),
			 TPI_REGISTERED);
	ck_assert_int_eq(tpi_frame_register(&frame[1], task[2]),
			 TPI_REGISTERED);
	/* It has not come to that yet. */
	ck_assert(tpi_cycle_break(&frame[0]));
	ck_assert_int_eq(atomic_load(&frame[2].left), 3);
	atomic_store(&frame[2].owner, 0);
	ck_assert_int_eq(tpi_frame_register(&frame[2], task[0]),
			 TPI_REGISTERED);
	ck_assert(tpi_cycle_break(&frame[0]));
	ck_assert_int_eq(atomic_load(&frame[2].left), 2);
	ck_assert_uint_eq(atomic_load(&frame[2].given_up),
			  TPI_GIVEN_UP_FOR_TIED);
	ck_assert(!tpi_cycle_break(&frame[0]));
	ck_assert_uint_eq(tpi_frame_unregister(&frame[0], task[1]), 1);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[1], task[2]), 1);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[2], task[0]), 0);
	end_tasks(4);
}
END_TEST

START_TEST(plain_wait_ends_for_one_that_is_tied)
{
	make_tasks(2);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[0], 1);
	frame[0].tied = true;
	frame[1].kind = TPI_WAIT_ONLY;
	ck_assert(tpi_cycle_break(&frame[0]));
	ck_assert_uint_eq(tpi_frame_cause(&frame[1]), TPI_DEADLOCKED);
	ck_assert(tpi_parker_park(frame[1].parker, 0)); /* it was woken */
	ck_assert(!tpi_cycle_break(&frame[0]));
	end_tasks(2);
}
END_TEST

/* What runs on top of 1 is nothing that 1 could leave; 2 can. */
START_TEST(nothing_is_taken_off_that_runs_on_top)
{
	make_tasks(3);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	wait_for(2, &task[0], 1);
	frame[0].tied = true;
	tpi_frame_cover(&frame[1], task[2]);
	ck_assert_int_eq(tpi_frame_register(&frame[1], task[2]),
			 TPI_REGISTERED);
	ck_assert(tpi_cycle_break(&frame[0]));
	ck_assert_int_eq(atomic_load(&frame[1].left), 2);
	ck_assert_uint_eq(tpi_frame_unregister(&frame[1], task[2]), 1);
	end_tasks(3);
}
END_TEST

START_TEST(way_back_may_be_any_member)
{
	struct tpar_future *set[4];
	size_t at;

	for (at = 0; at < 4; at++) {
		size_t i;

		make_tasks(6);
		for (i = 0; i < 4; i++) {
			set[i] = i == at ? task[0] : task[2 + i];
		}
		wait_for(0, &task[1], 1);
		wait_for(1, set, 4);
		ck_assert(tpi_cycle_find(&frame[0], 0));
		end_tasks(6);
	}
}
END_TEST

/* Each waits for all that follow: 2^38 ways, none of which leads back. */
START_TEST(no_task_is_entered_twice)
{
	enum { MANY = LONGEST };
	int i;

	make_tasks(MANY);
	for (i = 0; i + 1 < MANY; i++) {
		wait_for(i, &task[i + 1], (size_t)(MANY - 1 - i));
	}
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	end_tasks(MANY);
}
END_TEST

START_TEST(somebody_elses_cycle_is_not_ours)
{
	make_tasks(4);
	wait_for(0, &task[1], 1);
	wait_for(1, &task[2], 1);
	wait_for(2, &task[3], 1);
	wait_for(3, &task[2], 1);
	ck_assert(!tpi_cycle_find(&frame[0], 0));
	end_tasks(4);
}
END_TEST

START_TEST(long_chain_is_cut_short)
{
	int i;

	make_tasks(LONGEST);
	for (i = 0; i < LONGEST; i++) {
		wait_for(i, &task[(i + 1) % LONGEST], 1);
	}
	ck_assert(tpi_cycle_find(&frame[0], 0));
	ck_assert_ptr_nonnull(
		strstr(tpar_error_detail(), "... waits for 't0'"));
	ck_assert_ptr_null(strstr(tpar_error_detail(), "'t13'"));
	end_tasks(LONGEST);
}
END_TEST

/* Names of every length, so that the text ends anywhere near its limit. */
START_TEST(long_names_fit_the_detail)
{
	int length;
	int i;

	for (length = 50; length < 150; length++) {
		make_tasks(LONGEST);
		for (i = 0; i < LONGEST; i++) {
			memset(name[i], 'a' + i % 26, (size_t)length);
			name[i][length] = '\0';
			wait_for(i, &task[(i + 1) % LONGEST], 1);
		}
		ck_assert(tpi_cycle_find(&frame[0], 0));
		ck_assert_uint_gt(strlen(tpar_error_detail()), 300);
		ck_assert_uint_lt(strlen(tpar_error_detail()), 1024);
		end_tasks(LONGEST);
	}
}
END_TEST

/* Tasks that wait for each other, each on a worker of its own. */

enum { RING = 5 };

struct ring {
	int n;
	tpar_future *f[RING];
	struct unit_gate all_there;
	_Atomic int found;
	_Atomic int told;
};

struct link {
	struct ring *ring;
	int i;
};

static int
wait_for_next(void *arg, void *value)
{
	struct link *link = arg;
	struct ring *ring = link->ring;
	enum tpar_err err;

	(void)value;
	unit_gate_await(&ring->all_there, 1);
	err = tpar_future_wait(ring->f[(link->i + 1) % ring->n], TPAR_FOREVER);
	if (err == TPAR_EDEADLK) {
		atomic_fetch_add(&ring->found, 1);
		if (strstr(tpar_error_detail(), "waits for") != NULL) {
			atomic_fetch_add(&ring->told, 1);
		}
	}
	return 0;
}

START_TEST(tasks_in_a_ring_are_told)
{
	struct link link[RING];
	tpar_pool *real = unit_pool(2, 8);
	int n;
	int i;

	for (n = 1; n <= RING; n++) {
		struct ring ring = { .n = n, .all_there = UNIT_GATE_INIT };

		for (i = 0; i < n; i++) {
			link[i].ring = &ring;
			link[i].i = i;
			ring.f[i] =
				unit_submit(real, wait_for_next, &link[i], 0);
		}
		unit_gate_open(&ring.all_there);
		for (i = 0; i < n; i++) {
			ck_assert_int_eq(tpar_future_wait(ring.f[i],
							  TPAR_FOREVER),
					 TPAR_OK);
		}
		ck_assert_int_eq(atomic_load(&ring.found), 1);
		ck_assert_int_eq(atomic_load(&ring.told), 1);
		tpar_future_unref_all(ring.f, (size_t)n);
	}
	tpar_pool_destroy(real);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		cycle_of_any_length_is_found,
		chain_is_told_in_order,
		waiting_for_oneself_is_told,
		chain_without_a_way_back_is_none,
		member_that_has_not_begun_leads_nowhere,
		wait_with_a_deadline_is_no_edge_until_it_has_come,
		what_runs_on_top_of_a_wait_is_an_edge_whatever_the_wait_is,
		what_helping_has_put_on_top_stays_an_edge,
		plain_wait_that_was_stopped_is_no_edge,
		one_wait_leaves_a_cycle,
		one_set_gives_its_member_up,
		tied_wait_has_another_one_taken_off,
		plain_wait_ends_for_one_that_is_tied,
		nothing_is_taken_off_that_runs_on_top,
		sets_that_have_given_members_up_wait_for_the_others,
		way_back_may_be_any_member,
		no_task_is_entered_twice,
		somebody_elses_cycle_is_not_ours,
		long_chain_is_cut_short,
		long_names_fit_the_detail,
		tasks_in_a_ring_are_told,
	};

	return unit_main("cycle", tests, sizeof tests / sizeof tests[0]);
}
