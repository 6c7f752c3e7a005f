/* SPDX-License-Identifier: MIT */
/*
 * 02_gather.c - futures: submit, gather in order; then a set in which one task
 * fails, so that the others are cancelled.
 */
#include <stdio.h>
#include <taskpar.h>

static int
length(void *arg, void *value)
{
	const char *s = arg;

	for (; *s != '\0'; s++)
		++*(size_t *)value; /* it begins as zeros */
	return 0;
}

static int
look_up(void *arg, void *value)
{
	(void)value;
	return tpar_fail(404, "no such host: %s", (const char *)arg);
}

static int
serve_forever(void *arg, void *value)
{
	int rc;

	(void)arg, (void)value;
	while ((rc = tpar_checkpoint()) == 0) /* until asked to stop */
		;
	return rc;
}

/* What the library itself could not do; a task's failure is another matter. */
static int
give_up(enum tpar_err err)
{
	fprintf(stderr, "%s: %s\n", tpar_strerror(err), tpar_error_detail());
	return 1;
}

int
main(void)
{
	char *word[3] = { "values", "in", "order" };
	tpar_future *f[3];
	size_t n[3];
	struct tpar_failure why;
	enum tpar_err err;

	for (int i = 0; i < 3; i++) {
		err = tpar_submit(NULL, length, word[i], sizeof n[0], &f[i]);
		if (err != TPAR_OK)
			return give_up(err);
	}
	if (tpar_gather(f, 3, n, &why) != TPAR_OK) {
		fprintf(stderr, "%s\n", why.message);
		return 1;
	}
	tpar_future_unref_all(f, 3);
	printf("%zu %zu %zu\n", n[0], n[1], n[2]);

	/* The order of the set is that of f, not that of submitting.  On one
	   CPU a task that ran forever would leave no room for the next. */
	if ((err = tpar_submit(NULL, look_up, "nowhere.example", 0, &f[1])) ||
	    (err = tpar_submit(NULL, serve_forever, NULL, 0, &f[0])) ||
	    (err = tpar_submit(NULL, serve_forever, NULL, 0, &f[2])))
		return give_up(err);
	if (tpar_gather(f, 3, NULL, &why) == TPAR_EFAILED)
		printf("task %zu: code %d, %s\n", why.index, why.code,
		       why.message);
	for (int i = 0; i < 3; i++) /* all have ended */
		printf("%s\n", tpar_future_state(f[i]) == TPAR_CANCELLED
				       ? "cancelled"
				       : "failed");
	tpar_future_unref_all(f, 3);
	return 0;
}
