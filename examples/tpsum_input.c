/* SPDX-License-Identifier: MIT */
/*
 * tpsum_input.c - reading, and what ends it: Ctrl-C.
 *
 * A flag is enough for whoever is busy.  A thread that waits for a pipe or a
 * terminal to say something waits for a pipe of ours at the same time, which the
 * signal handler makes readable.  The library's threads block all signals, so
 * the handler always runs on the main thread.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_bool stop_flag;
static volatile sig_atomic_t signal_number;
static int stop_pipe[2] = { -1, -1 };

void
stop_now(void)
{
	int saved = errno;

	atomic_store(&stop_flag, true);
	(void)!write(stop_pipe[1], "", 1);
	errno = saved;
}

bool
stopped(void)
{
	return atomic_load_explicit(&stop_flag, memory_order_relaxed);
}

int
stop_signal(void)
{
	return signal_number;
}

static void
on_signal(int number)
{
	signal_number = number;
	stop_now();
}

/* The first signal stops cleanly, the second one kills: SA_RESETHAND. */
void
stop_at_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESETHAND | SA_RESTART };
	struct sigaction old;
	size_t i;

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		return; /* signals kill, as in most programs */
	}
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN) { /* nohup, a shell's "&" */
			sigaction(signals[i], &action, NULL);
		}
	}
}

bool
input_open(struct input *input, const char *name)
{
	struct stat st;

	input->fd = STDIN_FILENO;
	if (strcmp(name, "-") != 0) {
		/* Opening a named pipe does not wait for a writer; we do. */
		input->fd = open(name,
				 O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	if (input->fd < 0) {
		return false;
	}
	input->waits = fstat(input->fd, &st) != 0 || !S_ISREG(st.st_mode);
	if (!input->waits) {
		(void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return true;
}

void
input_close(const struct input *input)
{
	if (input->fd != STDIN_FILENO) {
		close(input->fd);
	}
}

ssize_t
input_read(const struct input *input, void *buffer, size_t size)
{
	struct pollfd either[2] = { { input->fd, POLLIN, 0 },
				    { stop_pipe[0], POLLIN, 0 } };
	ssize_t n;

	do {
		if (input->waits) {
			(void)poll(either, 2, -1);
		}
		if (stopped()) {
			errno = ECANCELED;
			return -1;
		}
		n = read(input->fd, buffer, size);
	} while (n < 0 &&
		 (errno == EINTR || (errno == EAGAIN && input->waits)));
	return n;
}
