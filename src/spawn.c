/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - starting threads.
 */
#include "config.h"

#include "atomics.h"
#include "die.h"
#include "spawn.h"

#ifdef HAVE_DL_ITERATE_PHDR
#include <link.h>
#endif
#include <signal.h>
#include <stdio.h>

/* What the thread itself needs on top of the stack that was asked for. */
#define STACK_EXTRA ((size_t)32 * 1024)
#define STACK_GUARD ((size_t)64 * 1024)
#define PAGE ((size_t)4096)

#ifdef HAVE_DL_ITERATE_PHDR
static int
add_thread_locals(struct dl_phdr_info *info, size_t size, void *arg)
{
	size_t *sum = arg;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS) {
			*sum += info->dlpi_phdr[i].p_memsz +
				info->dlpi_phdr[i].p_align;
		}
	}
	return 0;
}
#endif

/*
 * What the C library takes from each stack for thread-local variables; with less
 * there is no thread.  Those of what is loaded later come from the heap.
 */
static size_t
thread_locals(void)
{
#ifdef HAVE_DL_ITERATE_PHDR
	static _Atomic size_t known; /* [h] + 1; 0: not yet */
	size_t sum = tpi_load_relaxed(&known);

	if (sum == 0) {
		sum = 1;
		(void)dl_iterate_phdr(add_thread_locals, &sum);
		tpi_store_relaxed(&known, sum);
	}
	return sum - 1;
#else
	return 0;
#endif
}

static int
create(pthread_t *thread, pthread_attr_t *attr, void *(*main)(void *arg),
       void *arg)
{
	sigset_t blocked;
	sigset_t before;
	int rc;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGILL);
	sigdelset(&blocked, SIGTRAP);
	TPI_CHECK(pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0);
	rc = pthread_create(thread, attr, main, arg);
	TPI_CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return rc;
}

int
tpi_spawn(pthread_t *thread, size_t stack_size, void *(*main)(void *arg),
	  void *arg)
{
	size_t size = stack_size + thread_locals() + STACK_EXTRA + STACK_GUARD;
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc != 0) {
		return rc;
	}
	rc = pthread_attr_setstacksize(&attr, (size + PAGE - 1) / PAGE * PAGE);
	if (rc == 0) {
		rc = pthread_attr_setguardsize(&attr, STACK_GUARD);
	}
	if (rc == 0) {
		rc = create(thread, &attr, main, arg);
	}
	pthread_attr_destroy(&attr);
	return rc;
}

char *
tpi_spawn_stack_end(char *here, size_t stack_size)
{
	char *end = here - stack_size;
#ifdef HAVE_PTHREAD_GETATTR_NP
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		if (pthread_attr_getstack(&attr, &low, &size) == 0) {
			end = low;
		}
		pthread_attr_destroy(&attr);
	}
#endif
	return end;
}

void
tpi_spawn_name(const char *name, unsigned index)
{
#ifdef HAVE_PTHREAD_SETNAME_NP
	char full
		[64]; /* Linux allows 15 bytes: the name is cut for the index */
	int digits = snprintf(full, sizeof full, "/%u", index);

	(void)snprintf(full, sizeof full, "%.*s/%u", 15 - digits, name, index);
	(void)pthread_setname_np(pthread_self(), full);
#else
	(void)name;
	(void)index;
#endif
}
