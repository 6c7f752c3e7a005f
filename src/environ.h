/* SPDX-License-Identifier: MIT */
/*
 * environ.h - what the environment says, and the one parser of numbers in it.
 *
 * A program that runs with more rights than who started it (setuid, setgid,
 * capabilities: the kernel says so in AT_SECURE) must not listen to that one's
 * environment.  Nothing that is read here names a file.
 */
#ifndef TPI_ENVIRON_H
#define TPI_ENVIRON_H

#include <stdbool.h>
#include <stdlib.h>
#ifndef HAVE_SECURE_GETENV
#include <unistd.h>
#endif

/* NULL: it is not set, or is not ours to read. */
static inline const char *
tpi_environ_get(const char *name)
{
#ifdef HAVE_SECURE_GETENV
	return secure_getenv(name);
#else
	return getuid() == geteuid() && getgid() == getegid() ? getenv(name)
							      : NULL;
#endif
}

/* Is `text` digits and nothing else, of a number up to `most`?  Which one. */
static inline bool
tpi_environ_number(const char *text, unsigned most, unsigned *number)
{
	unsigned sum = 0;

	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		unsigned digit;

		if (*text < '0' || *text > '9') {
			return false;
		}
		digit = (unsigned)(*text - '0');
		if (digit > most || sum > (most - digit) / 10) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	*number = sum;
	return true;
}

#endif
