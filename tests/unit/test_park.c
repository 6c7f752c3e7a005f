/* SPDX-License-Identifier: MIT */
/*
 * test_park.c - the sleep word, parking and waking, taking a blocked thread's
 * place, and the end of threads that are one too many.
 *
 * The clock of all threads but the first can be set back here, so that the
 * keep-alive time of a thread is over as soon as it parks.
 */
#include "config.h"

#include "handmade.h"

#include "src/alarm.h"
#include "src/park.h"
#include "src/parker.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic long behind;	       /* seconds that the clock is late */
static void (*_Atomic at_clock)(void); /* called once, by whoever looks */

int
clock_gettime(clockid_t id, struct timespec *now)
{
	bool first = syscall(SYS_gettid) == getpid();
	void (*call)(void) = NULL;

	if (syscall(SYS_clock_gettime, id, now) != 0) {
		return -1;
	}
	if (first) {
		return 0;
	}
	call = atomic_exchange(&at_clock, NULL);
	if (call != NULL) {
		call();
	}
	now->tv_sec -= (time_t)atomic_load(&behind);
	return 0;
}

static uint64_t
word(struct tpar_pool *pool)
{
	return atomic_load(&pool->park.word);
}

static void
set_word(struct tpar_pool *pool, uint32_t active, uint32_t searching)
{
	atomic_store(&pool->park.word,
		     active * TPI_ACTIVE + searching * TPI_SEARCHING);
}

static unsigned
parked_count(struct tpar_pool *pool)
{
	unsigned n;

	tpi_lock_enter(&pool->lock);
	n = pool->parked_count;
	tpi_lock_leave(&pool->lock);
	return n;
}

/* Is there the structure of a thread that is gone, for another to take? */
static bool
has_spare(struct tpar_pool *pool)
{
	bool spare;

	tpi_lock_enter(&pool->lock);
	spare = pool->spare != NULL;
	tpi_lock_leave(&pool->lock);
	return spare;
}

static void
push_work(struct tpar_pool *pool, struct tpar_future *f)
{
	tpi_inject_push(&pool->shard[0], &f->link, &f->link);
}

/* Takes the work out again and ends it. */
static void
pop_work(struct tpar_pool *pool)
{
	struct tpi_link *link = tpi_inject_pop(&pool->shard[0]);

	ck_assert_ptr_nonnull(link);
	tpi_future_end_cancelled(tpi_future_of_link(link));
	hand_drop(tpi_future_of_link(link));
}

START_TEST(halves_of_the_word_are_counted_apart)
{
	struct tpar_pool *pool = hand_pool(4);

	tpi_park_enter(&pool->park, TPI_ACTIVE + TPI_SEARCHING);
	tpi_park_enter(&pool->park, TPI_ACTIVE);
	ck_assert_uint_eq(tpi_park_active(word(pool)), 2);
	ck_assert_uint_eq(tpi_park_searching(word(pool)), 1);
	ck_assert_uint_eq(tpi_park_leave(&pool->park, TPI_SEARCHING),
			  2 * TPI_ACTIVE + TPI_SEARCHING);
	ck_assert_uint_eq(tpi_park_searching(word(pool)), 0);
	ck_assert_uint_eq(tpi_park_active(word(pool)), 2);
	set_word(pool, 0, 0);
	hand_free(pool);
}
END_TEST

START_TEST(wake_is_wanted_if_nobody_searches_and_there_is_room)
{
	struct tpar_pool *pool = hand_pool(2);

	set_word(pool, 0, 0);
	ck_assert(tpi_park_wants_wake(&pool->park));
	set_word(pool, 1, 0);
	ck_assert(tpi_park_wants_wake(&pool->park));
	set_word(pool, 1, 1);
	ck_assert(!tpi_park_wants_wake(&pool->park));
	set_word(pool, 2, 0);
	ck_assert(!tpi_park_wants_wake(&pool->park));
	set_word(pool, 3, 0);
	ck_assert(!tpi_park_wants_wake(&pool->park));
	ck_assert(tpi_park_surplus(&pool->park));
	set_word(pool, 2, 2);
	ck_assert(!tpi_park_surplus(&pool->park));
	hand_free(pool);
}
END_TEST

