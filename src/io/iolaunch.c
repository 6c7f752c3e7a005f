/* SPDX-License-Identifier: MIT */
/*
 * iolaunch.c - what is to be spawned, pipes, and posix_spawn().
 */
#include "config.h"

#include "iochild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* The ends of three pipes: [i][0] ours, [i][1] of the process. */
struct pipes {
	int end[3][2];
};

static void
close_theirs(const struct pipes *pipes)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (pipes->end[i][1] >= 0) {
			(void)close(pipes->end[i][1]);
		}
	}
}

/* Above those that the process has from the beginning.  -1: there is none. */
static int
lift(int fd)
{
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int error = errno;

	(void)close(fd);
	errno = error;
	return lifted;
}

/* `input`: our end is the one that is written to. */
static int
open_pipe(struct pipes *pipes, int i, bool input)
{
	int made[2];

	if (pipe2(made, O_CLOEXEC) != 0) {
		return errno;
	}
	pipes->end[i][0] = lift(made[input]);
	if (pipes->end[i][0] < 0) {
		int error = errno;

		(void)close(made[!input]);
		return error;
	}
	pipes->end[i][1] = lift(made[!input]);
	if (pipes->end[i][1] < 0 ||
	    fcntl(pipes->end[i][0], F_SETFL, O_NONBLOCK) != 0) {
		return errno;
	}
	return 0;
}

static int
add_files(posix_spawn_file_actions_t *files, const struct pipes *pipes,
	  const char *cwd)
{
	int rc = 0;
	int i;

	if (pipes->end[0][1] < 0) {
		rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null",
						      O_RDONLY, 0);
	}
	for (i = 0; i < 3 && rc == 0; i++) {
		if (pipes->end[i][1] >= 0) {
			rc = posix_spawn_file_actions_adddup2(
				files, pipes->end[i][1], i);
		}
	}
	if (cwd != NULL && rc == 0) {
		rc = posix_spawn_file_actions_addchdir_np(files, cwd);
	}
	return rc;
}

/* No signal is blocked or ignored in it, whatever is here. */
static int
add_signals(posix_spawnattr_t *attributes)
{
	sigset_t set;
	int rc;

	(void)sigemptyset(&set);
	rc = posix_spawnattr_setsigmask(attributes, &set);
	if (rc == 0) {
		(void)sigfillset(&set);
		rc = posix_spawnattr_setsigdefault(attributes, &set);
	}
	if (rc == 0) {
		rc = posix_spawnattr_setflags(attributes,
					      POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	}
	return rc;
}

/* posix_spawn() does not change the words, whatever its parameters say. */
static int
spawn_it(const struct tpar_io_spawn *spawn, const struct pipes *pipes,
	 pid_t *pid)
{
	char *const *argv = (char *const *)(uintptr_t)spawn->argv;
	char *const *env = (char *const *)(uintptr_t)spawn->env;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0) {
		return rc;
	}
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		rc = add_files(&files, pipes, spawn->cwd);
		if (rc == 0) {
			rc = add_signals(&attributes);
		}
		if (rc == 0) {
			rc = posix_spawnp(pid, argv[0], &files, &attributes,
					  argv, env != NULL ? env : environ);
		}
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return rc;
}

int
tpi_iochild_launch(const struct tpar_io_spawn *spawn, int fds[3], pid_t *pid)
{
	struct pipes pipes = { { { -1, -1 }, { -1, -1 }, { -1, -1 } } };
	int rc = 0;
	int i;

	for (i = 0; i < 3 && rc == 0; i++) {
		if (i > 0 || spawn->input_size > 0) {
			rc = open_pipe(&pipes, i, i == 0);
		}
	}
	if (rc == 0) {
		rc = spawn_it(spawn, &pipes, pid);
	}
	close_theirs(&pipes);
	for (i = 0; i < 3; i++) {
		fds[i] = pipes.end[i][0];
	}
	return rc;
}

enum tpar_err
tpi_iochild_check(const struct tpar_io_spawn *spawn, tpar_future **f)
{
	if (spawn == NULL || f == NULL) {
		return tpi_io_is_null(spawn == NULL ? "spawn" : "f");
	}
	if (spawn->size != sizeof *spawn) {
		return tpar_error_set(TPAR_EINVAL,
				      "spawn.size is %zu, not %zu: begin with "
				      "TPAR_IO_SPAWN_INIT",
				      spawn->size, sizeof *spawn);
	}
	if (spawn->argv == NULL || spawn->argv[0] == NULL) {
		return tpi_io_is_null("spawn.argv[0]");
	}
	if (spawn->input == NULL && spawn->input_size > 0) {
		return tpi_io_is_null("spawn.input");
	}
	if (spawn->grace_ns < 0 || spawn->capture_limit >= SIZE_MAX / 2) {
		return tpar_error_set(TPAR_EINVAL,
				      "spawn.grace_ns or spawn.capture_limit "
				      "is out of range");
	}
	return TPAR_OK;
}
