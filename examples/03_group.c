/* SPDX-License-Identifier: MIT */
/*
 * 03_group.c - a group: tasks that submit more tasks, and one call that waits
 * for all of them.  Here: the sum of a tree's nodes.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <taskpar.h>

static tpar_group *group;
static _Atomic long sum;

/* Node n has the children 2n and 2n + 1. */
static int
visit(void *arg, void *value)
{
	long n = (long)arg;
	int rc = 0;

	(void)value;
	atomic_fetch_add(&sum, n);
	if (n < 512) {
		rc = tpar_group_run(group, visit, (void *)(2 * n));
		if (rc == 0)
			rc = tpar_group_run(group, visit, (void *)(2 * n + 1));
	}
	return rc; /* a failure cancels all others */
}

int
main(void)
{
	struct tpar_failure why;
	enum tpar_err err;

	if ((err = tpar_group_open(&group, NULL)) != TPAR_OK ||
	    (err = tpar_group_run(group, visit, (void *)1L)) != TPAR_OK) {
		fprintf(stderr, "%s\n", tpar_strerror(err));
		return 1;
	}
	err = tpar_group_close(group, &why, 1, NULL); /* all have ended */
	tpar_group_destroy(group);
	if (err != TPAR_OK) {
		fprintf(stderr, "%s\n", tpar_strerror(err));
		return 1;
	}
	printf("the nodes 1 to 1023 add up to %ld\n", atomic_load(&sum));
	return 0;
}
