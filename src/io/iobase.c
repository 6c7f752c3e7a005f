/* SPDX-License-Identifier: MIT */
/*
 * iobase.c - words for errors, and a value that is a descriptor.
 */
#include "config.h"

#include "iobase.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* strerror_r() is of one of two kinds. */
static inline const char *
of_posix(int rc, const char *text)
{
	return rc == 0 ? text : "unknown error";
}

static inline const char *
of_gnu(const char *words, const char *text)
{
	(void)text;
	return words;
}

const char *
tpi_io_words(int error, char text[TPI_IO_WORDS])
{
	return _Generic(strerror_r(error, text, TPI_IO_WORDS), int
			: of_posix, char *
			: of_gnu)(strerror_r(error, text, TPI_IO_WORDS), text);
}

enum tpar_err
tpi_io_is_null(const char *what)
{
	return tpar_error_set(TPAR_EINVAL, "%s is NULL", what);
}

enum tpar_err
tpi_io_no_memory(void)
{
	return tpar_error_set(TPAR_ENOMEM, "%s", tpar_strerror(TPAR_ENOMEM));
}

void
tpi_io_close_value(void *value)
{
	(void)close(*(int *)value);
}
