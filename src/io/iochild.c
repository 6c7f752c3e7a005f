/* SPDX-License-Identifier: MIT */
/*
 * iochild.c - processes that are spawned: their pipes, their end.
 *
 * The end of a process is waited for by a pidfd, as a descriptor is: no handler
 * for SIGCHLD, no thread, and a process that others have waited for is not
 * mistaken for another one with its number.  A cancel only asks the process to
 * end, and later makes it; the request is decided when it has.
 *
 * Where there are no pidfds (Linux before 5.3, sandboxes, valgrind) a timer looks.
 */
#include "config.h"

#include "iochild.h"
#include "ioloop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often a timer looks. */
#define LOOK_NS (5 * TPAR_MILLISECOND)

/* Bytes at a time, and how often at the end: more is not of the process. */
enum { CHUNK = 65536, LAST_CHUNKS = 64 };

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct child {
	struct tpi_iorequest request;
	struct tpi_iowatch end;	  /* of the process, by its pidfd */
	struct tpi_iowatch input; /* to it; its descriptor is -1: closed */
	struct tpi_iochild_output output[2];
	struct tpi_iotimer kill;  /* INT64_MAX until it is asked to end */
	struct tpi_iotimer look;  /* without a pidfd */
	pid_t pid;		  /* [c] */
	const char *data;	  /* [c] the caller's */
	size_t size;		  /* [c] */
	size_t written;		  /* [m:lock] */
	size_t limit;		  /* [c] of each output */
	int64_t grace_ns;	  /* [c] */
	char *name;		  /* [c] owned */
	struct tpar_io_exit exit; /* [o] of who decided it */
	bool asked;		  /* [m:lock] to end */
};

static struct child *
of(struct tpi_iorequest *r)
{
	return TPI_IO_CONTAINER(r, struct child, request);
}

static void
close_watch(struct tpi_iowatch *w)
{
	if (w->fd >= 0) {
		(void)close(w->fd);
	}
	w->fd = -1;
}

/* ---- Pipes --------------------------------------------------------------- */

/* Room for one more byte than `limit`, so that a zero fits. */
static bool
keep(struct tpi_iochild_output *output, const char *from, size_t n,
     size_t limit)
{
	size_t room = limit - output->size;
	size_t want;
	char *more;

	if (n > room) {
		output->truncated = true;
		n = room;
	}
	want = output->size + n + 1;
	if (want > output->capacity) {
		want = 2 * want < limit + 1 ? 2 * want : limit + 1;
		more = realloc(output->text, want);
		if (more == NULL) {
			return false;
		}
		output->text = more;
		output->capacity = want;
	}
	memcpy(output->text + output->size, from, n);
	output->size += n;
	output->text[output->size] = '\0';
	return true;
}

/* false: there is no more for now. */
static bool
read_some(struct child *child, struct tpi_iochild_output *output)
{
	char chunk[CHUNK];
	ssize_t n;

	if (output->watch.fd < 0) {
		return false;
	}
	n = read(output->watch.fd, chunk, sizeof chunk);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (n <= 0) {
		close_watch(&output->watch);
	} else if (!keep(output, chunk, (size_t)n, child->limit)) {
		child->request.error = ENOMEM;
	}
	return n > 0;
}

static bool
output_step(struct tpi_iowatch *w, unsigned ready, int error,
	    struct tpi_iodecided *list)
{
	struct tpi_iochild_output *output =
		TPI_IO_CONTAINER(w, struct tpi_iochild_output, watch);

	(void)ready;
	(void)list;
	if (error == 0) {
		(void)read_some(output->child, output);
	}
	return error != 0 || w->fd < 0;
}

/* A process that does not read all is no error: how it ends says more. */
static bool
input_step(struct tpi_iowatch *w, unsigned ready, int error,
	   struct tpi_iodecided *list)
{
	struct child *child = TPI_IO_CONTAINER(w, struct child, input);
	size_t left = child->size - child->written;
	ssize_t n = 0;

