/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_wake.c - a pipe that the main thread sleeps at: transfers that end,
 * Ctrl-C, and input make it go on.  The library's threads block all signals, so
 * the handler always runs on the main thread.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static int wake_pipe[2] = { -1, -1 };
static volatile sig_atomic_t signal_number;

/* A full pipe wakes as well. */
void
wake(void)
{
	int saved = errno;

	(void)!write(wake_pipe[1], "", 1);
	errno = saved;
}

static void
on_signal(int number)
{
	signal_number = number;
	wake();
}

int
wake_signal(void)
{
	return signal_number;
}

/*
 * The first signal stops cleanly, the second one kills: SA_RESETHAND.  A reader
 * who leaves is told by write(), so that temporary files can be removed.
 */
bool
wake_open(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESETHAND | SA_RESTART };
	struct sigaction old;
	size_t i;

	if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		return false;
	}
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN) { /* nohup, a shell's "&" */
			sigaction(signals[i], &action, NULL);
		}
	}
	return true;
}

unsigned
wake_wait(int input, int output, int timeout_ms)
{
	struct pollfd one[3] = { { wake_pipe[0], POLLIN, 0 },
				 { input, POLLIN, 0 },
				 { output, 0, 0 } };
	unsigned what = 0;
	char buffer[64];

	if (poll(one, 3, timeout_ms) <= 0) {
		return 0; /* a signal has written to the pipe */
	}
	while (read(wake_pipe[0], buffer, sizeof buffer) > 0) {
		;
	}
	if (one[1].revents != 0) {
		what |= WAKE_INPUT;
	}
	if (one[2].revents & POLLERR) {
		what |= WAKE_NO_READER;
	}
	return what;
}