START_TEST(only_so_many_search)
{
	struct tpar_pool *pool = hand_pool(4);

	set_word(pool, 4, 0);
	ck_assert(tpi_park_try_search(&pool->park));
	ck_assert(tpi_park_try_search(&pool->park));
	ck_assert(!tpi_park_try_search(&pool->park));
	ck_assert_uint_eq(word(pool), 4 * TPI_ACTIVE + 2 * TPI_SEARCHING);
	hand_free(pool);
}
END_TEST

/* A thread that parks as the worker w. */
struct sleeper {
	struct tpi_worker *w;
	pthread_t thread;
	bool retire;
	_Atomic int result; /* -1 while it sleeps */
};

static void *
sleep_as_worker(void *arg)
{
	struct sleeper *s = arg;
	bool woken = s->retire ? tpi_park_retire(s->w) : tpi_park_sleep(s->w);

	atomic_store(&s->result, woken);
	return NULL;
}

static void
start_sleeper(struct sleeper *s, struct tpi_worker *w, bool retire)
{
	unsigned before = parked_count(w->pool);

	s->w = w;
	s->retire = retire;
	atomic_store(&s->result, -1);
	s->thread = unit_start(sleep_as_worker, s);
	UNIT_AWAIT(atomic_load(&s->result) != -1 ||
		   parked_count(w->pool) > before);
}

START_TEST(last_to_park_is_woken_first)
{
	struct tpar_pool *pool = hand_pool(2);
	struct sleeper s[2];
	int i;

	for (i = 0; i < 2; i++) {
		start_sleeper(&s[i], hand_worker(pool), false);
		ck_assert_uint_eq(word(pool), 0);
	}
	for (i = 1; i >= 0; i--) {
		ck_assert(tpi_park_wake_one(pool));
		unit_join(s[i].thread);
		ck_assert_int_eq(atomic_load(&s[i].result), 1);
		ck_assert(s[i].w->searching);
		/* Its waker counted it. */
		ck_assert_uint_eq(word(pool), TPI_ACTIVE + TPI_SEARCHING);
		ck_assert_uint_eq(parked_count(pool), (unsigned)i);
		set_word(pool, 0, 0);
	}
	hand_free(pool);
}
END_TEST

START_TEST(notify_wakes_only_if_wanted)
{
	struct tpar_pool *pool = hand_pool(1);
	struct sleeper s;

	start_sleeper(&s, hand_worker(pool), false);
	set_word(pool, 1, 0);
	tpi_park_notify(&pool->park, pool);
	ck_assert_uint_eq(parked_count(pool), 1);
	set_word(pool, 1, 1);
	ck_assert(tpi_park_wake_one(pool));
	ck_assert_uint_eq(parked_count(pool), 1);
	set_word(pool, 0, 0);
	tpi_park_notify(&pool->park, pool);
	ck_assert_uint_eq(parked_count(pool), 0);
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 1);
	hand_free(pool);
}
END_TEST

START_TEST(who_parks_over_work_is_woken_again)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w = hand_worker(pool);

	w->searching = true;
	set_word(pool, 1, 1);
	push_work(pool, hand_future(pool));
	/* It does not sleep: it wakes itself. */
	ck_assert(tpi_park_sleep(w));
	ck_assert(w->searching);
	ck_assert_uint_eq(word(pool), TPI_ACTIVE + TPI_SEARCHING);
	pop_work(pool);
	hand_free(pool);
}
END_TEST

START_TEST(thread_too_many_parks)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *first = hand_worker(pool);
	struct sleeper s;

	ck_assert(tpi_park_retire(first));
	start_sleeper(&s, hand_worker(pool), true);
	ck_assert_uint_eq(word(pool), TPI_ACTIVE);
	ck_assert_uint_eq(parked_count(pool), 1);
	/* The first one blocks over work: the other takes its place. */
	push_work(pool, hand_future(pool));
	ck_assert(tpi_park_block(first));
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 1);
	ck_assert_uint_eq(word(pool), TPI_ACTIVE + TPI_SEARCHING);
	pop_work(pool);
	hand_free(pool);
}
END_TEST

