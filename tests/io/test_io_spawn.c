/* SPDX-License-Identifier: MIT */
/*
 * test_io_spawn.c - processes that are spawned, their output and their end.
 */
#include "io.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static tpar_future *
spawn_with(const struct tpar_io_spawn *spawn)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_spawn(spawn, &f) == TPAR_OK);
	return f;
}

/* A shell that runs `script`. */
static tpar_future *
shell_with(struct tpar_io_spawn spawn, const char *script)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	spawn.argv = argv;
	return spawn_with(&spawn);
}

static tpar_future *
shell(const char *script)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;

	return shell_with(spawn, script);
}

/* Done; the value stays the future's. */
static const struct tpar_io_exit *
expect_exit(tpar_future *f, int code, const char *output, const char *errors)
{
	const struct tpar_io_exit *exit;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	exit = tpar_future_value(f);
	ck_assert_int_eq(exit->code, code);
	ck_assert_str_eq(exit->output != NULL ? exit->output : "", output);
	ck_assert_uint_eq(exit->output_size, strlen(output));
	ck_assert_str_eq(exit->errors != NULL ? exit->errors : "", errors);
	ck_assert_uint_eq(exit->errors_size, strlen(errors));
	return exit;
}

/* No child is left, ended or not. */
static void
expect_no_child(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(process_says_how_it_ended_and_what_it_wrote)
{
	tpar_future *f = shell("echo out; echo err >&2; exit 3");
	const struct tpar_io_exit *exit = expect_exit(f, 3, "out\n", "err\n");

	ck_assert_int_eq(exit->signo, 0);
	ck_assert(!exit->truncated);
	tpar_future_unref(f);
	f = shell("");
	(void)expect_exit(f, 0, "", "");
	tpar_future_unref(f);
	expect_no_child();
}
END_TEST

START_TEST(process_reads_its_input)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	static char much[300000];
	tpar_future *f;

	spawn.input = "one\ntwo\n";
	spawn.input_size = 8;
	f = shell_with(spawn, "cat");
	(void)expect_exit(f, 0, "one\ntwo\n", "");
	tpar_future_unref(f);
	/* None is /dev/null. */
	f = shell("cat");
	(void)expect_exit(f, 0, "", "");
	tpar_future_unref(f);
	/* More than a pipe holds, in both directions. */
	memset(much, 'x', sizeof much - 1);
	spawn.input = much;
	spawn.input_size = sizeof much - 1;
	f = shell_with(spawn, "cat");
	(void)expect_exit(f, 0, much, "");
	tpar_future_unref(f);
	/* One that does not read it. */
	f = shell_with(spawn, "exit 4");
	(void)expect_exit(f, 4, "", "");
	tpar_future_unref(f);
	expect_no_child();
}
END_TEST

START_TEST(environment_and_directory_are_what_was_said)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	const char *env[] = { "A=1", NULL };
	tpar_future *f;

	spawn.env = env;
	spawn.cwd = "/";
	f = shell_with(spawn, "echo $A $HOME; pwd");
	(void)expect_exit(f, 0, "1\n/\n", "");
	tpar_future_unref(f);
	UNIT_MUST(setenv("TPAR_IO_TEST", "here", 1) == 0);
	f = shell("echo $TPAR_IO_TEST");
	(void)expect_exit(f, 0, "here\n", "");
	tpar_future_unref(f);
}
END_TEST

START_TEST(output_beyond_the_limit_is_thrown_away)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	const struct tpar_io_exit *exit;
	tpar_future *f;

	spawn.capture_limit = 5;
	f = shell_with(spawn, "echo 123456789; head -c 500000 /dev/zero >&2");
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	exit = tpar_future_value(f);
	ck_assert_int_eq(exit->code, 0);
	ck_assert_str_eq(exit->output, "12345");
	ck_assert_uint_eq(exit->errors_size, 5);
	ck_assert(exit->truncated);
	tpar_future_unref(f);
	f = shell_with(spawn, "echo 1234");
	ck_assert(!expect_exit(f, 0, "1234\n", "")->truncated);
	tpar_future_unref(f);
}
END_TEST

