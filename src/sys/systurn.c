/* SPDX-License-Identifier: MIT */
/*
 * systurn.c - passing the turn from thread to thread, as the seed says.
 *
 * Threads sleep on a semaphore of their own each; posting it is what publishes all
 * that the thread before has written, so that a run is sequentially consistent.
 * Nothing here looks at an address or at the real time to decide.
 */
#include "config.h"

#include "sysreport.h"
#include "systurn.h"

#include <errno.h>

/* A round of a waiting loop takes so long. */
#define ROUND_NS 500

/* Twice as long after each so many that nothing came of, up to a second. */
#define ROUNDS_DOUBLE 64
#define ROUND_SHIFT_MAX 21

/*
 * After each so many points the one that is at one falls back: loops of those with
 * the highest priorities, who wake each other, must not go on for ever.
 */
#define STRETCH_MAX 2000

/* A timeout comes early at one of so many switches. */
#define EARLY 64

/* ---- Who can go on --------------------------------------------------------- */

static bool
can_go_on(const struct tpi_sysworld *w, const struct tpi_systhread *t)
{
	switch (t->wait) {
	case TPI_SYS_READY:
		return true;
	case TPI_SYS_UNUSED:
	case TPI_SYS_EXITED:
		return false;
	case TPI_SYS_DESCRIPTORS:
		/* Somebody has done something since: it looks again. */
		if (t->looked != w->steps) {
			return true;
		}
		break;
	default:
		break;
	}
	return t->deadline != 0 && w->now >= t->deadline;
}

/* One of those that can go on, but for `except`; NULL: nobody can. */
static struct tpi_systhread *
pick(struct tpi_sysworld *w, const struct tpi_systhread *except)
{
	struct tpi_systhread *best = NULL;
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t != except && can_go_on(w, t)) {
			n++;
			if (best == NULL || t->priority > best->priority) {
				best = t;
			}
		}
	}
	if (w->by_priority || n < 2) {
		return best;
	}
	n = tpi_sysworld_below(w, n);
	for (i = 0;; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t != except && can_go_on(w, t) && n-- == 0) {
			return t;
		}
	}
}

/* ---- Time ------------------------------------------------------------------ */

static void
set_time(struct tpi_sysworld *w, int64_t now)
{
	if (now > w->now) {
		w->now = now;
	}
	if (w->time_max != 0 && w->now - TPI_SYS_BEGIN > w->time_max) {
		tpi_sysreport_end(w, TPAR_SYS_LATE,
				  "it takes more than %.3f ms of virtual time",
				  (double)w->time_max * 1e-6);
	}
}

void
tpi_systurn_spend(int64_t ns)
{
	struct tpi_sysworld *w = tpi_sysworld;

	set_time(w, w->now + ns);
}

/* Nobody can go on before the first deadline: then it is that time. */
static void
skip_time(struct tpi_sysworld *w)
{
	int64_t first = INT64_MAX;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t->wait > TPI_SYS_READY && t->wait < TPI_SYS_EXITED &&
		    t->deadline != 0 && t->deadline < first) {
			first = t->deadline;
		}
	}
	if (first == INT64_MAX) {
		tpi_sysreport_end(w, TPAR_SYS_DEADLOCK,
				  "nobody can go on: a deadlock, or a wake-up "
				  "is lost");
	}
	set_time(w, first);
}

/* One of the waits with a deadline is to end by it, though others can go on. */
static void
hurry(struct tpi_sysworld *w)
{
	unsigned at = tpi_sysworld_below(w, w->slots);
	struct tpi_systhread *t = &w->thread[at];

	if (t->wait > TPI_SYS_READY && t->wait < TPI_SYS_EXITED &&
	    t->deadline != 0) {
		set_time(w, t->deadline);
	}
}

/* ---- Passing the turn ------------------------------------------------------- */

static void
await_turn(struct tpi_systhread *self)
{
	int before;

	/* sem_wait() is a point of cancellation. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	for (;;) {
		/* ENDS: pass() posts it; or the process ends. */
		while (sem_wait(&self->turn) != 0) {
		}
		if (tpi_sysworld->current == self) {
			break;
		}
		tpi_sysreport_answer(self);
	}
	(void)pthread_setcancelstate(before, NULL);
}

/* `next` goes on; the caller, if it has not ended, when its turn comes again. */
static void
pass(struct tpi_sysworld *w, struct tpi_systhread *self,
     struct tpi_systhread *next, bool ends)
{
	int saved = errno;

	if (next == self) {
		return;
	}
	if (w->traces) {
		tpi_sysreport_switch(w, self, next);
	}
	w->switches++;
	w->current = next;
	tpi_sysworld_note(w, next->number);
	/* RELEASE POINT: self, if it has ended, by the thread that joins it. */
	(void)sem_post(&next->turn);
	if (!ends) {
		await_turn(self);
	}
	errno = saved;
}

