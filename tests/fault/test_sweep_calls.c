/* SPDX-License-Identifier: MIT */
/*
 * test_sweep_calls.c - whatever fails: promises, callbacks, descriptors of
 * futures, handlers, system calls that a cancel breaks.
 */
#include "config.h"

#include "sweep.h"

#include <taskpar/blocking.h>
#include <taskpar/syscalls.h>

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- Promises ------------------------------------------------------------ */

static _Atomic int told;

static void
be_told(tpar_future *f, void *arg)
{
	EXPECT(tpar_future_state(f) >= TPAR_DONE);
	EXPECT(arg == &told);
	atomic_fetch_add(&told, 1);
}

/* Each callback that was accepted is called once. */
static void
promise_and_callbacks(void)
{
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	intptr_t value = 3;
	int accepted = 0;
	int i;

	atomic_store(&told, 0);
	fault_begin();
	if (sweep_ok(tpar_promise_create(sizeof value, sweep_drop_value, &p,
					 &f))) {
		for (i = 0; i < 4; i++) {
			accepted += sweep_ok(
				tpar_future_on_done(f, be_told, &told));
		}
		EXPECT(tpar_promise_set(p, &value) == TPAR_OK);
		atomic_fetch_add(&sweep_made, 1);
		accepted += sweep_ok(tpar_future_on_done(f, be_told, &told));
		EXPECT(*(const intptr_t *)tpar_future_value(f) == 3);
	}
	EXPECT(atomic_load(&told) == accepted);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}

static void
promise_that_fails(void)
{
	tpar_promise *p[2] = { NULL, NULL };
	tpar_future *f[2] = { NULL, NULL };
	int i;

	fault_begin();
	for (i = 0; i < 2; i++) {
		(void)sweep_ok(tpar_promise_create(0, NULL, &p[i], &f[i]));
	}
	if (p[0] != NULL) {
		EXPECT(tpar_promise_fail(p[0], SWEEP_CODE, "number %d", 1) ==
		       TPAR_OK);
	}
	for (i = 0; i < 2; i++) {
		tpar_promise_destroy(p[i]);
		if (f[i] != NULL) {
			EXPECT(tpar_future_wait(f[i], TPAR_FOREVER) ==
			       TPAR_EFAILED);
			EXPECT(tpar_future_code(f[i]) ==
			       (i == 0 ? SWEEP_CODE : TPAR_EFAILED));
		}
	}
	tpar_future_unref_all(f, 2);
}

static void
complete_it(tpar_promise *p, void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
	EXPECT(tpar_promise_set_cancelled(p) == TPAR_OK);
}

/* on_cancel comes once, and the deadline of another one. */
static void
promise_that_is_cancelled(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p[2] = { NULL, NULL };
	tpar_future *f[2] = { NULL, NULL };

	atomic_store(&told, 0);
	config.on_cancel = complete_it;
	config.arg = &told;
	fault_begin();
	if (sweep_ok(tpar_promise_create_with(&config, &p[0], &f[0]))) {
		EXPECT(tpar_future_cancel(f[0]) == TPAR_OK);
		EXPECT(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_ECANCELED);
		EXPECT(atomic_load(&told) == 1);
	}
	if (sweep_ok(tpar_promise_create(0, NULL, &p[1], &f[1])) &&
	    sweep_ok(tpar_future_cancel_at(f[1], tpar_in(TPAR_MILLISECOND)))) {
		EXPECT(tpar_future_wait(f[1], TPAR_FOREVER) == TPAR_ECANCELED);
		EXPECT(tpar_promise_set(p[1], NULL) == TPAR_EALREADY);
	}
	tpar_promise_destroy(p[0]);
	tpar_promise_destroy(p[1]);
	tpar_future_unref_all(f, 2);
}

