/* SPDX-License-Identifier: MIT */
/*
 * test_help.c - a waiting worker runs what its members wait for: which of it,
 * in which order, how far down.  The test is the worker.
 */
#include "config.h"

#include "handmade.h"

#include "src/frame.h"
#include "src/help.h"

enum { MEMBERS = 4, DEEP = 100 };

static struct tpar_pool *pool;
static struct tpi_worker *w;
static struct tpar_future *task; /* that the test runs */
static struct tpi_run run;
static struct tpi_frame frame; /* that it waits in */
static struct tpi_wait wait_of_task;

static int order[MEMBERS];
static int runs;

static int
note_run(void *arg, void *value)
{
	(void)value;
	order[runs++] = (int)(intptr_t)arg;
	return 0;
}

static struct tpar_future *
make_pending(int i, unsigned flags)
{
	struct tpar_task described = TPAR_TASK_INIT;

	described.fn = note_run;
	described.arg = (void *)(intptr_t)i;
	described.flags = flags;
	return hand_future_of(pool, &described);
}

static struct tpar_future *
make_running(void)
{
	struct tpar_future *f = hand_future(pool);

	ck_assert(tpi_future_claim(f));
	return f;
}

/* The test runs a task that waits for f[0..n). */
static void
start(tpar_future *const *f, size_t n)
{
	w = hand_worker(pool);
	hand_become(w);
	task = hand_future(pool);
	hand_begin(&run, task);
	tpi_frame_init(&frame, TPI_WAIT_ONLY, f, n);
	wait_of_task = (struct tpi_wait) { .frame = &frame, .worker = w };
}

static void
finish(void)
{
	hand_end(&run, 0);
	hand_drop(task);
	hand_free(pool);
}

static void
wait_in(struct tpi_frame *its, enum tpi_wait_kind kind, struct tpar_future *who,
	tpar_future *const *f, size_t n)
{
	tpi_frame_init(its, kind, f, n);
	tpi_frame_publish(its, who);
}

static void
end(struct tpar_future *f)
{
	atomic_store(&f->cur, NULL);
	ck_assert(tpi_frame_unpinned(f));
	ck_assert_uint_eq(atomic_load(&f->holds), TPI_MEMREF + TPI_HANDLE);
	if (tpi_state_peek(&f->state) != TPI_ENDED) {
		(void)tpi_future_claim(f);
		tpi_future_end(f, 0, NULL);
	}
	hand_drop(f);
}

START_TEST(flags_say_where_a_task_may_run)
{
	struct tpar_pool *other;
	struct tpar_future *f;

	pool = hand_pool(1);
	other = hand_pool(1);
	w = hand_worker(pool);
	f = hand_future(pool);
	f->flags = 0;
	ck_assert(tpi_help_may_run(w, f));
	f->flags = TPI_F_DROP_VALUE | TPI_F_DROP_ARG | TPI_F_COUNTED;
	ck_assert(tpi_help_may_run(w, f));
	f->flags = TPI_F_NO_INLINE;
	ck_assert(!tpi_help_may_run(w, f));
	f->flags = TPI_F_OWN_THREADS;
	ck_assert(tpi_help_may_run(w, f));
	f->flags = TPI_F_OWN_THREADS | TPI_F_NO_INLINE;
	ck_assert(!tpi_help_may_run(w, f));
	f->intake = &other->intake;
	f->flags = TPI_F_OWN_THREADS;
	ck_assert(!tpi_help_may_run(w, f));
	f->flags = 0;
	ck_assert(tpi_help_may_run(w, f));
	end(f);
	hand_free(other);
	hand_free(pool);
}
END_TEST

START_TEST(stack_is_measured_from_its_low_end)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	struct tpi_worker worker;

	worker.stack_low = (char *)(here - 100000);
	ck_assert(tpi_help_stack_left(&worker));
	worker.stack_low = (char *)(here + 100000);
	ck_assert(!tpi_help_stack_left(&worker));
}
END_TEST

START_TEST(members_of_a_member_are_run_from_the_back)
{
	struct tpar_future *below[MEMBERS];
	struct tpar_future *f;
	struct tpi_frame its;
	int i;

	pool = hand_pool(1);
	f = make_running();
	for (i = 0; i < MEMBERS; i++) {
		below[i] = make_pending(i, 0);
	}
	wait_in(&its, TPI_WAIT_GATHER, f, below, MEMBERS);
	start(&f, 1);
	for (i = 0; i < MEMBERS; i++) {
		ck_assert(tpi_help_members(&wait_of_task));
		ck_assert_int_eq(runs, i + 1);
		ck_assert_int_eq(order[i], MEMBERS - 1 - i);
	}
	ck_assert(!tpi_help_members(&wait_of_task));
	for (i = 0; i < MEMBERS; i++) {
		ck_assert_int_eq(tpar_future_state(below[i]), TPAR_DONE);
		end(below[i]);
	}
	end(f);
	finish();
}
END_TEST