/* The calling thread cannot go on; somebody does. */
static void
pass_on(struct tpi_sysworld *w, struct tpi_systhread *self, bool ends)
{
	struct tpi_systhread *next;

	w->idle = 0;
	if ((w->flags & TPAR_SYS_EARLY) != 0 &&
	    tpi_sysworld_below(w, EARLY) == 0) {
		hurry(w);
	}
	/* ENDS: somebody's deadline comes, or the run ends. */
	while ((next = pick(w, NULL)) == NULL) {
		skip_time(w);
	}
	pass(w, self, next, ends);
}

/* It can go on, but others are to be preferred from now on. */
static void
fall_back(struct tpi_sysworld *w, struct tpi_systhread *self)
{
	self->priority = --w->lowest;
}

void
tpi_systurn_mark(const char *file, unsigned line)
{
	struct tpi_sysworld *w = tpi_sysworld;
	struct tpi_systhread *self = tpi_sysworld_self;
	struct tpi_syssite *site = &self->last[self->lasts++ % TPI_SYS_LAST];

	site->file = file;
	site->line = line;
	w->steps++;
	tpi_sysworld_note(w, (uint64_t)self->number << 32 | line);
	if (w->steps > w->steps_max) {
		tpi_sysreport_end(w, TPAR_SYS_LIVELOCK,
				  "it does not end within %llu steps",
				  (unsigned long long)w->steps_max);
	}
}

static bool
changes(struct tpi_sysworld *w, struct tpi_systhread *self)
{
	if (!w->by_priority) {
		return ((tpi_sysworld_draw(w) >> 40) & w->odds) == 0;
	}
	if (w->changes < TPI_SYS_CHANGES &&
	    w->steps >= w->change_at[w->changes]) {
		w->changes++;
		fall_back(w, self);
		return true;
	}
	if (w->steps - w->fell_back > STRETCH_MAX) {
		w->fell_back = w->steps;
		fall_back(w, self);
		return true;
	}
	return w->woken;
}

void
tpi_systurn_point(const char *file, unsigned line)
{
	struct tpi_sysworld *w = tpi_sysworld;
	struct tpi_systhread *self = tpi_sysworld_self;

	tpi_systurn_mark(file, line);
	if (self->quiet || !changes(w, self)) {
		return;
	}
	w->woken = false;
	if ((w->flags & TPAR_SYS_EARLY) != 0 &&
	    tpi_sysworld_below(w, EARLY) == 0) {
		hurry(w);
	}
	pass(w, self, pick(w, NULL), false);
}

void
tpi_systurn_round(void)
{
	unsigned shift = tpi_sysworld->idle++ / ROUNDS_DOUBLE;

	if (shift > ROUND_SHIFT_MAX) {
		shift = ROUND_SHIFT_MAX;
	}
	tpi_systurn_spend((int64_t)ROUND_NS << shift);
}

void
tpi_systurn_yield(void)
{
	struct tpi_sysworld *w = tpi_sysworld;
	struct tpi_systhread *self = tpi_sysworld_self;
	struct tpi_systhread *next;

	tpi_systurn_round();
	fall_back(w, self);
	next = pick(w, self);
	if (next != NULL && !self->quiet) {
		pass(w, self, next, false);
	}
}

bool
tpi_systurn_wait(enum tpi_syswait what, const void *object, int64_t deadline)
{
	struct tpi_sysworld *w = tpi_sysworld;
	struct tpi_systhread *self = tpi_sysworld_self;
	bool woken;

	self->wait = what;
	self->object = object;
	self->deadline = deadline;
	self->looked = w->steps;
	pass_on(w, self, false);
	woken = self->wait == TPI_SYS_READY;
	self->wait = TPI_SYS_READY;
	return woken;
}

static void
make_ready(struct tpi_sysworld *w, struct tpi_systhread *t)
{
	t->wait = TPI_SYS_READY;
	w->woken = true;
	w->idle = 0;
}

void
tpi_systurn_wake(enum tpi_syswait what, const void *object)
{
	struct tpi_sysworld *w = tpi_sysworld;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t->wait == what && t->object == object) {
			make_ready(w, t);
		}
	}
}

void
tpi_systurn_wake_one(enum tpi_syswait what, const void *object)
{
	struct tpi_sysworld *w = tpi_sysworld;
	struct tpi_systhread *found = NULL;
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		/* Each of n is it with the same probability. */
		if (t->wait == what && t->object == object &&
		    tpi_sysworld_below(w, ++n) == 0) {
			found = t;
		}
	}
	if (found != NULL) {
		make_ready(w, found);
	}
}

void
tpi_systurn_begin(struct tpi_systhread *self)
{
	tpi_sysworld_self = self;
	await_turn(self);
}

void
tpi_systurn_end(struct tpi_systhread *self)
{
	struct tpi_sysworld *w = tpi_sysworld;

	tpi_sysworld_self = NULL;
	if (self->detached) {
		tpi_sysworld_remove(self);
	} else {
		self->wait = TPI_SYS_EXITED;
		tpi_systurn_wake(TPI_SYS_JOIN, self);
	}
	pass_on(w, self, true);
}
