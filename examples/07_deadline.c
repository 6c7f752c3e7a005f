/* SPDX-License-Identifier: MIT */
/*
 * 07_deadline.c - deadlines: of a set, and of a task by itself.  Whoever is
 * late is asked to stop, and everybody has ended when the call returns.
 */
#include <stdio.h>
#include <taskpar.h>

static int
answer(void *arg, void *value)
{
	(void)arg;
	*(int *)value = 42;
	return 0;
}

static int
sleep_for_ever(void *arg, void *value)
{
	(void)arg, (void)value;
	return tpar_sleep(TPAR_FOREVER); /* TPAR_ESTOPPED, once asked to stop */
}

int
main(void)
{
	struct tpar_task slow = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f[2];
	enum tpar_err err;

	if (tpar_submit(NULL, answer, NULL, sizeof(int), &f[0]) != TPAR_OK ||
	    tpar_submit(NULL, sleep_for_ever, NULL, sizeof(int), &f[1]) !=
		    TPAR_OK)
		return 1;
	/* A busy machine may not even begin it in time; then it is cancelled,
	   too, and has no value.  Here it is let end. */
	if (tpar_future_wait(f[0], TPAR_FOREVER) != TPAR_OK)
		return 1;

	/* The whole set has 300 ms; what has ended by then has its value. */
	err = tpar_gather_until(f, 2, NULL, tpar_in(300 * TPAR_MILLISECOND),
				&why);
	printf("the set: %s\n", tpar_strerror(err));
	printf("the quick one: %d\n", *(const int *)tpar_future_value(f[0]));
	tpar_future_unref_all(f, 2);

	/* This task has 20 ms, whoever waits for it, or nobody. */
	slow.fn = sleep_for_ever;
	slow.deadline_ns = tpar_in(20 * TPAR_MILLISECOND);
	if (tpar_submit_task(NULL, &slow, &f[0]) != TPAR_OK)
		return 1;
	err = tpar_future_wait(f[0], TPAR_FOREVER);
	printf("the task: %s\n", tpar_strerror(err));
	tpar_future_unref(f[0]);
	return 0;
}
