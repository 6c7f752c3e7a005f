/* SPDX-License-Identifier: MIT */
/*
 * timer.c - a 4-ary heap of deadlines, the earliest at the top, and the thread
 * that sleeps until that one comes.
 *
 * The deadlines stand in the heap itself, so that moving them touches no timer
 * but to tell it where it is now.
 */
#include "config.h"

#include "clock.h"
#include "die.h"
#include "lock.h"
#include "service.h"
#include "spawn.h"
#include "timer.h"

#include <stdlib.h>

#define ARITY 4
#define CAPACITY_FIRST 64

/* What is called may drop arguments that tell tasks to stop: user functions. */
#define STACK_SIZE ((size_t)1 << 20)

/* wakes_at of a thread that looks at the heap before it sleeps. */
#define AWAKE INT64_MIN

struct entry {
	int64_t when;
	struct tpi_timer *timer;
};

static struct tpi_lock lock = TPI_LOCK_INIT(TPI_RANK_TIMER);

/* [m:lock] */
static struct {
	struct entry *heap;
	size_t count;
	size_t reserved; /* promised room for */
	size_t capacity;
	struct tpi_cond cond; /* where the thread sleeps */
	bool cond_made;
	bool running;	  /* there is a thread that looks at the heap */
	pthread_t thread; /* if running */
	uintptr_t turn;	  /* of the thread that is to run: its number */
	int64_t wakes_at; /* when it will look at the heap by itself */
} timers;

/* ---- The heap ------------------------------------------------------------ */

static void
put(size_t i, struct entry entry)
{
	timers.heap[i] = entry;
	entry.timer->index = i;
}

/* Puts the entry at the free place i or above. */
static void
sift_up(size_t i, struct entry entry)
{
	while (i > 0 && timers.heap[(i - 1) / ARITY].when > entry.when) {
		put(i, timers.heap[(i - 1) / ARITY]);
		i = (i - 1) / ARITY;
	}
	put(i, entry);
}

/* The earliest below i; count or more: there is none. */
static size_t
earliest_below(size_t i)
{
	size_t child = ARITY * i + 1;
	size_t end = child + ARITY;
	size_t first = child;

	if (end > timers.count) {
		end = timers.count;
	}
	for (child++; child < end; child++) {
		if (timers.heap[child].when < timers.heap[first].when) {
			first = child;
		}
	}
	return first;
}

/* Puts the entry at the free place i or below. */
static void
sift_down(size_t i, struct entry entry)
{
	size_t child;

	while ((child = earliest_below(i)) < timers.count &&
	       timers.heap[child].when < entry.when) {
		put(i, timers.heap[child]);
		i = child;
	}
	put(i, entry);
}

/* Takes the entry at i out. */
static void
take_out(size_t i)
{
	struct entry last = timers.heap[--timers.count];

	if (i == timers.count) {
		return;
	}
	if (i > 0 && last.when < timers.heap[(i - 1) / ARITY].when) {
		sift_up(i, last);
	} else {
		sift_down(i, last);
	}
}

/* Room for one more.  false: no memory. */
static bool
reserve(void)
{
	size_t capacity = timers.capacity;
	struct entry *heap;

	if (timers.count + timers.reserved < capacity) {
		return true;
	}
	capacity = capacity == 0 ? CAPACITY_FIRST : 2 * capacity;
	heap = realloc(timers.heap, capacity * sizeof *heap);
	if (heap == NULL) {
		return false;
	}
	timers.heap = heap;
	timers.capacity = capacity;
	return true;
}

/* Nothing is pending, and no thread looks at it. */
static void
free_heap(void)
{
	free(timers.heap);
	timers.heap = NULL;
	timers.capacity = 0;
}

/* ---- The thread ---------------------------------------------------------- */

/* Until `when`, 0: for ever; or until it is signalled. */
static void
sleep_until(int64_t when)
{
	timers.wakes_at = when != 0 ? when : INT64_MAX;
	(void)tpi_cond_wait(&timers.cond, &lock, when);
	timers.wakes_at = AWAKE;
}

/* Calls the earliest, whose time has come. */
static void
fire(void)
{
	struct tpi_timer *timer = timers.heap[0].timer;

	take_out(0);
	timers.reserved += timer->keeps;
	tpi_lock_leave(&lock);
	timer->fn(timer);
	tpi_lock_enter(&lock);
}

