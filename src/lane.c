/* SPDX-License-Identifier: MIT */
/*
 * lane.c - a queue of jobs, and the threads that take them.
 *
 * Whoever queues a job wakes an idle thread for it, the one that became idle
 * last, or starts one; the thread takes what is first in the queue by then.  So
 * each queued job has a thread that is on its way to the queue, or all threads
 * there may be are busy and will come by.
 */
#include "config.h"

#include "die.h"
#include "lane.h"
#include "lock.h"
#include "parker.h"
#include "service.h"
#include "spawn.h"
#include "thread.h"

#include <taskpar/base.h>

#include <stdlib.h>

#define STACK_SIZE (sizeof(void *) < 8 ? (size_t)2 << 20 : (size_t)8 << 20)

/* One thread. */
struct server {
	struct server *next;	   /* [m:lock] of all */
	struct server **link;	   /* [m:lock] */
	struct server *idle_next;  /* [m:lock] */
	struct tpi_parker *parker; /* [m:lock] if idle */
	pthread_t thread;	   /* [m:lock] */
	unsigned number;	   /* [c] */
	bool idle;		   /* [m:lock] in the list */
	bool leaves; /* [m:lock] takes no more jobs; somebody joins it */
};

struct tpi_lane_limits tpi_lane_limits = { 64, 10 * TPAR_SECOND };

static struct tpi_lock lock = TPI_LOCK_INIT(TPI_RANK_LANE);

/* [m:lock] */
static struct {
	struct tpi_lane_job *first;
	struct tpi_lane_job *
		*last; /* where the next one goes, if first is not NULL */
	struct server *servers; /* all that do not leave */
	struct server *idle;	/* a stack */
	unsigned count;		/* of servers */
} lane;

/* ---- The queue ----------------------------------------------------------- */

static void
enqueue(struct tpi_lane_job *job)
{
	if (lane.first == NULL) {
		lane.last = &lane.first;
	}
	job->next = NULL;
	job->link = lane.last;
	*lane.last = job;
	lane.last = &job->next;
}

static void
dequeue(struct tpi_lane_job *job)
{
	*job->link = job->next;
	if (job->next != NULL) {
		job->next->link = job->link;
	} else {
		lane.last = job->link;
	}
	job->link = NULL;
}

/* ---- The threads --------------------------------------------------------- */

static void
add_server(struct server *server)
{
	server->next = lane.servers;
	server->link = &lane.servers;
	if (server->next != NULL) {
		server->next->link = &server->next;
	}
	lane.servers = server;
	lane.count++;
}

static void
remove_server(struct server *server)
{
	*server->link = server->next;
	if (server->next != NULL) {
		server->next->link = server->link;
	}
	lane.count--;
}

static void
remove_idle(struct server *server)
{
	struct server **at = &lane.idle;

	while (*at != server) {
		at = &(*at)->idle_next;
	}
	*at = server->idle_next;
	server->idle = false;
}

/* Sleeps until there may be a job.  false: there was none for too long. */
static bool
sleep_idle(struct server *me)
{
	int64_t deadline = tpar_in(tpi_lane_limits.keep_alive_ns);
	bool woken;

	me->parker = tpi_thread_parker();
	if (me->parker == NULL) {
		return false;
	}
	me->idle_next = lane.idle;
	lane.idle = me;
	me->idle = true;
	/* ENDS: tpi_lane_run(), tpi_lane_end(), or the deadline comes. */
	do {
		tpi_lock_leave(&lock);
		woken = tpi_parker_park(me->parker, deadline);
		tpi_lock_enter(&lock);
	} while (me->idle && woken);
	if (me->idle) {
		remove_idle(me);
		return false;
	}
	return true;
}

/* What there is to do next.  false: the thread ends. */
static bool
step(struct server *me)
{
	struct tpi_lane_job *job = lane.first;

	if (me->leaves) {
		return false;
	}
	if (job == NULL) {
		return tpi_service_held() && sleep_idle(me);
	}
	dequeue(job);
	tpi_lock_leave(&lock);
	job->fn(job);
	tpi_lock_enter(&lock);
	return true;
}

