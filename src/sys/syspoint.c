/* SPDX-License-Identifier: MIT */
/*
 * syspoint.c - points, and what a test asks its run.
 */
#include "config.h"

#include "sysreport.h"
#include "systurn.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A pause lets others go on at one of so many. */
#define PAUSES 8

void
tpar_sys_point_at(const char *file, unsigned line)
{
	if (tpi_sysworld_self != NULL) {
		tpi_systurn_point(file, line);
	}
}

void
tpar_sys_yield_at(const char *file, unsigned line)
{
	if (tpi_sysworld_self != NULL) {
		tpi_systurn_mark(file, line);
		tpi_systurn_yield();
	} else {
		sched_yield();
	}
}

void
tpar_sys_pause_at(const char *file, unsigned line)
{
	if (tpi_sysworld_self == NULL) {
		return;
	}
	tpi_systurn_mark(file, line);
	if (tpi_sysworld_below(tpi_sysworld, PAUSES) == 0) {
		tpi_systurn_yield();
	} else {
		tpi_systurn_round();
	}
}

unsigned
tpar_sys_choose(unsigned n)
{
	return n > 0 && tpi_sysworld_self != NULL
		       ? tpi_sysworld_below(tpi_sysworld, n)
		       : 0;
}

bool
tpar_sys_running(void)
{
	return tpi_sysworld_self != NULL;
}

unsigned
tpar_sys_thread(void)
{
	return tpi_sysworld_self != NULL ? tpi_sysworld_self->number : 0;
}

void
tpar_sys_fail(const char *fmt, ...)
{
	char what[sizeof tpi_sysworld->what];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	if (tpi_sysworld_self != NULL) {
		tpi_sysreport_end(tpi_sysworld, TPAR_SYS_FAILED, "%s", what);
	}
	fprintf(stderr, "taskpar-sys: %s\n", what);
	abort();
}
