/* SPDX-License-Identifier: MIT */
/*
 * test_audit.c - what a build with --enable-debug says about misuse and leaks;
 * and that a clean program hears nothing, in any build.
 *
 * Each program is the child of a fork that has not used the library before.
 */
#include "config.h"

#include "child.h"
#include "scene.h"

#include "src/future.h"

#include <taskpar/group.h>
#include <taskpar/promise.h>
#include <taskpar/window.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds. */
#define GUARD 60

#define CODE 7

/* How a program ended, and what it said. */
struct report {
	char text[4096];
	bool aborted;
	bool exited; /* with CODE */
};

static void
read_all(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = read(fd, to + n, size - 1 - n)) > 0) {
		n += (size_t)got;
	}
	to[n] = '\0';
}

static struct report
run(void (*program)(void))
{
	struct report report = { "", false, false };
	int ends[2];
	int status;
	pid_t pid;

	UNIT_MUST(pipe(ends) == 0);
	pid = fork();
	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		UNIT_MUST(dup2(ends[1], STDERR_FILENO) >= 0);
		UNIT_MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
		UNIT_MUST(signal(SIGALRM, SIG_DFL) != SIG_ERR);
		UNIT_MUST(signal(SIGABRT, SIG_DFL) != SIG_ERR);
		UNIT_MUST(unsetenv("TASKPAR_AUDIT") == 0);
		(void)alarm(GUARD);
		program();
		exit(CODE);
	}
	UNIT_MUST(close(ends[1]) == 0);
	read_all(ends[0], report.text, sizeof report.text);
	UNIT_MUST(close(ends[0]) == 0);
	UNIT_MUST(waitpid(pid, &status, 0) == pid);
	report.aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
	report.exited = WIFEXITED(status) && WEXITSTATUS(status) == CODE;
	return report;
}

#ifdef TPI_DEBUG

/* What is leaked on purpose: here LeakSanitizer sees it. */
static void *kept[4];

static void
ck_assert_aborts(void (*program)(void), const char *text)
{
	struct report report = run(program);

	ck_assert_str_eq(report.text, text);
	ck_assert(report.aborted);
}

static struct tpar_task
named(const char *name, const char *site)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = unit_number_task;
	task.value_size = sizeof(intptr_t);
	task.name = name;
	task.site = site;
	return task;
}

static tpar_future *
submit_named(tpar_pool *pool, const char *name, const char *site)
{
	struct tpar_task task = named(name, site);

	return unit_submit_task(pool, &task);
}

#endif