START_TEST(quitting_pool_ends_its_threads)
{
	struct tpar_pool *pool = hand_pool(2);
	struct tpi_worker *w = hand_worker(pool);

	pool->quit = true;
	ck_assert(!tpi_park_sleep(w));
	ck_assert_uint_eq(word(pool), 0);
	ck_assert_uint_eq(pool->threads, 0);
	ck_assert_ptr_null(pool->spare);
	ck_assert(tpi_park_gone(w));
	ck_assert_ptr_eq(pool->spare, w);
	hand_free(pool);
}
END_TEST

START_TEST(extra_thread_ends_after_its_time)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w;
	struct sleeper s;

	(void)hand_worker(pool);
	w = hand_worker(pool);
	atomic_store(&behind, 11);
	start_sleeper(&s, w, true);
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 0);
	ck_assert_uint_eq(pool->threads, 1);
	ck_assert_uint_eq(parked_count(pool), 0);
	ck_assert_ptr_null(pool->parked);
	/* Its structure is used again, once it has done with it. */
	ck_assert(tpi_park_gone(w));
	ck_assert_ptr_eq(hand_worker(pool), w);
	ck_assert_uint_eq(pool->threads, 2);
	ck_assert_ptr_null(pool->spare);
	hand_free(pool);
}
END_TEST

/* Whoever had work meanwhile found no structure for another thread. */
START_TEST(ending_thread_goes_on_if_there_is_work_again)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *first = hand_worker(pool);
	struct tpi_worker *w = hand_worker(pool);
	struct sleeper s;

	atomic_store(&behind, 11);
	start_sleeper(&s, w, true);
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 0);
	push_work(pool, hand_future(pool));
	pool->capacity = 2;
	ck_assert(!tpi_park_block(first));
	ck_assert(!tpi_park_gone(w));
	ck_assert_uint_eq(word(pool), TPI_ACTIVE + TPI_SEARCHING);
	ck_assert_uint_eq(pool->threads, 2);
	ck_assert_ptr_null(pool->spare);
	pop_work(pool);
	hand_free(pool);
}
END_TEST

START_TEST(needed_thread_does_not_end)
{
	struct tpar_pool *pool = hand_pool(1);
	struct sleeper s;

	atomic_store(&behind, 11);
	start_sleeper(&s, hand_worker(pool), false);
	ck_assert_uint_eq(parked_count(pool), 1);
	ck_assert(tpi_park_wake_one(pool));
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 1);
	ck_assert_uint_eq(pool->threads, 1);
	hand_free(pool);
}
END_TEST

/* What a waker does under the lock, on behalf of the test's only sleeper. */
static struct tpar_pool *popping;

static void
pop_the_parked(void)
{
	tpi_lock_enter(&popping->lock);
	popping->parked = popping->parked->next;
	popping->parked_count--;
	tpi_lock_leave(&popping->lock);
}

START_TEST(extra_thread_that_was_chosen_stays)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w;
	struct sleeper s;

	(void)hand_worker(pool);
	w = hand_worker(pool);
	popping = pool;
	atomic_store(&behind, 11);
	atomic_store(&at_clock, pop_the_parked);
	s.w = w;
	s.retire = true;
	atomic_store(&s.result, -1);
	s.thread = unit_start(sleep_as_worker, &s);
	/* It was popped when it looked at the clock, and not told yet. */
	UNIT_AWAIT(atomic_load(&at_clock) == NULL);
	UNIT_AWAIT(atomic_load(&w->parker->state) == TPI_PARK_PARKED);
	ck_assert_int_eq(atomic_load(&s.result), -1);
	atomic_store(&w->parked, 0);
	tpi_parker_wake(w->parker);
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 1);
	ck_assert_uint_eq(pool->threads, 2);
	hand_free(pool);
}
END_TEST

START_TEST(block_without_work_wakes_nobody)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w = hand_worker(pool);

	ck_assert(tpi_park_block(w));
	ck_assert_uint_eq(word(pool), 0);
	tpi_park_unblock(w);
	ck_assert_uint_eq(word(pool), TPI_ACTIVE);
	hand_free(pool);
}
END_TEST