static struct tpi_run *stopper;

static int
note_stopper(void *arg, void *value)
{
	(void)arg;
	(void)value;
	stopper = tpi_thread_self.run->stopper;
	runs++;
	return 0;
}

/* What is found is of another pool; which of the three is shielded, 0: none. */
static struct tpi_run *
stopper_of_found(int shielded)
{
	struct tpar_task described = TPAR_TASK_INIT;
	struct tpar_pool *other;
	struct tpar_future *below;
	struct tpar_future *f;
	struct tpi_frame its;

	pool = hand_pool(1);
	other = hand_pool(1);
	described.fn = note_stopper;
	described.flags = shielded == 3 ? TPAR_SHIELDED : 0;
	below = hand_future_of(other, &described);
	f = make_running();
	if (shielded == 1) {
		atomic_fetch_or(&f->pins, TPI_PINS_SHIELDED);
	}
	start(&f, 1);
	wait_in(&its, TPI_WAIT_GATHER, f, &below, 1);
	its.shielded = shielded == 2;
	runs = 0;
	ck_assert(tpi_help_members(&wait_of_task));
	ck_assert_int_eq(runs, 1);
	end(f);
	hand_drop(below);
	finish();
	hand_free(other);
	return stopper;
}

START_TEST(stop_of_the_waiting_task_is_not_for_what_is_shielded_from_it)
{
	int shielded;

	ck_assert_ptr_eq(stopper_of_found(0), &run);
	for (shielded = 1; shielded <= 3; shielded++) {
		ck_assert_ptr_null(stopper_of_found(shielded));
	}
}
END_TEST

START_TEST(one_wait_only_is_no_commitment)
{
	struct tpar_future *below;
	struct tpar_future *f;
	struct tpi_frame its;

	pool = hand_pool(1);
	f = make_running();
	below = make_pending(0, 0);
	wait_in(&its, TPI_WAIT_ONLY, f, &below, 1);
	start(&f, 1);
	ck_assert(!tpi_help_members(&wait_of_task));
	ck_assert_int_eq(runs, 0);
	end(below);
	end(f);
	finish();
}
END_TEST

START_TEST(settled_set_is_a_commitment)
{
	struct tpar_future *below;
	struct tpar_future *f;
	struct tpi_frame its;

	pool = hand_pool(1);
	f = make_running();
	below = make_pending(0, 0);
	wait_in(&its, TPI_WAIT_SETTLED, f, &below, 1);
	start(&f, 1);
	ck_assert(tpi_help_members(&wait_of_task));
	ck_assert_int_eq(runs, 1);
	end(below);
	end(f);
	finish();
}
END_TEST

START_TEST(set_with_a_cause_is_not_helped)
{
	struct tpar_future *below;
	struct tpar_future *f;
	struct tpi_frame its;

	pool = hand_pool(1);
	f = make_running();
	below = make_pending(0, 0);
	wait_in(&its, TPI_WAIT_GATHER, f, &below, 1);
	ck_assert(tpi_frame_elect(&its, TPI_STOPPED));
	start(&f, 1);
	ck_assert(!tpi_help_members(&wait_of_task));
	ck_assert_int_eq(runs, 0);
	end(below);
	end(f);
	finish();
}
END_TEST

START_TEST(what_may_not_run_here_is_left)
{
	struct tpar_future *below[2];
	struct tpar_future *f;
	struct tpi_frame its;

	pool = hand_pool(1);
	f = make_running();
	below[0] = make_pending(0, 0);
	below[1] = make_pending(1, TPAR_NO_INLINE);
	wait_in(&its, TPI_WAIT_GATHER, f, below, 2);
	start(&f, 1);
	ck_assert(tpi_help_members(&wait_of_task));
	ck_assert_int_eq(order[0], 0);
	ck_assert(!tpi_help_members(&wait_of_task));
	ck_assert_int_eq(tpar_future_state(below[1]), TPAR_PENDING);
	end(below[0]);
	end(below[1]);
	end(f);
	finish();
}
END_TEST