/* What there is to do next.  false: the thread ends by itself. */
static bool
step(void)
{
	if (timers.count > 0) {
		if (timers.heap[0].when > tpi_clock_now()) {
			sleep_until(timers.heap[0].when);
		} else {
			fire();
		}
		return true;
	}
	if (tpi_service_held() || timers.reserved > 0) {
		sleep_until(0);
		return true;
	}
	timers.running = false;
	free_heap();
	/* Nobody is going to wait for it. */
	TPI_CHECK(pthread_detach(pthread_self()) == 0);
	return false;
}

static void *
timer_main(void *arg)
{
	uintptr_t number = (uintptr_t)arg;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	tpi_spawn_name("taskpar-timer", 0);
	tpi_lock_enter(&lock);
	/* ENDS: it is not its turn any more, or there is nothing left to do. */
	while (timers.turn == number && step()) {
	}
	tpi_lock_leave(&lock);
	return NULL;
}

/* Starts the thread if need be.  false: it cannot be. */
static bool
start(void)
{
	if (timers.running) {
		return true;
	}
	if (!timers.cond_made && tpi_cond_init(&timers.cond) != 0) {
		return false;
	}
	timers.cond_made = true;
	timers.turn++;
	timers.wakes_at = AWAKE;
	timers.running = tpi_spawn(&timers.thread, STACK_SIZE, timer_main,
				   (void *)timers.turn) == 0;
	return timers.running;
}

bool
tpi_timer_reserve(void)
{
	bool reserved;

	tpi_lock_enter(&lock);
	reserved = reserve() && start();
	if (reserved) {
		timers.reserved++;
	} else if (!timers.running) {
		free_heap();
	}
	tpi_lock_leave(&lock);
	return reserved;
}

void
tpi_timer_give_back(void)
{
	bool idle;

	tpi_lock_enter(&lock);
	timers.reserved--;
	/* It has nobody to stay for. */
	idle = timers.count == 0 && timers.reserved == 0 && timers.running &&
	       !tpi_service_held();
	tpi_lock_leave(&lock);
	if (idle) {
		tpi_cond_signal(&timers.cond);
	}
}

void
tpi_timer_add_reserved(struct tpi_timer *timer, int64_t when)
{
	bool earlier;

	tpi_lock_enter(&lock);
	timers.reserved--;
	timers.count++;
	sift_up(timers.count - 1, (struct entry) { when, timer });
	earlier = when < timers.wakes_at;
	tpi_lock_leave(&lock);
	if (earlier) {
		tpi_cond_signal(&timers.cond);
	}
}

bool
tpi_timer_add(struct tpi_timer *timer, int64_t when)
{
	bool reserved = tpi_timer_reserve();

	if (reserved) {
		tpi_timer_add_reserved(timer, when);
	}
	return reserved;
}

bool
tpi_timer_remove(struct tpi_timer *timer)
{
	bool pending;
	bool idle;

	tpi_lock_enter(&lock);
	pending = timer->index < timers.count &&
		  timers.heap[timer->index].timer == timer;
	if (pending) {
		take_out(timer->index);
		timers.reserved += timer->keeps;
	}
	/* It has nobody to stay for. */
	idle = pending && timers.count == 0 && !tpi_service_held();
	tpi_lock_leave(&lock);
	if (idle) {
		tpi_cond_signal(&timers.cond);
	}
	return pending;
}

void
tpi_timer_end(void)
{
	pthread_t thread;
	bool ends;

	tpi_lock_enter(&lock);
	thread = timers.thread;
	ends = timers.running && timers.count == 0 && timers.reserved == 0 &&
	       !tpi_service_held() && !pthread_equal(thread, pthread_self());
	if (ends) {
		timers.running = false;
		timers.turn++;
		free_heap();
	}
	tpi_lock_leave(&lock);
	if (ends) {
		tpi_cond_broadcast(&timers.cond);
		/* ENDS: it is not its turn any more. */
		TPI_CHECK(pthread_join(thread, NULL) == 0);
	}
}

/* ---- Around fork() ------------------------------------------------------- */

static void
forget(void)
{
	timers.count = 0;
	timers.reserved = 0;
	timers.cond_made = false; /* somebody sleeps on it, in the parent */
	timers.running = false;
	timers.turn++;
}

void
tpi_timer_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		forget();
	}
	tpi_fork_lock(&lock, when);
}
