/* SPDX-License-Identifier: MIT */
/*
 * fault.h - letting the n-th call that may fail fail, once or from then on, for
 * n = 0, 1, 2 ... until a scenario gets through without a failure.
 *
 * The linker replaces malloc() and so on by the functions here (--wrap), in the
 * library as in the test.  They count the blocks in use, so that each run can
 * be held to leave nothing behind.  The parkers, which the library keeps on
 * purpose, are freed in between: each run begins without any.
 *
 * Included by one source file of each program.  What it replaces is named in
 * FAULT_WRAPS in Makefile.am, too.
 */
#ifndef FAULT_H
#define FAULT_H

#include "unit.h"

#include "src/parker.h"
#include "src/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What may fail. */
enum {
	FAULT_MEMORY = 1,
	FAULT_THREAD = 2, /* starting one */
	FAULT_LOCK = 4,	  /* making what threads sleep on */
	FAULT_SYSTEM = 8, /* asking the system what it has */
	FAULT_ALL = 15
};

/* Seconds for one run. */
#define FAULT_PATIENCE (UNIT_TIMEOUT / 2)

static _Atomic int fault_kinds;	    /* of these; 0: nothing fails now */
static _Atomic long fault_at;	    /* the call that fails */
static _Atomic bool fault_for_ever; /* and all that follow it */
static _Atomic long fault_seen;	    /* calls so far */
static _Atomic long fault_hit;	    /* that failed */
static int fault_wanted;	    /* the kinds of this run */

/* Of all tests of the program; shared with their processes. */
static _Atomic long *fault_total;

static bool
fault_now(int kind)
{
	long at = atomic_load(&fault_at);
	long n;

	if ((atomic_load(&fault_kinds) & kind) == 0) {
		return false;
	}
	n = atomic_fetch_add(&fault_seen, 1);
	if (n != at && !(atomic_load(&fault_for_ever) && n > at)) {
		return false;
	}
	atomic_fetch_add(&fault_hit, 1);
	return true;
}

/* The scenario calls these around what is to fail. */
static inline void
fault_begin(void)
{
	atomic_store(&fault_kinds, fault_wanted);
}

static inline void
fault_end(void)
{
	atomic_store(&fault_kinds, 0);
}

/* Has any call failed so far? */
static inline bool
fault_any(void)
{
	return atomic_load(&fault_hit) > 0;
}

/* ---- Blocks in use ------------------------------------------------------- */

/*
 * By address: what the C library has allocated by itself, as strdup() does, is
 * freed here, too, and does not count.
 */
enum { FAULT_SLOTS = 1 << 14 };

static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;
static void *fault_block[FAULT_SLOTS]; /* [m:fault_lock] */
static long fault_live;		       /* [m:fault_lock] */

/* A slot that was freed stays taken by this, for those behind it. */
static char fault_freed;

static size_t
fault_slot(const void *memory)
{
	return ((uintptr_t)memory >> 4) * 2654435761u % FAULT_SLOTS;
}

static void *
fault_counted(void *memory)
{
	size_t i = fault_slot(memory);

	if (memory == NULL) {
		return NULL;
	}
	UNIT_MUST(pthread_mutex_lock(&fault_lock) == 0);
	while (fault_block[i] != NULL && fault_block[i] != &fault_freed) {
		i = (i + 1) % FAULT_SLOTS;
	}
	fault_block[i] = memory;
	fault_live++;
	UNIT_MUST(fault_live < FAULT_SLOTS / 2);
	UNIT_MUST(pthread_mutex_unlock(&fault_lock) == 0);
	return memory;
}

static void
fault_uncounted(void *memory)
{
	size_t i = fault_slot(memory);
	size_t looked = 0;

	UNIT_MUST(pthread_mutex_lock(&fault_lock) == 0);
	while (fault_block[i] != memory && fault_block[i] != NULL &&
	       looked++ < FAULT_SLOTS) {
		i = (i + 1) % FAULT_SLOTS;
	}
	if (memory != NULL && fault_block[i] == memory) {
		fault_block[i] = &fault_freed;
		fault_live--;
	}
	UNIT_MUST(pthread_mutex_unlock(&fault_lock) == 0);
}

static inline long
fault_in_use(void)
{
	long live;

	UNIT_MUST(pthread_mutex_lock(&fault_lock) == 0);
	live = fault_live;
	UNIT_MUST(pthread_mutex_unlock(&fault_lock) == 0);
	return live;
}

/* ---- What is replaced ---------------------------------------------------- */