START_TEST(process_that_dies_by_a_signal_says_which)
{
	tpar_future *f = shell("kill -9 $$");

	ck_assert_int_eq(expect_exit(f, -1, "", "")->signo, SIGKILL);
	tpar_future_unref(f);
	/* None is ignored in it, whatever is here. */
	UNIT_MUST(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	f = shell("kill -PIPE $$");
	ck_assert_int_eq(expect_exit(f, -1, "", "")->signo, SIGPIPE);
	tpar_future_unref(f);
}
END_TEST

START_TEST(process_that_was_left_behind_is_not_waited_for)
{
	tpar_future *f = shell("sleep 1000 & echo $!");
	const struct tpar_io_exit *exit;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	exit = tpar_future_value(f);
	ck_assert_int_eq(exit->code, 0);
	UNIT_MUST(kill((pid_t)strtol(exit->output, NULL, 10), SIGKILL) == 0);
	tpar_future_unref(f);
}
END_TEST

START_TEST(many_processes_are_gathered_with_tasks)
{
	enum { N = 20 };
	tpar_future *f[N];
	int i;

	for (i = 0; i < N; i++) {
		char script[40];

		snprintf(script, sizeof script, "exit %d", i);
		f[i] = shell(script);
	}
	ck_assert_int_eq(tpar_gather_settled(f, N, NULL, NULL), TPAR_OK);
	for (i = 0; i < N; i++) {
		(void)expect_exit(f[i], i, "", "");
	}
	tpar_future_unref_all(f, N);
	expect_no_child();
}
END_TEST

/* ---- What is wrong ------------------------------------------------------- */

START_TEST(arguments_that_are_wrong_are_refused)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	const char *argv[] = { "true", NULL };
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_io_spawn(NULL, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_spawn(&spawn, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "spawn.argv[0] is NULL");
	spawn.argv = argv;
	ck_assert_int_eq(tpar_io_spawn(&spawn, NULL), TPAR_EINVAL);
	spawn.size--;
	ck_assert_int_eq(tpar_io_spawn(&spawn, &f), TPAR_EINVAL);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "spawn.size"));
	spawn.size++;
	spawn.input_size = 1;
	ck_assert_int_eq(tpar_io_spawn(&spawn, &f), TPAR_EINVAL);
	spawn.input_size = 0;
	spawn.grace_ns = -1;
	ck_assert_int_eq(tpar_io_spawn(&spawn, &f), TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(program_that_there_is_not_fails)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	const char *argv[] = { "/no/such/program", NULL };
	int before = io_open_fds();
	tpar_future *f;

	spawn.argv = argv;
	/* There posix_spawn() does not learn of it. */
	if (unit_is_valgrind() || UNIT_QEMU) {
		f = spawn_with(&spawn);
		(void)expect_exit(f, 127, "", "");
		tpar_future_unref(f);
		return;
	}
	io_expect_failure(spawn_with(&spawn), ENOENT,
			  "spawning /no/such/program: No such file or "
			  "directory");
	argv[0] = "true";
	spawn.cwd = "/no/such/directory";
	io_expect_failure(spawn_with(&spawn), ENOENT,
			  "spawning true: No such file or directory");
	ck_assert_int_eq(io_open_fds(), before);
	expect_no_child();
}
END_TEST

