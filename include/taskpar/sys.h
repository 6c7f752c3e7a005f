/* SPDX-License-Identifier: MIT */
/*
 * sys.h - tests under schedules that a seed chooses and that can be replayed.
 *
 * It is of libtaskpar-sys, which a test is linked with instead of libtaskpar:
 * the same library, built with points before each step that another thread can
 * see.  In a run, one thread of the test goes on at a time, and at each point the
 * seed says which.  So a seed is a schedule: it finds what it found again.  A test
 * in which nobody can go on any more, or that goes on for ever, ends at once and
 * says who waits for what.
 *
 *     pkg-config --cflags --libs taskpar-sys
 *     cc -include taskpar/sys-pthread.h ...
 *
 * The second has the program's own locks, threads, clocks and atomics be part of
 * it, see there.  taskpar.h does not include this.  doc/SYS.md.
 */
#ifndef TASKPAR_SYS_H
#define TASKPAR_SYS_H

#include <stdbool.h>
#include <taskpar/base.h>

#if defined(__GNUC__)
#define TPAR_SYS_NORETURN_ __attribute__((noreturn))
#else
#define TPAR_SYS_NORETURN_
#endif

enum {
	TPAR_SYS_EARLY = 1,    /* timeouts may come before others are through */
	TPAR_SYS_SPURIOUS = 2, /* condition variables wake for nothing, too */
	TPAR_SYS_KEEP_GOING = 4, /* after a seed that fails */
	TPAR_SYS_SILENT = 8	 /* nothing is written to stderr */
};

/* How a run has ended. */
enum tpar_sys_verdict {
	TPAR_SYS_PASSED,
	TPAR_SYS_FAILED,   /* tpar_sys_fail(), or an exit before it returned */
	TPAR_SYS_CRASHED,  /* a signal: assert(), abort(), SIGSEGV */
	TPAR_SYS_DEADLOCK, /* nobody can go on: also a lost wake-up */
	TPAR_SYS_LIVELOCK, /* the limit of steps */
	TPAR_SYS_LATE,	   /* the limit of virtual time */
	TPAR_SYS_HANGS	   /* blocks where the scheduler cannot see it */
};

/*
 * All fields but `size` may stay 0: that means the default.
 *
 * name       in reports, and in the seed file.  No blanks.  NULL: "test".
 * first      the first seed; 0: 1.
 * seeds      how many; 0: TASKPAR_SYS_SEEDS, else 1000.
 * steps      of one run, beyond which it is a livelock; 0: 1,000,000.
 * time_ns    virtual time of one run, beyond which it is late; 0: no limit.  A
 *            test that does not need any timeout to end says TPAR_SECOND: then
 *            a lost wake-up is found even if a timeout repairs it.
 * hang_s     real seconds, after which a run hangs; 0: 60.
 * workers    of the default pool, and of pools with 0; 0: 2.
 * flags      TPAR_SYS_...
 * seed_file  lines "name seed"; those of this name are run first, and a seed that
 *            fails is added.  NULL: none.
 */
struct tpar_sys_config {
	size_t size;
	const char *name;
	uint64_t first;
	uint64_t seeds;
	uint64_t steps;
	int64_t time_ns;
	unsigned hang_s;
	unsigned workers;
	unsigned flags;
	const char *seed_file;
};

#define TPAR_SYS_CONFIG_INIT                                                   \
	{                                                                      \
		sizeof(struct tpar_sys_config), NULL, 0, 0, 0, 0, 0, 0, 0,     \
			NULL                                                   \
	}

/*
 * What became of all runs.  seed, verdict, what, trace and replays are those of
 * the first one that failed, else of the last one.
 */
struct tpar_sys_report {
	uint64_t runs;
	uint64_t failed;
	uint64_t steps;	   /* of all runs */
	uint64_t switches; /* likewise */
	uint64_t seed;
	uint64_t trace;	  /* a hash of who went on at which point, in order */
	unsigned replays; /* of two that were the same in all of that */
	enum tpar_sys_verdict verdict;
	char what[256]; /* what happened, in words */
};

