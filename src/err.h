/* SPDX-License-Identifier: MIT */
/*
 * err.h - recording in words what a call of the library has to say about its
 * error, for tpar_error_detail().
 */
#ifndef TPI_ERR_H
#define TPI_ERR_H

#include "base.h"

#include <taskpar/base.h>

#include <stdarg.h>

/* The longest detail; a longer one is cut between characters. */
#define TPI_DETAIL_MAX 1024

/*
 * tpi_err(err, fmt, ...) records the detail for the calling thread and is `err`.
 * Compilers and checkers see that it is, and not TPAR_OK.
 */
#define tpi_err(err, ...) (tpi_err_say(__VA_ARGS__), (err))

void tpi_err_say(const char *fmt, ...) TPAR_PRINTF(1, 2);

void tpi_err_say_plain(enum tpar_err err);

/* The same with the error's own words. */
static inline enum tpar_err
tpi_err_plain(enum tpar_err err)
{
	tpi_err_say_plain(err);
	return err;
}

/*
 * vsnprintf() that cuts a long text between UTF-8 characters; `to` has `size`
 * bytes, at least 1.
 */
void tpi_format(char *to, size_t size, const char *fmt, va_list args);

/* Copies `from`, cut between UTF-8 characters. */
void tpi_copy_text(char *to, size_t size, const char *from);

#endif