static int
poll_now(struct pollfd *polled)
{
	int n;

	do {
		n = poll(polled, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

static void
poll_a_future(void)
{
	struct pollfd polled = { -1, POLLIN, 0 };
	struct promised made = promised_make(0, NULL);
	int again = -1;

	fault_begin();
	if (sweep_ok(tpar_future_fd(made.f, &polled.fd))) {
		fault_end();
		EXPECT(poll_now(&polled) == 0);
		fault_begin();
		EXPECT(tpar_promise_set(made.p, NULL) == TPAR_OK);
		EXPECT(tpar_future_fd(made.f, &again) == TPAR_OK);
		EXPECT(again == polled.fd);
		fault_end();
		EXPECT(poll_now(&polled) == 1);
	} else {
		EXPECT(polled.fd == -1);
	}
	promised_free(made);
}

/* ---- Handlers ------------------------------------------------------------ */

static struct unit_gate handled;

static void
handle(void *arg)
{
	EXPECT(arg == &handled);
	unit_gate_open(&handled);
}

/* The handler ends what the task waits for, if there could be one. */
static int
wait_for_handler(intptr_t number)
{
	tpar_handler h;
	enum tpar_err err = tpar_on_cancel(handle, &handled, &h);

	(void)number;
	if (err == TPAR_ESTOPPED) {
		return TPAR_ESTOPPED;
	}
	if (!sweep_ok(err)) {
		return SWEEP_CODE;
	}
	unit_gate_await(&handled, 1);
	tpar_off_cancel(&h);
	EXPECT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

static void
handle_a_cancel(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	handled = (struct unit_gate)UNIT_GATE_INIT;
	sweep_item[0].body = wait_for_handler;
	fault_begin();
	f = sweep_submit(pool, 0);
	if (f != NULL) {
		enum tpar_err err;
		enum tpar_state state;

		UNIT_AWAIT(atomic_load(&sweep_item[0].runs) > 0);
		err = tpar_future_cancel(f);
		EXPECT(err == TPAR_OK || err == TPAR_EALREADY);
		state = sweep_wait(f, 0);
		EXPECT(state == TPAR_CANCELLED ||
		       (state == TPAR_FAILED && fault_any()));
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
}

/* ---- What a cancel breaks ------------------------------------------------ */

static int ends[2];

/* By a plain system call in a region: EINTR says to look. */
static int
read_in_region(intptr_t number)
{
	enum tpar_err err = tpar_interruptible_enter();
	ssize_t n;
	char byte;

	(void)number;
	if (err != TPAR_OK) {
		EXPECT(err == TPAR_ESTOPPED || fault_any());
		EXPECT(err == TPAR_ESTOPPED || err == TPAR_ENOMEM ||
		       err == TPAR_EBUSY);
		return err == TPAR_ESTOPPED ? (int)err : SWEEP_CODE;
	}
	do {
		n = read(ends[0], &byte, 1);
	} while (n < 0 && errno == EINTR && !tpar_cancelled());
	EXPECT(n < 0 && (errno == EINTR || fault_any()));
	tpar_interruptible_leave();
	return tpar_cancelled() ? TPAR_ESTOPPED : SWEEP_CODE;
}

/* What the header says that a call may fail with. */
static void
expect_documented(int error)
{
	EXPECT(error != EINTR);
	EXPECT(error == ECANCELED || fault_any());
	EXPECT(error == ECANCELED || error == ENOMEM || error == EBUSY ||
	       error == EINVAL || error == EIO || error == ENOBUFS ||
	       error == EMFILE || error == ENETUNREACH || error == ENOLCK);
}

static int
read_until_cancelled(intptr_t number)
{
	char byte;
	ssize_t n = tpar_read(ends[0], &byte, 1);
	int error = errno;

	(void)number;
	EXPECT(n < 0);
	expect_documented(error);
	return error == ECANCELED ? TPAR_ESTOPPED : SWEEP_CODE;
}

static int
poll_until_cancelled(intptr_t number)
{
	struct pollfd polled = { ends[0], POLLIN, 0 };
	int n = tpar_poll(&polled, 1, -1);
	int error = errno;

	(void)number;
	EXPECT(n < 0);
	expect_documented(error);
	return error == ECANCELED ? TPAR_ESTOPPED : SWEEP_CODE;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static int
wait_until_cancelled(intptr_t number)
{
	enum tpar_err err = TPAR_OK;

	(void)number;
	EXPECT(pthread_mutex_lock(&mutex) == 0);
	while (err == TPAR_OK) {
		err = tpar_cond_wait(&cond, &mutex, TPAR_FOREVER);
	}
	EXPECT(pthread_mutex_unlock(&mutex) == 0);
	EXPECT(err == TPAR_ESTOPPED || (err == TPAR_ENOMEM && fault_any()));
	return err == TPAR_ESTOPPED ? (int)err : SWEEP_CODE;
}

/* It is cancelled once it is in there, or shortly before, or has failed. */
static void
cancel_what_blocks(int (*body)(intptr_t number))
{
	struct tpar_task task = sweep_task(0);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	sweep_item[0].body = body;
	task.flags = TPAR_BLOCKING;
	fault_begin();
	f = sweep_submit_task(pool, &task);
	if (f != NULL) {
		enum tpar_err err;
		enum tpar_state state;

		UNIT_AWAIT(atomic_load(&sweep_item[0].runs) > 0);
		err = tpar_future_cancel(f);
		EXPECT(err == TPAR_OK || (err == TPAR_EALREADY && fault_any()));
		state = sweep_wait(f, 0);
		EXPECT(state == TPAR_CANCELLED ||
		       (state == TPAR_FAILED && fault_any()));
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
	fault_end();
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void
break_a_region(void)
{
	cancel_what_blocks(read_in_region);
}

static void
break_a_read(void)
{
	cancel_what_blocks(read_until_cancelled);
}

static void
break_a_poll(void)
{
	cancel_what_blocks(poll_until_cancelled);
}

static void
break_a_condition(void)
{
	cancel_what_blocks(wait_until_cancelled);
}

/* Nobody cancels: the bytes come through, or an error says why not. */
static int
write_some(intptr_t number)
{
	ssize_t n = tpar_write(ends[1], "word", 4);
	int error = errno;

	(void)number;
	EXPECT(n == 4 || n < 0);
	if (n < 0) {
		expect_documented(error);
		/* Who reads shall not wait for ever. */
		EXPECT(shutdown(ends[1], SHUT_WR) == 0);
	}
	return n == 4 ? 0 : SWEEP_CODE;
}

static int
read_some(intptr_t number)
{
	char word[4];
	size_t have = 0;
	ssize_t n = 1;

	(void)number;
	while (n > 0 && have < sizeof word) {
		n = tpar_read(ends[0], word + have, sizeof word - have);
		have += n > 0 ? (size_t)n : 0;
	}
	if (n < 0) {
		expect_documented(errno);
	}
	EXPECT(have == 4 || fault_any());
	EXPECT(have == 0 || memcmp(word, "word", have) == 0);
	return have == 4 ? 0 : SWEEP_CODE;
}

static void
read_and_write(void)
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[2];
	int n;
	int i;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	sweep_item[0].body = write_some;
	sweep_item[1].body = read_some;
	fault_begin();
	n = sweep_submit_some(pool, f, 2);
	for (i = 0; i < n; i++) {
		EXPECT(sweep_wait(f[i], i) == TPAR_DONE || fault_any());
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
	fault_end();
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static struct sockaddr_un address;

static int
accept_one(intptr_t number)
{
	int fd = tpar_accept(ends[0], NULL, NULL);
	int error = errno;

	(void)number;
	if (fd < 0) {
		expect_documented(error);
		return SWEEP_CODE;
	}
	EXPECT(close(fd) == 0);
	return 0;
}

static int
connect_one(intptr_t number)
{
	int rc = tpar_connect(ends[1], (const struct sockaddr *)&address,
			      sizeof address);
	int error = errno;

	(void)number;
	if (rc != 0) {
		expect_documented(error);
		/* Who accepts shall not wait for ever. */
		EXPECT(shutdown(ends[0], SHUT_RDWR) == 0);
		return SWEEP_CODE;
	}
	return 0;
}

static void
accept_and_connect(void)
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[2] = { NULL, NULL };
	int i;

	for (i = 0; i < 2; i++) {
		ends[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		EXPECT(ends[i] >= 0);
	}
	address.sun_family = AF_UNIX;
	(void)snprintf(&address.sun_path[1], sizeof address.sun_path - 1,
		       "sweep of %ld", (long)getpid());
	EXPECT(bind(ends[0], (const struct sockaddr *)&address,
		    sizeof address) == 0);
	EXPECT(listen(ends[0], 1) == 0);
	sweep_item[0].body = connect_one;
	sweep_item[1].body = accept_one;
	fault_begin();
	/* Nobody accepts what nobody connects to. */
	f[0] = sweep_submit(pool, 0);
	f[1] = f[0] != NULL ? sweep_submit(pool, 1) : NULL;
	for (i = 0; i < 2; i++) {
		EXPECT(f[i] == NULL || sweep_wait(f[i], i) == TPAR_DONE ||
		       fault_any());
	}
	tpar_future_unref_all(f, 2);
	sweep_destroy(pool);
	fault_end();
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* Two take a lock after the other. */
static int
lock_file(intptr_t number)
{
	int rc = tpar_flock(ends[number], LOCK_EX);
	int error = errno;

	if (rc != 0) {
		expect_documented(error);
		return SWEEP_CODE;
	}
	rc = tpar_flock(ends[number], LOCK_UN);
	error = errno;
	if (rc != 0) {
		expect_documented(error);
		fault_end();
		EXPECT(flock(ends[number], LOCK_UN) == 0);
		fault_begin();
	}
	return rc == 0 ? 0 : SWEEP_CODE;
}

static void
lock_a_file(void)
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[2];
	int n;
	int i;

	for (i = 0; i < 2; i++) {
		ends[i] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		EXPECT(ends[i] >= 0);
		sweep_item[i].body = lock_file;
	}
	fault_begin();
	n = sweep_submit_some(pool, f, 2);
	for (i = 0; i < n; i++) {
		EXPECT(sweep_wait(f[i], i) == TPAR_DONE || fault_any());
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
	fault_end();
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static const struct sweep_scenario scenarios[] = {
	{ "promise and callbacks", promise_and_callbacks, 5 },
	{ "promise that fails", promise_that_fails, 5 },
	{ "promise that is cancelled", promise_that_is_cancelled, 8 },
	{ "descriptor of a future", poll_a_future, 3 },
	{ "handler of a cancel", handle_a_cancel, 5 },
	{ "region that a cancel breaks", break_a_region, 3 },
	{ "read that a cancel breaks", break_a_read, 3 },
	{ "poll that a cancel breaks", break_a_poll, 3 },
	{ "condition that a cancel breaks", break_a_condition, 3 },
	{ "reads and writes", read_and_write, 5 },
	{ "accept and connect", accept_and_connect, 5 },
	{ "locks of files", lock_a_file, 5 },
};

SWEEP_TEST(scenarios)

int
main(void)
{
	return sweep_main("sweep_calls", scenario_survives_whatever_fails,
			  sizeof scenarios / sizeof scenarios[0], 450);
}
