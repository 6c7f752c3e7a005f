/* SPDX-License-Identifier: MIT */
/*
 * systhread.c - threads of a run: starting, ending, joining, naming them.
 *
 * They are threads of the system.  One has ended when its destructors of
 * thread-specific data have been called, so that those run in its turn, too; what
 * the system does afterwards nobody can see.
 */
#include "config.h"

#define TPAR_SYS_DECLARE_ONLY
#include "systurn.h"

#include <taskpar/sys-pthread.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool end_key_made;

/*
 * Called late by being set again while others may be; the very last round is that
 * of sanitizers, which know nothing of the thread afterwards.
 */
#define LAST_ROUND (PTHREAD_DESTRUCTOR_ITERATIONS - 1)

static void
end(void *arg)
{
	struct tpi_systhread *self = arg;

	self->exits++;
	if (self->exits >= LAST_ROUND ||
	    pthread_setspecific(end_key, self) != 0) {
		tpi_systurn_end(self);
	}
}

static void
make_key(void)
{
	end_key_made = pthread_key_create(&end_key, end) == 0;
}

static void *
run(void *arg)
{
	struct tpi_systhread *self = arg;

	tpi_systurn_begin(self);
	(void)pthread_setspecific(end_key, self);
	return self->main(self->arg);
}

static struct tpi_systhread *
find(pthread_t id)
{
	struct tpi_sysworld *w = tpi_sysworld;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t->wait != TPI_SYS_UNUSED && !t->detached &&
		    pthread_equal(t->id, id)) {
			return t;
		}
	}
	return NULL;
}

int
tpar_sys_create(pthread_t *thread, const pthread_attr_t *attr,
		void *(*main)(void *arg), void *arg)
{
	struct tpi_systhread *t;
	int state = PTHREAD_CREATE_JOINABLE;
	pthread_t id;
	int rc;

	if (tpi_sysworld_self == NULL) {
		return pthread_create(thread, attr, main, arg);
	}
	(void)pthread_once(&end_once, make_key);
	t = end_key_made ? tpi_sysworld_add(tpi_sysworld) : NULL;
	if (t == NULL) {
		return EAGAIN;
	}
	t->main = main;
	t->arg = arg;
	if (attr != NULL) {
		(void)pthread_attr_getdetachstate(attr, &state);
	}
	t->detached = state == PTHREAD_CREATE_DETACHED;
	rc = pthread_create(&id, attr, run, t);
	if (rc != 0) {
		tpi_sysworld_remove(t);
		return rc;
	}
	t->id = id;
	*thread = id;
	tpi_sysworld->woken = true;
	return 0;
}

int
tpar_sys_join(pthread_t thread, void **value)
{
	struct tpi_systhread *t =
		tpi_sysworld_self != NULL ? find(thread) : NULL;
	int rc;

	if (t == NULL || t == tpi_sysworld_self) {
		return pthread_join(thread, value);
	}
	while (t->wait != TPI_SYS_EXITED) {
		(void)tpi_systurn_wait(TPI_SYS_JOIN, t, 0);
	}
	rc = pthread_join(thread, value);
	tpi_sysworld_remove(t);
	return rc;
}

int
tpar_sys_detach(pthread_t thread)
{
	struct tpi_systhread *t =
		tpi_sysworld_self != NULL ? find(thread) : NULL;
	int rc = pthread_detach(thread);

	if (t != NULL && rc == 0) {
		t->detached = true;
		if (t->wait == TPI_SYS_EXITED) {
			tpi_sysworld_remove(t);
		}
	}
	return rc;
}

int
tpar_sys_setname(pthread_t thread, const char *name)
{
	struct tpi_systhread *t =
		tpi_sysworld_self != NULL ? find(thread) : NULL;

	if (t != NULL) {
		strncpy(t->name, name, sizeof t->name - 1);
	}
#ifdef HAVE_PTHREAD_SETNAME_NP
	return pthread_setname_np(thread, name);
#else
	return 0;
#endif
}

int
tpar_sys_once(pthread_once_t *once, void (*fn)(void))
{
	struct tpi_systhread *self = tpi_sysworld_self;
	bool quiet;
	int rc;

	if (self == NULL) {
		return pthread_once(once, fn);
	}
	quiet = self->quiet;
	self->quiet = true;
	rc = pthread_once(once, fn);
	self->quiet = quiet;
	return rc;
}

int
tpar_sys_sched_yield(void)
{
	if (tpi_sysworld_self == NULL) {
		return sched_yield();
	}
	tpi_systurn_yield();
	return 0;
}