	(void)ready;
	(void)list;
	if (error == 0 && left > 0) {
		n = write(w->fd, child->data + child->written,
			  left < CHUNK ? left : CHUNK);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	child->written += n > 0 ? (size_t)n : 0;
	if (error == 0 && n >= 0 && child->written < child->size) {
		return false;
	}
	close_watch(w);
	return true;
}

/* ---- The end ------------------------------------------------------------- */

static void
send_signal(struct child *child, int signo)
{
	/* A sandbox may let only one of the two calls for pidfds through. */
	if (child->end.fd < 0 || (syscall(SYS_pidfd_send_signal, child->end.fd,
					  signo, NULL, 0) != 0 &&
				  (errno == ENOSYS || errno == EPERM))) {
		(void)kill(child->pid, signo);
	}
}

static void
kill_due(struct tpi_iotimer *t, struct tpi_iodecided *list)
{
	(void)list;
	send_signal(TPI_IO_CONTAINER(t, struct child, kill), SIGKILL);
}

/* All it waits for, but the end itself. */
static void
take_off(struct child *child)
{
	struct tpi_ioloop *loop = child->request.loop;
	int i;

	(void)tpi_iotimer_remove(&loop->timers, &child->kill);
	(void)tpi_iotimer_remove(&loop->timers, &child->look);
	(void)tpi_iowatch_remove(loop, &child->input);
	for (i = 0; i < 2; i++) {
		(void)tpi_iowatch_remove(loop, &child->output[i].watch);
	}
}

/* 0 if it has ended, EAGAIN, or what is wrong. */
static int
reap(struct child *child)
{
	siginfo_t info = { 0 };
	int rc;

	do {
		rc = child->end.fd < 0
			     ? waitid(P_PID, (id_t)child->pid, &info,
				      WEXITED | WNOHANG)
			     : waitid((idtype_t)P_PIDFD, (id_t)child->end.fd,
				      &info, WEXITED | WNOHANG);
	} while (rc != 0 && errno == EINTR);
	if (rc != 0) {
		return errno;
	}
	if (info.si_pid == 0) {
		return EAGAIN;
	}
	child->exit.code = info.si_code == CLD_EXITED ? info.si_status : -1;
	child->exit.signo = info.si_code == CLD_EXITED ? 0 : info.si_status;
	return 0;
}

/* false: it has not ended. */
static bool
look(struct child *child, int error, struct tpi_iodecided *list)
{
	int i;

	if (error == 0) {
		error = reap(child);
	}
	if (error == EAGAIN) {
		return false;
	}
	take_off(child);
	for (i = 0; i < 2; i++) {
		int chunks = 0;

		while (chunks < LAST_CHUNKS &&
		       read_some(child, &child->output[i])) {
			chunks++;
		}
	}
	if (child->asked && (error == 0 || error == ECHILD)) {
		error = TPI_IO_STOPPED;
	} else if (error == 0) {
		error = child->request.error;
	}
	tpi_iorequest_decide(&child->request, error, list);
	return true;
}

static bool
end_step(struct tpi_iowatch *w, unsigned ready, int error,
	 struct tpi_iodecided *list)
{
	(void)ready;
	return look(TPI_IO_CONTAINER(w, struct child, end), error, list);
}

static void
look_due(struct tpi_iotimer *t, struct tpi_iodecided *list)
{
	struct child *child = TPI_IO_CONTAINER(t, struct child, look);

	if (!look(child, 0, list)) {
		t->deadline_ns = tpar_in(LOOK_NS);
		tpi_iotimer_add(&child->request.loop->timers, t);
	}
}

static bool
stop(struct tpi_iorequest *r)
{
	struct child *child = of(r);

	if (r->loop->ends) {
		child->asked = true;
		send_signal(child, SIGKILL);
	} else if (!child->asked) {
		child->asked = true;
		send_signal(child, SIGTERM);
		(void)tpi_iotimer_remove(&r->loop->timers, &child->kill);
		child->kill.deadline_ns = tpar_in(child->grace_ns);
		tpi_iotimer_add(&r->loop->timers, &child->kill);
		tpi_ioloop_hurry(r->loop, child->kill.deadline_ns);
	}
	return false;
}

/* ---- The request --------------------------------------------------------- */

static void
complete(struct tpi_iorequest *r)
{
	struct child *child = of(r);
	char text[TPI_IO_WORDS];

	if (r->error != 0) {
		(void)tpar_promise_fail(r->p, r->error, "spawning %s: %s",
					child->name,
					tpi_io_words(r->error, text));
		return;
	}
	child->exit.output = child->output[0].text;
	child->exit.output_size = child->output[0].size;
	child->exit.errors = child->output[1].text;
	child->exit.errors_size = child->output[1].size;
	child->exit.truncated =
		child->output[0].truncated || child->output[1].truncated;
	(void)tpar_promise_set(r->p, &child->exit);
	child->output[0].text = NULL;
	child->output[1].text = NULL;
}

static void
free_child(struct tpi_iorequest *r)
{
	struct child *child = of(r);
	int i;

	close_watch(&child->end);
	close_watch(&child->input);
	for (i = 0; i < 2; i++) {
		close_watch(&child->output[i].watch);
		free(child->output[i].text);
	}
	free(child->name);
	free(child);
}

static void
drop_exit(void *value)
{
	struct tpar_io_exit *exit = value;

	free(exit->output);
	free(exit->errors);
}

static const struct tpi_iokind child_kind = {
	.name = "tpar_io_spawn",
	.value_size = sizeof(struct tpar_io_exit),
	.drop_value = drop_exit,
	.stop = stop,
	.complete = complete,
	.free = free_child,
};

/* ---- Starting it --------------------------------------------------------- */

/* It runs, and nobody could wait for it. */
static void
undo(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	/* ENDS: it was killed. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
}

/* [m:lock] 0, or an errno value: nothing of it is watched then. */
static int
watch_all(struct child *child, struct tpi_ioloop *loop,
	  struct tpi_iodecided *list)
{
	int rc = 0;
	int i;

	if (child->end.fd >= 0) {
		rc = tpi_iowatch_add(loop, &child->end, list);
	} else {
		tpi_iotimer_add(&loop->timers, &child->look);
		tpi_ioloop_hurry(loop, child->look.deadline_ns);
	}

	for (i = 0; i < 2 && rc == 0; i++) {
		rc = tpi_iowatch_add(loop, &child->output[i].watch, list);
	}
	if (rc == 0 && child->input.fd >= 0) {
		rc = tpi_iowatch_add(loop, &child->input, list);
	}
	tpi_iotimer_add(&loop->timers, &child->kill);
	tpi_iorequest_start(&child->request, loop);
	if (rc != 0) {
		take_off(child);
		(void)tpi_iowatch_remove(loop, &child->end);
		tpi_iorequest_decide(&child->request, rc, list);
	}
	return rc;
}

/* The process is there, or rc says why not.  Always the end of the call. */
static enum tpar_err
start(struct child *child, int rc, pid_t pid, tpar_future **f)
{
	tpar_future *future = child->request.f;
	enum tpar_err err = TPAR_OK;
	struct tpi_ioloop *loop = NULL;
	struct tpi_iodecided list;
	bool runs = rc == 0;

	tpi_iodecided_init(&list);
	if (rc == 0) {
		child->end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
		rc = child->end.fd < 0 && errno != ENOSYS && errno != EPERM
			     ? errno
			     : 0;
	}
	if (runs && rc == ESRCH) {
		/* Somebody has waited for it, or the system, without SIGCHLD. */
		rc = ECHILD;
		runs = false;
	}
	child->pid = pid;
	tpi_ioloop_lock();
	if (rc != 0) {
		tpi_iorequest_decide(&child->request, rc, &list);
	} else if ((loop = tpi_ioloop_get(&err)) != NULL) {
		rc = watch_all(child, loop, &list);
	}
	tpi_ioloop_unlock();
	if (runs && (rc != 0 || err != TPAR_OK)) {
		undo(pid);
	}
	if (err != TPAR_OK) {
		tpi_iorequest_abandon(&child->request);
		return err;
	}
	tpi_iorequest_complete(&list);
	*f = future;
	return TPAR_OK;
}

static void
prepare(struct child *child, const struct tpar_io_spawn *spawn)
{
	int i;

	child->data = spawn->input;
	child->size = spawn->input_size;
	child->limit = spawn->capture_limit != 0 ? spawn->capture_limit
						 : TPAR_IO_CAPTURE;
	child->grace_ns =
		spawn->grace_ns != 0 ? spawn->grace_ns : TPAR_IO_GRACE;
	child->kill.deadline_ns = INT64_MAX;
	child->kill.due = kill_due;
	child->look.deadline_ns = tpar_in(LOOK_NS);
	child->look.due = look_due;
	child->end.fd = -1;
	child->end.events = TPAR_IO_READABLE;
	child->end.step = end_step;
	child->input.fd = -1;
	child->input.events = TPAR_IO_WRITABLE;
	child->input.step = input_step;
	for (i = 0; i < 2; i++) {
		child->output[i].child = child;
		child->output[i].watch.fd = -1;
		child->output[i].watch.events = TPAR_IO_READABLE;
		child->output[i].watch.step = output_step;
	}
}

enum tpar_err
tpar_io_spawn(const struct tpar_io_spawn *spawn, tpar_future **f)
{
	enum tpar_err err = tpi_iochild_check(spawn, f);
	struct child *child;
	pid_t pid = -1;
	int fds[3];
	int rc;

	if (err != TPAR_OK) {
		return err;
	}
	child = calloc(1, sizeof *child);
	if (child == NULL) {
		return tpi_io_no_memory();
	}
	prepare(child, spawn);
	child->name = strdup(spawn->argv[0]);
	err = child->name == NULL
		      ? tpi_io_no_memory()
		      : tpi_iorequest_open(&child->request, &child_kind);
	if (err != TPAR_OK) {
		free_child(&child->request);
		return err;
	}
	rc = tpi_iochild_launch(spawn, fds, &pid);
	child->input.fd = fds[0];
	child->output[0].watch.fd = fds[1];
	child->output[1].watch.fd = fds[2];
	return start(child, rc, pid, f);
}