static void
use_everything(void)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_task task =
		scene_droppable(unit_number_task, NULL, sizeof(intptr_t));
	tpar_future *f[2] = { unit_submit_task(pool, &task),
			      unit_submit_task(pool, &task) };
	tpar_future *all;
	tpar_promise *p;
	tpar_group *g;
	intptr_t value = 1;

	UNIT_MUST(tpar_gather_async(f, 2, &all) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	UNIT_MUST(tpar_future_wait(all, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(all);
	UNIT_MUST(tpar_promise_create(sizeof value, NULL, &p, &all) == TPAR_OK);
	UNIT_MUST(tpar_promise_set(p, &value) == TPAR_OK);
	tpar_promise_destroy(p);
	UNIT_MUST(tpar_future_take(all, &value) == TPAR_OK);
	tpar_future_unref(all);
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_run(g, scene_return, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	unit_end_default_pool();
}

static void
use_nothing(void)
{
	tpar_pool *pool = unit_pool(1, 1);

	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

/* There is no table to look through when its pool goes, and at its exit. */
START_TEST(program_that_makes_nothing_hears_nothing)
{
	struct report report = run(use_nothing);

	ck_assert_str_eq(report.text, "");
	ck_assert(report.exited);
}
END_TEST

START_TEST(clean_program_hears_nothing)
{
	struct report report = run(use_everything);

	ck_assert_str_eq(report.text, "");
	ck_assert(report.exited);
}
END_TEST

#ifdef TPI_DEBUG

static void
unref_twice(void)
{
	tpar_future *f = submit_named(NULL, "reader", "net.c:12");
	tpar_future *same = f;

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	tpar_future_unref(same);
}

static void
unref_too_often_while_it_runs(void)
{
	static struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_task task = named("reader", "net.c:12");
	tpar_future *f;

	task.fn = unit_hold_task;
	task.arg = &hold;
	f = unit_submit_task(NULL, &task);
	unit_gate_await(&hold.begun, 1);
	tpar_future_unref(tpar_future_ref(f));
	tpar_future_unref(f);
	tpar_future_unref(f);
}

static void
unref_all_twice(void)
{
	tpar_future *f[2];

	f[0] = submit_named(NULL, "reader", "net.c:12");
	f[1] = f[0];
	tpar_future_unref_all(f, 2);
}

START_TEST(handle_released_too_often_is_caught)
{
	ck_assert_aborts(unref_twice,
			 "libtaskpar: tpar_future_unref(): the future of "
			 "'reader' (net.c:12) was released more often than it "
			 "has handles\n");
	ck_assert_aborts(unref_too_often_while_it_runs,
			 "libtaskpar: tpar_future_unref(): the future of "
			 "'reader' (net.c:12) was released more often than it "
			 "has handles\n");
	ck_assert_aborts(unref_all_twice,
			 "libtaskpar: tpar_future_unref_all(): the future of "
			 "'reader' (net.c:12) was released more often than it "
			 "has handles\n");
}
END_TEST

static tpar_future *
freed(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = submit_named(pool, "writer", "disk.c:7");

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER) ==
		  TPAR_OK);
	tpar_future_unref(f);
	return f;
}

/* Each of these is given a future that was freed. */
#define USES(X)                                                                \
	X(wait, (void)tpar_future_wait(freed(), TPAR_FOREVER))                 \
	X(state, (void)tpar_future_state(freed()))                             \
	X(value, (void)tpar_future_value(freed()))                             \
	X(code, (void)tpar_future_code(freed()))                               \
	X(message, (void)tpar_future_message(freed()))                         \
	X(cancel, (void)tpar_future_cancel(freed()))                           \
	X(cancel_at, (void)tpar_future_cancel_at(freed(), TPAR_FOREVER))       \
	X(shield, (void)tpar_future_shield(freed()))                           \
	X(take, UNIT_MUST(tpar_future_take(freed(), kept) == TPAR_OK))         \
	X(ref, (void)tpar_future_ref(freed()))                                 \
	X(on_done, (void)tpar_future_on_done(freed(), NULL, NULL))             \
	X(fd, (void)tpar_future_fd(freed(), NULL))

#define DEFINE(name, statement)                                                \
	static void name##_freed(void)                                         \
	{                                                                      \
		statement;                                                     \
	}
USES(DEFINE)

#define ENTRY(name, statement) { name##_freed, #name },
static const struct {
	void (*program)(void);
	const char *call;
} uses[] = { USES(ENTRY) };

START_TEST(call_with_a_freed_future_is_caught)
{
	char text[256];
	size_t i;

	for (i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		snprintf(text, sizeof text,
			 "libtaskpar: tpar_future_%s(): the future of "
			 "'writer' (disk.c:7) was used after it was freed\n",
			 uses[i].call);
		ck_assert_aborts(uses[i].program, text);
	}
}
END_TEST

static void
gather_freed(void)
{
	tpar_future *f[2] = { submit_named(NULL, "one", "a.c:1"), freed() };

	(void)tpar_gather(f, 2, NULL, NULL);
}

static void
stream_freed(void)
{
	tpar_future *f = freed();
	tpar_stream *s;

	(void)!tpar_as_completed(&f, 1, &s);
}

START_TEST(set_with_a_freed_member_is_caught)
{
	ck_assert_aborts(gather_freed, "libtaskpar: f[1] of a set: the future "
				       "of 'writer' (disk.c:7) was used after "
				       "it was freed\n");
	ck_assert_aborts(stream_freed, "libtaskpar: f[0] of a set: the future "
				       "of 'writer' (disk.c:7) was used after "
				       "it was freed\n");
}
END_TEST

static void
wait_without_handle(void)
{
	static struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_future *f = unit_submit(NULL, unit_hold_task, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	tpar_future_unref(f);
	(void)tpar_future_wait(f, TPAR_FOREVER);
}

START_TEST(use_after_the_last_handle_is_caught_also_while_it_runs)
{
	struct report report = run(wait_without_handle);

	ck_assert(report.aborted);
	ck_assert(strstr(report.text, "tpar_future_wait(): the future of ") !=
		  NULL);
	ck_assert(strstr(report.text, " was used after its last handle was "
				      "released\n") != NULL);
}
END_TEST

static void
wait_for_something(void)
{
	static _Alignas(128) char something[128];

	(void)tpar_future_wait((tpar_future *)(void *)something, TPAR_FOREVER);
}

START_TEST(what_is_no_future_is_caught)
{
	struct report report = run(wait_for_something);

	ck_assert(report.aborted);
	ck_assert(strstr(report.text, " is no future, or was freed long ago") !=
		  NULL);
}
END_TEST

static void
complete_twice(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p;
	tpar_future *f;

	config.name = "answer";
	config.site = "ask.c:3";
	UNIT_MUST(tpar_promise_create_with(&config, &p, &f) == TPAR_OK);
	UNIT_MUST(tpar_promise_set(p, "") == TPAR_OK);
	UNIT_MUST(tpar_promise_set(p, "") == TPAR_EALREADY);
	UNIT_MUST(tpar_promise_fail(p, 1, NULL) == TPAR_EALREADY);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}

START_TEST(promise_completed_twice_is_told_and_goes_on)
{
	struct report report = run(complete_twice);

	ck_assert(report.exited);
	ck_assert_str_eq(report.text,
			 "libtaskpar: tpar_promise_set(): the promise "
			 "'answer' (ask.c:3) had been completed before\n"
			 "libtaskpar: tpar_promise_fail(): the promise "
			 "'answer' (ask.c:3) had been completed before\n");
}
END_TEST

static void
on_cancel(tpar_promise *p, void *arg)
{
	(void)arg;
	(void)tpar_promise_set_cancelled(p);
}

/* With on_cancel and without. */
static void
complete_cancelled(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p;
	tpar_future *f;
	int i;

	for (i = 0; i < 2; i++) {
		config.on_cancel = i == 0 ? NULL : on_cancel;
		UNIT_MUST(tpar_promise_create_with(&config, &p, &f) == TPAR_OK);
		UNIT_MUST(tpar_future_cancel(f) == TPAR_OK);
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
		UNIT_MUST(tpar_promise_set(p, "") == TPAR_EALREADY);
		tpar_promise_destroy(p);
		tpar_future_unref(f);
	}
}

START_TEST(promise_completed_after_a_cancel_is_not_told)
{
	struct report report = run(complete_cancelled);

	ck_assert_str_eq(report.text, "");
	ck_assert(report.exited);
}
END_TEST

static void
set_destroyed(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p;
	tpar_future *f;

	config.name = "answer";
	config.site = "ask.c:3";
	UNIT_MUST(tpar_promise_create_with(&config, &p, &f) == TPAR_OK);
	tpar_promise_destroy(p);
	(void)tpar_promise_set(p, "");
}

static void
group_destroyed_twice(void)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g;

	config.name = "requests";
	config.site = "server.c:9";
	UNIT_MUST(tpar_group_open(&g, &config) == TPAR_OK);
	tpar_group_destroy(g);
	tpar_group_destroy(g);
}

static void
window_ended_when_closed(void)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *w;

	config.width = 1;
	config.site = "pipe.c:1";
	UNIT_MUST(tpar_window_open(&w, &config) == TPAR_OK);
	tpar_window_close(w);
	(void)tpar_window_end(w);
}

static void
stream_closed_twice(void)
{
	tpar_stream *s;

	UNIT_MUST(tpar_as_completed(NULL, 0, &s) == TPAR_OK);
	tpar_stream_close(s);
	tpar_stream_close(s);
}

START_TEST(use_of_what_was_destroyed_is_caught)
{
	ck_assert_aborts(set_destroyed,
			 "libtaskpar: tpar_promise_set(): the promise "
			 "'answer' (ask.c:3) was used after it was freed\n");
	ck_assert_aborts(group_destroyed_twice,
			 "libtaskpar: tpar_group_destroy(): the group "
			 "'requests' (server.c:9) was used after it was "
			 "freed\n");
	ck_assert_aborts(window_ended_when_closed,
			 "libtaskpar: tpar_window_end(): the window "
			 "(pipe.c:1) was used after it was freed\n");
	ck_assert_aborts(stream_closed_twice,
			 "libtaskpar: tpar_stream_close(): the stream "
			 "without a name was used after it was freed\n");
}
END_TEST

/* Three of one site and one of another; the latter is released later. */
static void
hold_over_destroy(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *later = submit_named(pool, "later", "b.c:2");
	int i;

	for (i = 0; i < 3; i++) {
		kept[i] = submit_named(pool, "kept", "a.c:1");
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	tpar_future_unref(later);
}

static bool
has(const struct report *report, const char *line)
{
	return strstr(report->text, line) != NULL;
}

START_TEST(what_is_held_is_told_at_destroy_and_at_exit)
{
	struct report report = run(hold_over_destroy);

	ck_assert(report.exited);
	ck_assert(has(&report, "libtaskpar: pool 'taskpar' destroyed: 3 "
			       "futures still held: 'kept' (a.c:1)\n"));
	ck_assert(has(&report, "libtaskpar: pool 'taskpar' destroyed: 1 "
			       "future still held: 'later' (b.c:2)\n"));
	ck_assert(has(&report, "libtaskpar: exit: 3 futures never released: "
			       "'kept' (a.c:1)\n"));
	ck_assert(!has(&report, "exit: 1 future"));
}
END_TEST

static void
hold_and_hear_of_exit(void)
{
	UNIT_MUST(setenv("TASKPAR_AUDIT", "exit", 1) == 0);
	hold_over_destroy();
}

static void
hold_and_be_quiet(void)
{
	UNIT_MUST(setenv("TASKPAR_AUDIT", "quiet", 1) == 0);
	hold_over_destroy();
	complete_twice();
}

START_TEST(reports_can_be_switched_off)
{
	struct report report = run(hold_and_hear_of_exit);

	ck_assert_str_eq(report.text,
			 "libtaskpar: exit: 3 futures never released: 'kept' "
			 "(a.c:1)\n");
	ck_assert(report.exited);
	report = run(hold_and_be_quiet);
	ck_assert_str_eq(report.text, "");
	ck_assert(report.exited);
}
END_TEST

static void
leak_promise_and_group(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct tpar_group_config scope = TPAR_GROUP_CONFIG_INIT;
	tpar_promise *p;
	tpar_future *f;
	tpar_group *g;

	config.name = "answer";
	config.site = "ask.c:3";
	UNIT_MUST(tpar_promise_create_with(&config, &p, &f) == TPAR_OK);
	tpar_future_unref(f);
	kept[0] = p;
	scope.site = "server.c:9";
	UNIT_MUST(tpar_group_open(&g, &scope) == TPAR_OK);
	kept[1] = g;
}

START_TEST(promises_and_groups_that_leak_are_told_at_exit)
{
	struct report report = run(leak_promise_and_group);

	ck_assert(report.exited);
	ck_assert(has(&report, "libtaskpar: exit: 1 promise never released: "
			       "'answer' (ask.c:3)\n"));
	ck_assert(has(&report, "libtaskpar: exit: 1 group never released: "
			       "(server.c:9)\n"));
}
END_TEST

/*
 * It exits with the parent's handle, which it has a copy of.  Where exit() may find
 * a lock of the sanitizer taken by another thread there is none.
 */
static void
use_in_child(void)
{
	tpar_promise *promise = NULL;
	tpar_future *f;
	pid_t pid;

	if (CHILD_ALLOCATES) {
		f = submit_named(NULL, "parent's", "a.c:1");
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	} else {
		UNIT_MUST(tpar_promise_create(0, NULL, &promise, &f) ==
			  TPAR_OK);
	}
	pid = fork();
	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		exit(CODE);
	}
	UNIT_MUST(waitpid(pid, NULL, 0) == pid);
	tpar_promise_destroy(promise);
	tpar_future_unref(f);
}

/* LeakSanitizer may have something to say about lost threads. */
START_TEST(child_of_a_fork_does_not_tell_what_its_parent_holds)
{
	struct report report = run(use_in_child);

	ck_assert(!has(&report, "libtaskpar"));
	ck_assert(report.exited);
}
END_TEST

/* What no program can do: the library's own steps, wrong. */

static void
end_twice(void)
{
	tpar_future *f = submit_named(NULL, "twice", "lib.c:1");

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpi_future_end(f, 0, NULL);
}

static void
take_twice(void)
{
	tpar_future *f = submit_named(NULL, "twice", "lib.c:1");
	intptr_t value;

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_future_take(f, &value) == TPAR_OK);
	tpi_state_untake(&f->state); /* and nothing says so */
	(void)!tpar_future_take(f, &value);
}