START_TEST(block_without_a_thread_to_take_over_says_so)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_watch watch = { .parker = tpi_parker_get() };
	struct tpi_worker *w = hand_worker(pool);

	pool->capacity = 1;
	set_word(pool, 1, 0);
	tpi_alarm_watch(&watch);
	push_work(pool, hand_future(pool));
	ck_assert(!tpi_park_block(w));
	/* Those whom that may concern look around, wherever they wait. */
	ck_assert_uint_eq(atomic_load(&watch.parker->state), TPI_PARK_TOKEN);
	ck_assert(tpi_parker_park(watch.parker, 0));
	ck_assert(!tpi_park_can_run(pool));
	/* Not so if another one is active. */
	set_word(pool, 2, 0);
	ck_assert(tpi_park_block(w));
	ck_assert_uint_eq(atomic_load(&watch.parker->state), TPI_PARK_EMPTY);
	ck_assert(tpi_park_can_run(pool));
	pop_work(pool);
	tpi_alarm_unwatch(&watch);
	tpi_parker_put(watch.parker);
	hand_free(pool);
}
END_TEST

START_TEST(parked_thread_can_run)
{
	struct tpar_pool *pool = hand_pool(1);
	struct sleeper s;

	pool->capacity = 1;
	start_sleeper(&s, hand_worker(pool), false);
	ck_assert(tpi_park_can_run(pool));
	ck_assert(tpi_park_wake_one(pool));
	unit_join(s.thread);
	ck_assert_int_eq(atomic_load(&s.result), 1);
	hand_free(pool);
}
END_TEST

/* Real threads. */

static _Atomic unsigned started[2];
static _Atomic unsigned stopped[2];

static void
count_start(unsigned index, void *arg)
{
	(void)arg;
	atomic_fetch_add(&started[index], 1);
}

static void
count_stop(unsigned index, void *arg)
{
	(void)arg;
	atomic_fetch_add(&stopped[index], 1);
}

static unsigned
stops(void)
{
	return atomic_load(&stopped[0]) + atomic_load(&stopped[1]);
}

static int
wait_elsewhere(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f = NULL;
	int rc;

	(void)arg;
	(void)value;
	task.fn = hand_nothing;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	rc = tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return rc;
}

START_TEST(idle_pool_sleeps)
{
	tpar_pool *pool = unit_pool(3, 1);
	int i;

	for (i = 0; i < 20; i++) {
		unit_run_in(pool, hand_nothing, NULL);
		UNIT_AWAIT(parked_count(pool) == 3);
		ck_assert_uint_eq(word(pool), 0);
	}
	tpar_pool_destroy(pool);
}
END_TEST

START_TEST(blocked_threads_place_is_taken_and_given_back)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;
	unsigned ended = 0;
	unsigned round;

	config.workers = 1;
	config.blocking_limit = 1;
	config.on_worker_start = count_start;
	config.on_worker_stop = count_stop;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	atomic_store(&behind, 11);
	for (round = 1; round <= 5; round++) {
		unit_run_in(pool, wait_elsewhere, NULL);
		/* One too many: it parks, and its time is over at once. */
		UNIT_AWAIT(stops() > ended);
		/* After the hook it goes on if there is work, or is gone. */
		UNIT_AWAIT(has_spare(pool));
		UNIT_AWAIT(parked_count(pool) == 1);
		ck_assert_uint_eq(word(pool), 0);
		ended = stops();
	}
	ck_assert_uint_eq(pool->threads, 1);
	ck_assert_uint_eq(tpi_pool_worker_count(pool), 2);
	tpar_pool_destroy(pool);
	ck_assert_uint_eq(stops(), ended + 1);
	ck_assert_uint_eq(atomic_load(&started[0]), atomic_load(&stopped[0]));
	ck_assert_uint_eq(atomic_load(&started[1]), atomic_load(&stopped[1]));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		halves_of_the_word_are_counted_apart,
		wake_is_wanted_if_nobody_searches_and_there_is_room,
		only_so_many_search,
		last_to_park_is_woken_first,
		notify_wakes_only_if_wanted,
		who_parks_over_work_is_woken_again,
		thread_too_many_parks,
		quitting_pool_ends_its_threads,
		extra_thread_ends_after_its_time,
		ending_thread_goes_on_if_there_is_work_again,
		needed_thread_does_not_end,
		extra_thread_that_was_chosen_stays,
		block_without_work_wakes_nobody,
		block_without_a_thread_to_take_over_says_so,
		parked_thread_can_run,
		idle_pool_sleeps,
		blocked_threads_place_is_taken_and_given_back,
	};

	return unit_main("park", tests, sizeof tests / sizeof tests[0]);
}
