/* SPDX-License-Identifier: MIT */
/*
 * point.h - the steps that other threads can see, for whoever wants to choose
 * what happens between them.
 *
 * There is a point before each atomic access (atomics.h) and at each lock
 * (lock.c).  In the library they are empty.  With TPI_POINTS they are calls:
 * chaos.c sleeps at some of them, by a seed.  With TPI_SYS, too, they are those of
 * the replayable scheduler, which lets another thread go on.  See
 * doc/RELIABILITY.md.
 */
#ifndef TPI_POINT_H
#define TPI_POINT_H

#ifdef TPI_SYS

#include <taskpar/sys.h>

#define tpi_point() tpar_sys_point()
#define tpi_cpu_pause() tpar_sys_pause_at(__FILE__, __LINE__)
#define tpi_yield() tpar_sys_yield()

#elif defined(TPI_POINTS)

/* Before a step that other threads can see. */
void tpi_point(void);

/* In a loop that waits for another thread: briefly, or for longer. */
void tpi_cpu_pause(void);
void tpi_yield(void);

#else

#ifdef TPI_MODEL
#define sched_yield() ((void)0)
#else
#include <sched.h>
#endif

static inline void
tpi_point(void)
{
}

/* Tells the processor that this is a waiting loop. */
static inline void
tpi_cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void
tpi_yield(void)
{
	sched_yield();
}

#endif

#endif
