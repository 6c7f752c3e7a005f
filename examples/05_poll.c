/* SPDX-License-Identifier: MIT */
/*
 * 05_poll.c - a future in a poll() loop: its descriptor becomes readable when
 * it has ended.  The other descriptor is a pipe that the task writes to.
 */
#include <poll.h>
#include <stdio.h>
#include <taskpar.h>
#include <unistd.h>

static int
work(void *arg, void *value)
{
	if (write(*(int *)arg, "half way\n", 9) != 9)
		return 1;
	*(int *)value = 42;
	return 0;
}

int
main(void)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	tpar_future *f;
	int ends[2];
	char text[16];
	ssize_t n;

	if (pipe(ends) != 0 ||
	    tpar_submit(NULL, work, &ends[1], sizeof(int), &f) != TPAR_OK ||
	    tpar_future_fd(f, &fds[1].fd) != TPAR_OK)
		return 1;
	fds[0].fd = ends[0];
	/* Who has ended may have written before: the pipe comes first. */
	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0) {
			n = read(ends[0], text, sizeof text);
			printf("%.*s", n > 0 ? (int)n : 0, text);
		} else if (fds[1].revents != 0) { /* it stays readable */
			break;
		}
	}
	if (tpar_future_state(f) == TPAR_DONE)
		printf("the answer is %d\n",
		       *(const int *)tpar_future_value(f));
	tpar_future_unref(f); /* closes its descriptor */
	return 0;
}