/* A function, what may fail with it, and what it returns then. */
#define FAULT_WRAP(type, name, kind, failure, parameters, arguments)           \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		if (fault_now(kind)) {                                         \
			errno = EIO;                                           \
			return (failure);                                      \
		}                                                              \
		return __real_##name arguments;                                \
	}

/* As malloc() does it. */
static bool
fault_memory(void)
{
	bool now = fault_now(FAULT_MEMORY);

	if (now) {
		errno = ENOMEM;
	}
	return now;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *
__wrap_malloc(size_t size)
{
	return fault_memory() ? NULL : fault_counted(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fault_memory() ? NULL : fault_counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *memory, size_t size)
{
	void *grown;

	if (fault_memory()) {
		return NULL;
	}
	fault_uncounted(memory);
	grown = __real_realloc(memory, size);
	UNIT_MUST(grown != NULL);
	return fault_counted(grown);
}

void *
__wrap_aligned_alloc(size_t align, size_t size)
{
	return fault_memory()
		       ? NULL
		       : fault_counted(__real_aligned_alloc(align, size));
}

void
__wrap_free(void *memory)
{
	fault_uncounted(memory);
	__real_free(memory);
}

FAULT_WRAP(char *, strdup, FAULT_MEMORY, NULL, (const char *text), (text))

/* Bytes of mappings: one may be given back in parts. */
static _Atomic long fault_mapped;

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset);
int __real_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size);

void *
__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *memory;

	/* Of slots, and not of the account that debug builds keep. */
	if (size == 2 * TPAR_SLOTS_SIZE && fault_now(FAULT_MEMORY)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	memory = __real_mmap(at, size, prot, flags, fd, offset);
	if (memory != MAP_FAILED) {
		atomic_fetch_add(&fault_mapped, (long)size);
	}
	return memory;
}

int
__wrap_munmap(void *memory, size_t size)
{
	atomic_fetch_sub(&fault_mapped, (long)size);
	return __real_munmap(memory, size);
}

FAULT_WRAP(int, pthread_create, FAULT_THREAD, EAGAIN,
	   (pthread_t * thread, const pthread_attr_t *attr,
	    void *(*main)(void *arg), void *arg),
	   (thread, attr, main, arg))
FAULT_WRAP(int, pthread_attr_init, FAULT_THREAD, ENOMEM,
	   (pthread_attr_t * attr), (attr))
FAULT_WRAP(int, pthread_attr_setstacksize, FAULT_THREAD, EINVAL,
	   (pthread_attr_t * attr, size_t size), (attr, size))
FAULT_WRAP(int, pthread_attr_setguardsize, FAULT_THREAD, EINVAL,
	   (pthread_attr_t * attr, size_t size), (attr, size))

FAULT_WRAP(int, pthread_mutex_init, FAULT_LOCK, ENOMEM,
	   (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr),
	   (mutex, attr))
FAULT_WRAP(int, pthread_cond_init, FAULT_LOCK, ENOMEM,
	   (pthread_cond_t * cond, const pthread_condattr_t *attr),
	   (cond, attr))
FAULT_WRAP(int, pthread_condattr_init, FAULT_LOCK, ENOMEM,
	   (pthread_condattr_t * attr), (attr))
FAULT_WRAP(int, pthread_condattr_setclock, FAULT_LOCK, EINVAL,
	   (pthread_condattr_t * attr, clockid_t clock), (attr, clock))
FAULT_WRAP(int, pthread_key_create, FAULT_LOCK, EAGAIN,
	   (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))
FAULT_WRAP(int, pthread_setspecific, FAULT_LOCK, ENOMEM,
	   (pthread_key_t key, const void *value), (key, value))

FAULT_WRAP(FILE *, fopen, FAULT_SYSTEM, NULL,
	   (const char *path, const char *mode), (path, mode))
FAULT_WRAP(ssize_t, read, FAULT_SYSTEM, -1, (int fd, void *to, size_t size),
	   (fd, to, size))
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

int
__wrap_eventfd(unsigned count, int flags)
{
	if (fault_now(FAULT_SYSTEM)) {
		errno = EMFILE;
		return -1;
	}
	return __real_eventfd(count, flags);
}

FAULT_WRAP(int, sched_getaffinity, FAULT_SYSTEM, -1,
	   (pid_t thread, size_t size, cpu_set_t *mask), (thread, size, mask))
FAULT_WRAP(int, pthread_getattr_np, FAULT_SYSTEM, ENOMEM,
	   (pthread_t thread, pthread_attr_t *attr), (thread, attr))