/* However many there are, until it works; what was opened is closed again. */
START_TEST(no_descriptor_is_left)
{
	struct rlimit limit;
	struct rlimit none;
	tpar_future *f = NULL;
	int failures = 0;
	int before;
	rlim_t n;

	/* The library has its own by then. */
	UNIT_MUST(tpar_io_timer(TPAR_NOW, &f) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	before = io_open_fds();
	for (n = 3;; n++) {
		none.rlim_cur = n;
		UNIT_MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
		f = shell("echo here");
		(void)tpar_future_wait(f, TPAR_FOREVER);
		UNIT_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		if (tpar_future_state(f) == TPAR_DONE) {
			break;
		}
		ck_assert_int_eq(tpar_future_code(f), EMFILE);
		failures++;
		tpar_future_unref(f);
		ck_assert_int_eq(io_open_fds(), before);
		expect_no_child();
	}
	ck_assert_int_ge(failures, 4);
	tpar_future_unref(f);
}
END_TEST

/* ---- Cancelling ---------------------------------------------------------- */

static void
await_output(const char *path)
{
	UNIT_AWAIT(access(path, F_OK) == 0);
	UNIT_MUST(unlink(path) == 0);
}

START_TEST(process_is_asked_to_end)
{
	tpar_future *f = shell("exec sleep 1000");

	ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	expect_no_child();
}
END_TEST

START_TEST(process_that_does_not_listen_is_killed)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	char path[64];
	char script[200];
	tpar_future *f;

	snprintf(path, sizeof path, "/tmp/tpar-io-spawn-%ld", (long)getpid());
	snprintf(script, sizeof script,
		 "trap '' TERM; : > %s; while :; do sleep 0.01; done", path);
	spawn.grace_ns = 10 * TPAR_MILLISECOND;
	f = shell_with(spawn, script);
	await_output(path);
	ck_assert_int_eq(tpar_future_cancel_at(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	expect_no_child();
}
END_TEST

START_TEST(process_may_clean_up_when_it_is_asked_to_end)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	char path[64];
	char script[300];
	tpar_future *f;

	snprintf(path, sizeof path, "/tmp/tpar-io-clean-%ld", (long)getpid());
	snprintf(script, sizeof script,
		 "trap 'echo > %s.end; exit 0' TERM; : > %s; "
		 "while :; do sleep 0.01; done",
		 path, path);
	spawn.grace_ns = 1000 * TPAR_SECOND;
	f = shell_with(spawn, script);
	await_output(path);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	snprintf(script, sizeof script, "%s.end", path);
	ck_assert_int_eq(unlink(script), 0);
	expect_no_child();
}
END_TEST

START_TEST(failure_of_a_task_ends_processes)
{
	tpar_future *f[3] = { shell("exec sleep 1000"), NULL,
			      shell("exec sleep 1000") };

	f[1] = unit_submit(NULL, scene_fail_with, (void *)(intptr_t)9,
			   sizeof(struct tpar_io_exit));
	ck_assert_int_eq(tpar_gather(f, 3, NULL, NULL), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	tpar_future_unref_all(f, 3);
	expect_no_child();
}
END_TEST

START_TEST(shutdown_kills)
{
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	char path[64];
	char script[200];
	tpar_future *f;

	snprintf(path, sizeof path, "/tmp/tpar-io-shut-%ld", (long)getpid());
	snprintf(script, sizeof script,
		 "trap '' TERM; : > %s; while :; do sleep 0.01; done", path);
	spawn.grace_ns = 1000 * TPAR_SECOND;
	f = shell_with(spawn, script);
	await_output(path);
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	tpar_future_unref(f);
	expect_no_child();
}
END_TEST

/* It may be gone before the call has returned. */
START_TEST(process_whose_end_is_ignored_has_no_status)
{
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);
	tpar_future *f;
	int i;

	for (i = 0; i < unit_scaled(50); i++) {
		io_expect_failure(shell("exit 0"), ECHILD,
				  "spawning /bin/sh: No child processes");
	}
	/* One that is asked to end is cancelled all the same. */
	f = shell("exec sleep 1000");
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	UNIT_MUST(signal(SIGCHLD, before) == SIG_IGN);
}
END_TEST

START_TEST(somebody_else_waits_for_the_process)
{
	tpar_future *f = NULL;
	char path[64];
	char script[200];
	int status = 0;

	snprintf(path, sizeof path, "/tmp/tpar-io-else-%ld", (long)getpid());
	snprintf(script, sizeof script, "read x < %s; exit 5", path);
	UNIT_MUST(mkfifo(path, 0600) == 0);
	f = shell(script);
	UNIT_MUST(close(open(path, O_WRONLY)) == 0);
	if (waitpid(-1, &status, 0) < 0) {
		(void)expect_exit(f, 5, "", ""); /* too late */
		tpar_future_unref(f);
	} else {
		io_expect_failure(f, ECHILD,
				  "spawning /bin/sh: No child processes");
	}
	UNIT_MUST(unlink(path) == 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		process_whose_end_is_ignored_has_no_status,
		process_says_how_it_ended_and_what_it_wrote,
		process_reads_its_input,
		environment_and_directory_are_what_was_said,
		output_beyond_the_limit_is_thrown_away,
		process_that_dies_by_a_signal_says_which,
		process_that_was_left_behind_is_not_waited_for,
		many_processes_are_gathered_with_tasks,
		arguments_that_are_wrong_are_refused,
		program_that_there_is_not_fails,
		no_descriptor_is_left,
		process_is_asked_to_end,
		process_that_does_not_listen_is_killed,
		process_may_clean_up_when_it_is_asked_to_end,
		failure_of_a_task_ends_processes,
		shutdown_kills,
		somebody_else_waits_for_the_process,
	};

	return io_main("io_spawn", tests, sizeof tests / sizeof tests[0]);
}
