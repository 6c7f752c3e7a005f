/* SPDX-License-Identifier: MIT */
/*
 * test_io.c - libtaskpar-io without memory, without threads: what is refused has
 * changed nothing, what is accepted ends, and nothing is left.
 */
#include "config.h"

#include "loose.h"

#include <taskpar/io.h>

#include <fcntl.h>
#include <sys/socket.h>

static bool
accepted(enum tpar_err err, tpar_future *const *f)
{
	EXPECT(err == TPAR_OK || fault_any());
	EXPECT(err == TPAR_OK || err == TPAR_ENOMEM || err == TPAR_EAGAIN);
	EXPECT((err == TPAR_OK) == (*f != NULL));
	return err == TPAR_OK;
}

/* All that were accepted end, and the library's thread is gone. */
static void
end_all(tpar_future **f, size_t n)
{
	size_t i;

	fault_end();
	for (i = 0; i < n; i++) {
		if (f[i] != NULL) {
			(void)tpar_future_wait(f[i], TPAR_FOREVER);
			EXPECT(tpar_future_state(f[i]) >= TPAR_DONE);
			EXPECT(tpar_future_state(f[i]) != TPAR_FAILED ||
			       fault_any());
		}
	}
	tpar_future_unref_all(f, n);
	EXPECT(tpar_io_shutdown() == TPAR_OK);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* With it go the threads on which a cancel is told; and it looks names up. */
static void
begin(void)
{
	EXPECT(tpar_pool_workers(NULL) > 0);
	fault_begin();
}

static void
make_pair(int ends[2])
{
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	EXPECT(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
}

static void
wait_for_things(void)
{
	tpar_future *f[5] = { NULL };
	char byte = 'x';
	int ends[2];

	make_pair(ends);
	begin();
	(void)accepted(tpar_io_timer(tpar_in(1), &f[0]), &f[0]);
	(void)accepted(tpar_io_ready(ends[0], TPAR_IO_WRITABLE, &f[1]), &f[1]);
	if (accepted(tpar_io_read(ends[1], &byte, 1, &f[2]), &f[2]) &&
	    !accepted(tpar_io_write(ends[0], "y", 1, &f[3]), &f[3])) {
		EXPECT(tpar_future_cancel(f[2]) == TPAR_OK ||
		       tpar_future_state(f[2]) == TPAR_FAILED);
	}
	if (f[2] != NULL && f[3] != NULL) {
		fault_end();
		/* If one of both has failed the other one may wait. */
		(void)tpar_gather(&f[2], 2, NULL, NULL);
		fault_begin();
	}
	if (accepted(tpar_io_signal(SIGUSR1, &f[4]), &f[4])) {
		EXPECT(raise(SIGUSR1) == 0 ||
		       tpar_future_state(f[4]) == TPAR_FAILED);
	}
	end_all(f, 5);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

START_TEST(waiting_is_refused_or_ends)
{
	loose_warm_up();
	UNIT_MUST(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	ck_assert_int_ge(fault_sweep_of(wait_for_things,
					FAULT_MEMORY | FAULT_THREAD),
			 20);
}
END_TEST

static void
cancel_things(void)
{
	tpar_future *f[3] = { NULL };
	char byte = 'x';
	int ends[2];
	size_t i;

	make_pair(ends);
	begin();
	(void)accepted(tpar_io_timer(tpar_in(TPAR_SECOND * 3600), &f[0]),
		       &f[0]);
	(void)accepted(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]), &f[1]);
	(void)accepted(tpar_io_read(ends[1], &byte, 1, &f[2]), &f[2]);
	for (i = 0; i < 3; i++) {
		if (f[i] != NULL) {
			enum tpar_err err = tpar_future_cancel(f[i]);

			EXPECT(err == TPAR_OK || fault_any());
		}
	}
	end_all(f, 3);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

START_TEST(cancelling_needs_nothing)
{
	loose_warm_up();
	ck_assert_int_ge(
		fault_sweep_of(cancel_things, FAULT_MEMORY | FAULT_THREAD), 15);
}
END_TEST

static void
connect_and_spawn(void)
{
	const char *argv[] = { "/bin/echo", "something to keep", NULL };
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	tpar_future *f[3] = { NULL };

	spawn.argv = argv;
	begin();
	(void)accepted(tpar_io_listen("127.0.0.1:0", 1, &f[0]), &f[0]);
	(void)accepted(tpar_io_connect("unix:/no/such/place", &f[1]), &f[1]);
	(void)accepted(tpar_io_spawn(&spawn, &f[2]), &f[2]);
	if (f[1] != NULL) {
		fault_end();
		EXPECT(tpar_future_wait(f[1], TPAR_FOREVER) == TPAR_EFAILED);
		tpar_future_unref(f[1]);
		f[1] = NULL;
	}
	end_all(f, 3);
}

START_TEST(sockets_and_processes_are_refused_or_end)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep_of(connect_and_spawn,
					FAULT_MEMORY | FAULT_THREAD),
			 20);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		waiting_is_refused_or_ends,
		cancelling_needs_nothing,
		sockets_and_processes_are_refused_or_end,
	};

	return fault_main("fault_io", tests, sizeof tests / sizeof tests[0],
			  60);
}
