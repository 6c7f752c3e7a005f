/* SPDX-License-Identifier: MIT */
/*
 * sysreport.c - the end of a run in words, on stderr, and only if it was asked
 * for: a program that tests itself wants to know.
 */
#include "config.h"

#include "sysreport.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_EXECINFO_H
#include <execinfo.h>
#define FRAMES_MAX 32
#endif

static const char *const verdicts[] = {
	[TPAR_SYS_PASSED] = "passed",	  [TPAR_SYS_FAILED] = "failed",
	[TPAR_SYS_CRASHED] = "crashed",	  [TPAR_SYS_DEADLOCK] = "deadlock",
	[TPAR_SYS_LIVELOCK] = "livelock", [TPAR_SYS_LATE] = "late",
	[TPAR_SYS_HANGS] = "hangs",
};

static const char *const waits[] = {
	[TPI_SYS_UNUSED] = "is none",
	[TPI_SYS_READY] = "could go on",
	[TPI_SYS_MUTEX] = "waits for a mutex",
	[TPI_SYS_COND] = "waits on a condition variable",
	[TPI_SYS_RWLOCK] = "waits for a read-write lock",
	[TPI_SYS_SEMAPHORE] = "waits on a semaphore",
	[TPI_SYS_JOIN] = "joins",
	[TPI_SYS_SLEEP] = "sleeps",
	[TPI_SYS_DESCRIPTORS] = "waits for descriptors",
	[TPI_SYS_EXITED] = "has ended, and is not joined",
};

static void
write_place(const struct tpi_systhread *t)
{
	unsigned n = t->lasts < TPI_SYS_LAST ? t->lasts : TPI_SYS_LAST;
	unsigned i;

	fprintf(stderr, "    came by, last first:");
	for (i = 1; i <= n; i++) {
		const struct tpi_syssite *site =
			&t->last[(t->lasts - i) % TPI_SYS_LAST];

		fprintf(stderr, " %s:%u", site->file, site->line);
	}
	fputc('\n', stderr);
}

/* Who holds the lock that t waits for. */
static void
write_holders(const struct tpi_sysworld *w, const struct tpi_systhread *t)
{
	unsigned i;
	unsigned k;

	for (i = 0; i < w->slots; i++) {
		const struct tpi_systhread *other = &w->thread[i];

		for (k = 0; k < TPI_SYS_HELD; k++) {
			if (other->wait != TPI_SYS_UNUSED &&
			    other->held[k].lock == t->object) {
				fprintf(stderr,
					", which thread %u has taken "
					"at %s:%u",
					other->number, other->held[k].site.file,
					other->held[k].site.line);
			}
		}
	}
}

static void
write_thread(const struct tpi_sysworld *w, const struct tpi_systhread *t)
{
	fprintf(stderr, "  thread %u%s%s%s %s", t->number,
		t->name[0] != '\0' ? " (" : "", t->name,
		t->name[0] != '\0' ? ")" : "",
		t == w->current && t->wait == TPI_SYS_READY ? "goes on"
							    : waits[t->wait]);
	if (t->wait == TPI_SYS_MUTEX || t->wait == TPI_SYS_RWLOCK) {
		write_holders(w, t);
	} else if (t->wait == TPI_SYS_JOIN) {
		const struct tpi_systhread *other = t->object;

		fprintf(stderr, " thread %u", other->number);
	}
	if (t->wait > TPI_SYS_READY && t->wait < TPI_SYS_EXITED &&
	    t->deadline != 0) {
		fprintf(stderr, ", until %.6f ms",
			(double)(t->deadline - TPI_SYS_BEGIN) * 1e-6);
	}
	fputc('\n', stderr);
	write_place(t);
}

void
tpi_sysreport_write(const struct tpi_sysworld *w)
{
	unsigned i;

	fprintf(stderr,
		"taskpar-sys: %s: seed %llu: %s: %s\n"
		"  after %llu steps, %llu switches, %.6f ms of virtual time\n",
		w->name, (unsigned long long)w->seed, verdicts[w->verdict],
		w->what, (unsigned long long)w->steps,
		(unsigned long long)w->switches,
		(double)(w->now - TPI_SYS_BEGIN) * 1e-6);
	for (i = 0; i < w->slots; i++) {
		if (w->thread[i].wait != TPI_SYS_UNUSED) {
			write_thread(w, &w->thread[i]);
		}
	}
	fflush(stderr);
}

/* ---- Stacks ------------------------------------------------------------------ */

static void
write_stack(const struct tpi_systhread *t)
{
#ifdef HAVE_EXECINFO_H
	void *frame[FRAMES_MAX];
	int n = backtrace(frame, FRAMES_MAX);

	fprintf(stderr, "  stack of thread %u:\n", t->number);
	fflush(stderr);
	backtrace_symbols_fd(frame, n, STDERR_FILENO);
#else
	(void)t;
#endif
}

void
tpi_sysreport_answer(struct tpi_systhread *self)
{
	write_stack(self);
	(void)sem_post(&tpi_sysworld->answered);
}

/* Each thread that sleeps writes its own, one after the other. */
static void
write_stacks(struct tpi_sysworld *w)
{
	struct tpi_systhread *self = tpi_sysworld_self;
	unsigned i;

	for (i = 0; i < w->slots; i++) {
		struct tpi_systhread *t = &w->thread[i];

		if (t == self) {
			write_stack(self);
		} else if (t->wait != TPI_SYS_UNUSED &&
			   t->wait != TPI_SYS_EXITED) {
			(void)sem_post(&t->turn);
			/* ENDS: tpi_sysreport_answer() posts it. */
			while (sem_wait(&w->answered) != 0) {
			}
		}
	}
}

/* ---- The end ----------------------------------------------------------------- */

static _Noreturn void
leave(struct tpi_sysworld *w)
{
	if (w->loud) {
		tpi_sysreport_write(w);
		write_stacks(w);
	}
	if (w->here) {
		abort();
	}
	_exit(0);
}

void
tpi_sysreport_end(struct tpi_sysworld *w, enum tpar_sys_verdict verdict,
		  const char *fmt, ...)
{
	va_list args;

	w->verdict = verdict;
	w->returned = true;
	va_start(args, fmt);
	(void)vsnprintf(w->what, sizeof w->what, fmt, args);
	va_end(args);
	leave(w);
}

void
tpi_sysreport_switch(const struct tpi_sysworld *w,
		     const struct tpi_systhread *from,
		     const struct tpi_systhread *to)
{
	const struct tpi_syssite *site =
		&from->last[(from->lasts - 1) % TPI_SYS_LAST];

	fprintf(stderr, "%8llu %10.6f ms  thread %u at %s:%u -> thread %u\n",
		(unsigned long long)w->steps,
		(double)(w->now - TPI_SYS_BEGIN) * 1e-6, from->number,
		from->lasts > 0 ? site->file : "?",
		from->lasts > 0 ? site->line : 0, to->number);
}