/* A thread of the test's own: it always starts. */
static inline pthread_t
fault_start(void *(*main)(void *arg), void *arg)
{
	pthread_t thread;

	UNIT_MUST(__real_pthread_create(&thread, NULL, main, arg) == 0);
	return thread;
}

/* ---- Running a scenario -------------------------------------------------- */

/* Says which call failed when something was not as it should be, and ends. */
static _Noreturn void
fault_broken(const char *what)
{
	char text[300];
	int length = snprintf(
		text, sizeof text, "%s when call %ld of kinds %d%s fails\n",
		what, atomic_load(&fault_at), fault_wanted,
		atomic_load(&fault_for_ever) ? " and each one after it" : "");

	if (write(STDERR_FILENO, text, (size_t)length) != length) {
		_exit(EXIT_FAILURE);
	}
	abort();
}

static void
fault_alarm(int signal)
{
	(void)signal;
	fault_broken("a scenario hangs");
}

/* In a scenario, on any thread. */
#define EXPECT(cond)                                                           \
	((cond) ? (void)0                                                      \
		: fault_broken(__FILE__ ":" TPAR_STRINGIFY(                    \
			  __LINE__) ": not true: " #cond))

typedef void (*fault_scenario)(void);

static void *
fault_call(void *arg)
{
	fault_scenario *scenario = arg;

	(*scenario)();
	fault_end();
	return NULL;
}

/* All that used them have ended. */
static void
fault_free_parkers(void)
{
	struct tpi_parker *parker;

	atomic_store(&fault_at, 0);
	atomic_store(&fault_for_ever, true);
	atomic_store(&fault_kinds, FAULT_MEMORY);
	while ((parker = tpi_parker_get()) != NULL) {
		tpi_cond_fini(&parker->cond);
		tpi_lock_fini(&parker->lock);
		free(parker);
	}
	fault_end();
}

/*
 * One run, on a thread that knows nothing of the library yet.  true: a call has
 * failed.
 */
static bool
fault_run(fault_scenario scenario, int kinds, long at, bool for_ever)
{
	long before;
	bool any;
	long left;

	fault_free_parkers();
	before = fault_in_use();
	atomic_store(&fault_at, at);
	atomic_store(&fault_for_ever, for_ever);
	atomic_store(&fault_seen, 0);
	atomic_store(&fault_hit, 0);
	fault_wanted = kinds;
	(void)alarm(FAULT_PATIENCE);
	unit_join(fault_start(fault_call, &scenario));
	(void)alarm(0);
	any = fault_any();
	fault_free_parkers();
	left = fault_in_use() - before;
	atomic_store(&fault_at, at);
	atomic_store(&fault_for_ever, for_ever);
	EXPECT(left == 0);
	return any;
}

/*
 * All n.  How many calls a run makes depends on which thread comes first, so
 * one run without a failure is not the end yet.
 */
static long
fault_sweep_kind(fault_scenario scenario, int kinds, bool for_ever)
{
	long injections = 0;
	int without = 0;
	long n;

	for (n = 0; without < 2; n++) {
		if (fault_run(scenario, kinds, n, for_ever)) {
			injections++;
			without = 0;
		} else {
			without++;
		}
	}
	return injections;
}

/* In all ways.  Returns in how many runs something failed. */
static inline long
fault_sweep_of(fault_scenario scenario, int kinds)
{
	long injections;
	int kind;

	/* The key is made once in a process, or never. */
	UNIT_MUST(tpi_thread_parker() != NULL);
	UNIT_MUST(signal(SIGALRM, fault_alarm) != SIG_ERR);
	injections = fault_sweep_kind(scenario, kinds, false);
	for (kind = FAULT_MEMORY; kind < FAULT_ALL; kind *= 2) {
		injections += fault_sweep_kind(scenario, kind & kinds, true);
	}
	injections += fault_sweep_kind(scenario, kinds, true);
	atomic_fetch_add(fault_total, injections);
	return injections;
}

static inline long
fault_sweep(fault_scenario scenario)
{
	return fault_sweep_of(scenario, FAULT_ALL);
}

/* As unit_main(); fails also with fewer than `least` injections. */
static inline int
fault_main(const char *name, const TTest *const *tests, size_t n, long least)
{
	int status;
	long total;

	fault_total = mmap(NULL, sizeof *fault_total, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	UNIT_MUST(fault_total != MAP_FAILED);
	status = unit_main(name, tests, n);
	total = atomic_load(fault_total);
	printf("# %s: %ld injections\n", name, total);
	return total >= least ? status : EXIT_FAILURE;
}

#endif
