/* SPDX-License-Identifier: MIT */
/*
 * consumer.c - a user's program, in C and C++ alike; compiled against what was
 * installed.
 */
#include <stdio.h>
#include <string.h>
#include <taskpar.h>

static int
square(void *arg, void *value)
{
	long x = *(long *)arg;

	*(long *)value = x * x;
	return 0;
}

int
main(void)
{
	long in[4] = { 1, 2, 3, 4 };
	long out[4] = { 0, 0, 0, 0 };
	struct tpar_failure why;
	char version[32];

	snprintf(version, sizeof version, "%d.%d.%d", TPAR_VERSION_MAJOR,
		 TPAR_VERSION_MINOR, TPAR_VERSION_PATCH);
	if (strcmp(version, tpar_version()) != 0) {
		return 1;
	}
	if (tpar_map(NULL, square, in, sizeof in[0], out, sizeof out[0], 4,
		     &why) != TPAR_OK) {
		return 2;
	}
	printf("%s %ld %ld %ld %ld\n", version, out[0], out[1], out[2], out[3]);
	return 0;
}
