/* SPDX-License-Identifier: MIT */
/*
 * die.c - prints where an invariant broke and aborts.  The one place where the
 * library writes to stderr unasked: nothing after it can be trusted.
 */
#include "config.h"

#include "die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
tpi_die(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "libtaskpar: %s:%d: broken invariant: %s\n", file,
		      line, what);
	abort();
}

void
tpi_die_misuse(const char *fmt, ...)
{
	va_list args;

	(void)fputs("libtaskpar: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	abort();
}