static void
drop_of_taken(void)
{
	struct tpar_task task = named("twice", "lib.c:1");
	tpar_future *f;
	intptr_t value;

	task.drop_value = scene_drop_value;
	f = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_future_take(f, &value) == TPAR_OK);
	tpi_state_untake(&f->state);
	tpar_future_unref(f);
}

static void
value_not_dropped(void)
{
	struct tpar_task task = named("leak", "lib.c:2");
	tpar_future *f;

	task.drop_value = scene_drop_value;
	f = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpi_state_take(&f->state)); /* and nothing says so */
	tpar_future_unref(f);
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
}

static void
arg_not_dropped(void)
{
	struct tpar_task task = named("leak", "lib.c:2");
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	task.drop_arg = scene_drop_arg;
	f = unit_submit_task(scene.pool, &task);
	f->flags &= (uint8_t)~TPI_F_DROP_ARG;
	(void)tpar_future_cancel(f);
}

START_TEST(library_that_breaks_its_own_rules_is_caught)
{
	ck_assert_aborts(end_twice, "libtaskpar: end: the future of 'twice' "
				    "(lib.c:1) ended twice\n");
	ck_assert_aborts(take_twice, "libtaskpar: take: the future of 'twice' "
				     "(lib.c:1) had its value taken before\n");
	ck_assert_aborts(drop_of_taken,
			 "libtaskpar: drop_value: the future of 'twice' "
			 "(lib.c:1) had its value taken before\n");
	ck_assert_aborts(value_not_dropped,
			 "libtaskpar: free: the future of 'leak' (lib.c:2) "
			 "has its value not dropped\n");
	ck_assert_aborts(arg_not_dropped,
			 "libtaskpar: end: the future of 'leak' (lib.c:2) "
			 "ends with its argument not dropped\n");
}
END_TEST

#endif

int
main(void)
{
	const TTest *const tests[] = {
		clean_program_hears_nothing,
		program_that_makes_nothing_hears_nothing,
#ifdef TPI_DEBUG
		handle_released_too_often_is_caught,
		call_with_a_freed_future_is_caught,
		set_with_a_freed_member_is_caught,
		use_after_the_last_handle_is_caught_also_while_it_runs,
		what_is_no_future_is_caught,
		promise_completed_twice_is_told_and_goes_on,
		promise_completed_after_a_cancel_is_not_told,
		use_of_what_was_destroyed_is_caught,
		what_is_held_is_told_at_destroy_and_at_exit,
		reports_can_be_switched_off,
		promises_and_groups_that_leak_are_told_at_exit,
		child_of_a_fork_does_not_tell_what_its_parent_holds,
		library_that_breaks_its_own_rules_is_caught,
#endif
	};

	return unit_main("audit", tests, sizeof tests / sizeof tests[0]);
}
