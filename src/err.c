/* SPDX-License-Identifier: MIT */
/*
 * err.c - the texts of the library's errors, the calling thread's detail, and
 * cutting messages without breaking a UTF-8 character.
 */
#include "config.h"

#include "err.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char detail[TPI_DETAIL_MAX];

const char *
tpar_strerror(enum tpar_err err)
{
	switch (err) {
#define TPI_ERR_CASE(name, value, text)                                        \
	case TPAR_##name:                                                      \
		return text;
		TPAR_ERR_MAP(TPI_ERR_CASE)
#undef TPI_ERR_CASE
	}
	return "unknown error";
}

const char *
tpar_error_detail(void)
{
	return detail;
}

const char *
tpar_version(void)
{
	return PACKAGE_VERSION;
}

/* Drops a character that was cut at the end of a full buffer. */
static void
trim_partial_character(char *text, size_t length)
{
	size_t start = length;
	size_t need;
	unsigned char lead;

	while (start > 0 && length - start < 3 &&
	       ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
		start--;
	}
	if (start == 0) {
		return;
	}
	lead = (unsigned char)text[start - 1];
	need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (need > 1 && length - (start - 1) < need) {
		text[start - 1] = '\0';
	}
}

void
tpi_format(char *to, size_t size, const char *fmt, va_list args)
{
	int length = vsnprintf(to, size, fmt, args);

	if (length < 0) {
		to[0] = '\0';
	} else if ((size_t)length >= size) {
		trim_partial_character(to, size - 1);
	}
}

void
tpi_copy_text(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length < size) {
		memcpy(to, from, length + 1);
		return;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = '\0';
	trim_partial_character(to, size - 1);
}

void
tpi_err_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tpi_format(detail, sizeof detail, fmt, args);
	va_end(args);
}

enum tpar_err
tpar_error_set(enum tpar_err err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tpi_format(detail, sizeof detail, fmt, args);
	va_end(args);
	return err;
}

void
tpi_err_say_plain(enum tpar_err err)
{
	tpi_copy_text(detail, sizeof detail, tpar_strerror(err));
}
