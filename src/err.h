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

/* Records the detail for the calling thread and returns `err`. */
enum tpar_err tpi_err(enum tpar_err err, const char *fmt, ...)
	TPAR_PRINTF(2, 3);

/* The same with the error's own words. */
enum tpar_err tpi_err_plain(enum tpar_err err);

/*
 * vsnprintf() that cuts a long text between UTF-8 characters; `to` has `size`
 * bytes, at least 1.
 */
void tpi_format(char *to, size_t size, const char *fmt, va_list args);

/* Copies `from`, cut between UTF-8 characters. */
void tpi_copy_text(char *to, size_t size, const char *from);

#endif