/**
 * tpar_sys_run - run a test once for each seed.
 *
 * Each run is a process of its own, forked from the caller's: whatever the test
 * leaves behind, no other run sees it.  It ends when `test` returns; threads that
 * are left then are not looked at.  A run that fails is run twice again, to say
 * that it is the same again and, unless TPAR_SYS_SILENT, what every thread waits
 * for.
 *
 * TASKPAR_SYS_SEED=17 or NAME:17 runs this seed only.  With TASKPAR_SYS_FORK=0 it
 * does so in the calling process, for a debugger, and aborts where it fails; with
 * TASKPAR_SYS_TRACE=1 it writes each switch to stderr.  TASKPAR_SYS_SEEDS is the
 * number of seeds, also if the config says one.
 *
 * Shapes:  config NULL: all defaults.  report may be NULL.
 * Threads: one that is alone in its process; not in a run.
 * Errors:  TPAR_EFAILED: a seed failed.  TPAR_EINVAL: what is wrong with the config
 *          or the environment.  TPAR_ENOMEM, TPAR_EAGAIN: a process could not be
 *          made.  TPAR_EBUSY: in a run.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_sys_run(const struct tpar_sys_config *config, void (*test)(void *arg),
	     void *arg, struct tpar_sys_report *report);

/**
 * tpar_sys_fail - end the run: the test has failed.
 *
 * Any other end will do as well: assert(), abort(), exit().  Outside of a run it
 * writes the text to stderr and aborts.
 *
 * Shapes:  fmt and its arguments as for printf.
 * Threads: any of the run.
 * Since:   0.1
 */
TPAR_API TPAR_SYS_NORETURN_ void tpar_sys_fail(const char *fmt, ...)
	TPAR_PRINTF(1, 2);

/* The run fails unless cond is true. */
#define TPAR_SYS_CHECK(cond)                                                   \
	((cond) ? (void)0 : tpar_sys_fail("%s: not true: %s", TPAR_SITE, #cond))

/**
 * tpar_sys_choose - a number below n, which the seed chooses.
 *
 * Returns: 0 if n is 0, and outside of a run.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API unsigned tpar_sys_choose(unsigned n);

/**
 * tpar_sys_running - is the caller a thread of a run?
 *
 * Threads: any.
 * Since:   0.1
 */
TPAR_API bool tpar_sys_running(void);

/**
 * tpar_sys_thread - the number of the calling thread in its run.
 *
 * The one that calls the test has 0; others are numbered as they are started.
 *
 * Returns: 0 outside of a run.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API unsigned tpar_sys_thread(void);

/**
 * tpar_sys_point - another thread may go on here.
 *
 * For your own steps that others can see: before a plain access to what is shared.
 * sys-pthread.h has one at each lock and each atomic access.
 *
 * Threads: any; outside of a run nothing happens.
 * Since:   0.1
 */
#define tpar_sys_point() tpar_sys_point_at(__FILE__, __LINE__)

/**
 * tpar_sys_yield - another thread goes on here, if there is one that can.
 *
 * In loops that wait for somebody: with points alone such a loop may go on until
 * the limit of steps.
 *
 * Threads: any; outside of a run it is sched_yield().
 * Since:   0.1
 */
#define tpar_sys_yield() tpar_sys_yield_at(__FILE__, __LINE__)

/**
 * tpar_sys_point_at - tpar_sys_point(), from elsewhere.
 * tpar_sys_yield_at - tpar_sys_yield(), from elsewhere.
 * tpar_sys_pause_at - as a yield, but in only one of eight calls: for loops that
 *     wait for a short time.  Outside of a run nothing happens.
 *
 * Shapes:  file is not copied: a string literal.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API void tpar_sys_point_at(const char *file, unsigned line);
TPAR_API void tpar_sys_yield_at(const char *file, unsigned line);
TPAR_API void tpar_sys_pause_at(const char *file, unsigned line);

#endif
