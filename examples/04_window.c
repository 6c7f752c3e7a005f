/* SPDX-License-Identifier: MIT */
/*
 * 04_window.c - unlimited input through bounded memory: tasks are put into an
 * ordered window and their values taken out in the same order.
 */
#include <stdio.h>
#include <taskpar.h>

static int
collatz(void *arg, void *value)
{
	long n = (long)arg;

	for (; n > 1; n = n % 2 ? 3 * n + 1 : n / 2)
		++*(int *)value; /* it begins as 0 */
	return 0;
}

int
main(void)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	long put = 1, taken = 1, longest = 1, most = 0, n = 100000;
	struct tpar_failure why;
	enum tpar_err err;
	tpar_window *w;
	int steps;

	config.width = 64; /* never more than this many tasks at once */
	config.value_size = task.value_size = sizeof steps;
	if (tpar_window_open(&w, &config) != TPAR_OK)
		return 1;
	task.fn = collatz;
	while (taken <= n) {
		task.arg = (void *)put;
		if (put <= n && tpar_window_put(w, &task, TPAR_NOW) == TPAR_OK)
			put++; /* there was room */
		else if ((err = tpar_window_take(w, &steps, TPAR_FOREVER,
						 &why)) != TPAR_OK)
			break;
		else if (steps > most)
			most = steps, longest = taken++;
		else
			taken++;
	}
	tpar_window_close(w);
	if (taken <= n) {
		fprintf(stderr, "%s\n", why.message);
		return 1;
	}
	printf("the longest way to 1 is from %ld: %ld steps\n", longest, most);
	return 0;
}