START_TEST(nothing_to_help_with)
{
	struct tpar_future *f[4];

	pool = hand_pool(1);
	f[0] = make_pending(0, 0);
	f[1] = make_running();
	f[2] = make_running();
	tpi_future_end(f[2], 0, NULL);
	f[3] = make_running();
	start(f, 4);
	ck_assert(!tpi_help_members(&wait_of_task));
	ck_assert_int_eq(runs, 0);
	/* The cursor passes what has ended at the front. */
	ck_assert_uint_eq(wait_of_task.cursor, 0);
	tpi_future_end_cancelled(f[0]);
	tpi_future_end(f[1], 0, NULL);
	ck_assert(!tpi_help_members(&wait_of_task));
	ck_assert_uint_eq(wait_of_task.cursor, 3);
	end(f[0]);
	end(f[1]);
	end(f[2]);
	end(f[3]);
	finish();
}
END_TEST

START_TEST(help_goes_down_a_chain)
{
	struct tpar_future *chain[DEEP];
	struct tpi_frame *frames =
		aligned_alloc(TPI_WAITER_ALIGN, DEEP * sizeof *frames);
	struct tpar_future *last;
	int depth;
	int i;

	for (depth = 1; depth <= 40; depth += 13) {
		runs = 0;
		pool = hand_pool(1);
		for (i = 0; i < depth; i++) {
			chain[i] = make_running();
		}
		last = make_pending(7, 0);
		for (i = 0; i < depth; i++) {
			wait_in(&frames[i], TPI_WAIT_GATHER, chain[i],
				i + 1 < depth ? &chain[i + 1] : &last, 1);
		}
		start(&chain[0], 1);
		ck_assert(tpi_help_members(&wait_of_task));
		ck_assert_int_eq(runs, 1);
		ck_assert(!tpi_help_members(&wait_of_task));
		end(last);
		for (i = 0; i < depth; i++) {
			end(chain[i]);
		}
		finish();
	}
	free(frames);
}
END_TEST

START_TEST(search_ends_in_a_ring)
{
	struct tpar_future *ring[2];
	struct tpi_frame frames[2];

	pool = hand_pool(1);
	ring[0] = make_running();
	ring[1] = make_running();
	wait_in(&frames[0], TPI_WAIT_GATHER, ring[0], &ring[1], 1);
	wait_in(&frames[1], TPI_WAIT_GATHER, ring[1], &ring[0], 1);
	start(ring, 1);
	ck_assert(!tpi_help_members(&wait_of_task));
	end(ring[0]);
	end(ring[1]);
	finish();
}
END_TEST

/* Real threads: a worker that waits for one task runs that one's members. */
struct split {
	struct unit_gate begun;
	pthread_t helper;
	_Atomic int helped;
	_Atomic long sum;
};

static int
add_one(void *arg, void *value)
{
	struct split *split = arg;

	(void)value;
	if (pthread_equal(pthread_self(), split->helper)) {
		atomic_store(&split->helped, 1);
	}
	atomic_fetch_add(&split->sum, 1);
	return 0;
}

static int
gather_many(void *arg, void *value)
{
	struct tpar_task described = TPAR_TASK_INIT;
	struct split *split = arg;
	tpar_future *f[100];
	int rc;

	(void)value;
	described.fn = add_one;
	described.arg = arg;
	UNIT_MUST(tpar_submit_many(NULL, &described, NULL, 0, 100, f) ==
		  TPAR_OK);
	unit_gate_open(&split->begun);
	rc = tpar_gather(f, 100, NULL, NULL);
	tpar_future_unref_all(f, 100);
	return rc;
}

static int
wait_for_gatherer(void *arg, void *value)
{
	struct tpar_task described = TPAR_TASK_INIT;
	struct split *split = arg;
	tpar_future *f;
	int rc;

	(void)value;
	split->helper = pthread_self();
	described.fn = gather_many;
	described.arg = arg;
	described.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &described);
	unit_gate_await(&split->begun, 1);
	rc = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return rc;
}

START_TEST(two_workers_share_one_set)
{
	tpar_pool *real = unit_pool(2, 2);
	long rounds = unit_scaled(300);
	long i;

	for (i = 0; i < rounds; i++) {
		struct split split = { .begun = UNIT_GATE_INIT };

		unit_run_in(real, wait_for_gatherer, &split);
		ck_assert_int_eq(atomic_load(&split.sum), 100);
	}
	ck_assert_int_eq(tpar_pool_destroy(real), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		flags_say_where_a_task_may_run,
		stack_is_measured_from_its_low_end,
		members_of_a_member_are_run_from_the_back,
		stop_of_the_waiting_task_is_not_for_what_is_shielded_from_it,
		one_wait_only_is_no_commitment,
		settled_set_is_a_commitment,
		set_with_a_cause_is_not_helped,
		what_may_not_run_here_is_left,
		nothing_to_help_with,
		help_goes_down_a_chain,
		search_ends_in_a_ring,
		two_workers_share_one_set,
	};

	return unit_main("help", tests, sizeof tests / sizeof tests[0]);
}