static void *
server_main(void *arg)
{
	struct server *me = arg;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	tpi_spawn_name("taskpar-lane", me->number);
	tpi_lock_enter(&lock);
	/* ENDS: it is told to leave, or has had nothing to do for too long. */
	while (step(me)) {
	}
	if (!me->leaves) {
		remove_server(me);
		TPI_CHECK(pthread_detach(pthread_self()) == 0);
	}
	free(me);
	tpi_lock_leave(&lock);
	return NULL;
}

/* One more thread.  false: there are enough, or it cannot be started. */
static bool
start(void)
{
	struct server *server;

	if (lane.count >= tpi_lane_limits.threads) {
		return false;
	}
	server = calloc(1, sizeof *server);
	if (server == NULL) {
		return false;
	}
	server->number = lane.count;
	if (tpi_spawn(&server->thread, STACK_SIZE, server_main, server) != 0) {
		free(server);
		return false;
	}
	add_server(server);
	return true;
}

bool
tpi_lane_run(struct tpi_lane_job *job)
{
	struct tpi_parker *parker = NULL;
	bool taken = true;

	tpi_lock_enter(&lock);
	enqueue(job);
	if (lane.idle != NULL) {
		parker = lane.idle->parker;
		remove_idle(lane.idle);
	} else if (!start() && lane.count == 0) {
		dequeue(job);
		taken = false;
	}
	tpi_lock_leave(&lock);
	if (parker != NULL) {
		tpi_parker_wake(parker);
	}
	return taken;
}

bool
tpi_lane_withdraw(struct tpi_lane_job *job)
{
	bool queued;

	tpi_lock_enter(&lock);
	queued = job->link != NULL;
	if (queued) {
		dequeue(job);
	}
	tpi_lock_leave(&lock);
	return queued;
}

static bool
is_server(void)
{
	struct server *server = lane.servers;

	while (server != NULL &&
	       !pthread_equal(server->thread, pthread_self())) {
		server = server->next;
	}
	return server != NULL;
}

/*
 * One to be joined; NULL: none is left, or one is needed.  A job waits for no
 * other, which may be waiting for it: what is busy ends by itself then.
 */
static struct server *
pick_leaver(void)
{
	if (lane.first != NULL || tpi_service_held()) {
		return NULL;
	}
	return is_server() ? lane.idle : lane.servers;
}

/* false: there was nobody to wait for. */
static bool
end_one(void)
{
	struct tpi_parker *parker = NULL;
	struct server *server;
	pthread_t thread;

	tpi_lock_enter(&lock);
	server = pick_leaver();
	if (server == NULL) {
		tpi_lock_leave(&lock);
		return false;
	}
	remove_server(server);
	server->leaves = true;
	thread = server->thread;
	if (server->idle) {
		parker = server->parker;
		remove_idle(server);
	}
	tpi_lock_leave(&lock);
	if (parker != NULL) {
		tpi_parker_wake(parker);
	}
	/* ENDS: it takes no more jobs. */
	TPI_CHECK(pthread_join(thread, NULL) == 0);
	return true;
}

void
tpi_lane_end(void)
{
	/* ENDS: new ones are started only for jobs, which stops this. */
	while (end_one()) {
	}
}

/* ---- Around fork() ------------------------------------------------------- */

static void
forget(void)
{
	struct server *server;
	struct server *next;

	while (lane.first != NULL) {
		dequeue(lane.first);
	}
	lane.idle = NULL;
	for (server = lane.servers; server != NULL; server = next) {
		next = server->next;
		/* The caller may be one of them; it goes on. */
		if (!pthread_equal(server->thread, pthread_self())) {
			remove_server(server);
			free(server);
		}
	}
}

void
tpi_lane_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD) {
		forget();
	}
	tpi_fork_lock(&lock, when);
}
