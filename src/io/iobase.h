/* SPDX-License-Identifier: MIT */
/*
 * iobase.h - what every private file of libtaskpar-io needs.
 */
#ifndef TPI_IOBASE_H
#define TPI_IOBASE_H

#include <taskpar/io.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPI_IO_CONTAINER(ptr, type, member)                                    \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Room for the words of an errno value. */
#define TPI_IO_WORDS 128

/* What errno value `error` means; in `text`, or a literal. */
const char *tpi_io_words(int error, char text[TPI_IO_WORDS]);

/* Return TPAR_EINVAL, TPAR_ENOMEM, with their details. */
enum tpar_err tpi_io_is_null(const char *what);
enum tpar_err tpi_io_no_memory(void);

/* A tpar_drop_fn for a value that is a descriptor. */
void tpi_io_close_value(void *value);

#endif
