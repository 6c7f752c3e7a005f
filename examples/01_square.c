/* SPDX-License-Identifier: MIT */
/* 01_square.c - the ten-second program: squares of eight numbers, in order. */
#include <stdio.h>
#include <taskpar.h>

static int
square(void *arg, void *value) /* a task: 0 = success */
{
	long x = *(long *)arg;
	*(long *)value = x * x; /* written straight into its place */
	return 0;
}

int
main(void)
{
	long in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, out[8];
	struct tpar_failure why;

	if (tpar_map(NULL, square, in, sizeof in[0], out, sizeof out[0], 8,
		     &why) != TPAR_OK) {
		fprintf(stderr, "%s\n", why.message); /* always filled */
		return 1;
	}
	for (int i = 0; i < 8; i++)
		printf("%ld\n", out[i]); /* in order, whatever finished first */
}
