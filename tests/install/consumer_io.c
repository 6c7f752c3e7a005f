/* SPDX-License-Identifier: MIT */
/*
 * consumer_io.c - a user's program of libtaskpar-io, in C and C++ alike.
 */
#include <stdio.h>
#include <taskpar.h>
#include <taskpar/io.h>

int
main(void)
{
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		if (tpar_io_timer(tpar_in(TPAR_MILLISECOND), &f[i]) !=
		    TPAR_OK) {
			return 1;
		}
	}
	if (tpar_gather(f, 2, NULL, NULL) != TPAR_OK) {
		return 2;
	}
	tpar_future_unref_all(f, 2);
	printf("%s 1 4 9 16\n", tpar_version());
	return tpar_io_shutdown() == TPAR_OK ? 0 : 3;
}
