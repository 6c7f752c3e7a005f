/* SPDX-License-Identifier: MIT */
/*
 * die.h - the end, for what cannot happen: a broken invariant, or a pthread
 * call failing that may only fail when memory is corrupt.
 */
#ifndef TPI_DIE_H
#define TPI_DIE_H

#include <taskpar/base.h>

_Noreturn void tpi_die(const char *file, int line, const char *what);

/* The program has broken a rule that cannot be answered by an error. */
_Noreturn void tpi_die_misuse(const char *fmt, ...) TPAR_PRINTF(1, 2);

/* Always on. */
#define TPI_CHECK(cond) ((cond) ? (void)0 : tpi_die(__FILE__, __LINE__, #cond))

/* Debug builds only (configure --enable-debug). */
#ifdef TPI_DEBUG
#define TPI_ASSERT(cond) TPI_CHECK(cond)
#else
#define TPI_ASSERT(cond) ((void)0)
#endif

#endif
