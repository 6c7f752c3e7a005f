/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the calling thread's structure, and its parker, which goes back to
 * the list of free ones when the thread ends.
 */
#include "config.h"

#include "parker.h"
#include "thread.h"

#include <pthread.h>

_Thread_local struct tpi_thread tpi_thread_self;

static pthread_key_t parker_key;
static pthread_once_t parker_once = PTHREAD_ONCE_INIT;
static bool parker_key_made;

static void
give_back(void *parker)
{
	tpi_thread_self.parker = NULL;
	tpi_parker_put(parker);
}

static void
make_key(void)
{
	parker_key_made = pthread_key_create(&parker_key, give_back) == 0;
}

void
tpi_thread_fork(enum tpi_fork when)
{
	if (when == TPI_FORK_CHILD && tpi_thread_self.parker != NULL) {
		tpi_parker_renew(tpi_thread_self.parker);
	}
}

struct tpi_parker *
tpi_thread_parker_slow(void)
{
	struct tpi_parker *parker;

	if (pthread_once(&parker_once, make_key) != 0 || !parker_key_made) {
		return NULL;
	}
	parker = tpi_parker_get();
	if (parker == NULL) {
		return NULL;
	}
	if (pthread_setspecific(parker_key, parker) != 0) {
		tpi_parker_put(parker);
		return NULL;
	}
	tpi_thread_self.parker = parker;
	return parker;
}
