/* SPDX-License-Identifier: MIT */
/*
 * test_sweep_io.c - whatever fails: times, descriptors, bytes, connections,
 * names, files, processes, signals of libtaskpar-io.
 */
#include "config.h"

#include "iocalls.h"
#include "sweep.h"

#include <taskpar/io.h>

#include <sys/un.h>

/* true: there is a future.  A call may be refused only by what has failed. */
static bool
began(enum tpar_err err, tpar_future *const *f)
{
	bool ok = sweep_ok(err);

	EXPECT(ok == (*f != NULL));
	return ok;
}

/* How it ended; an errno value of its own only if something has failed. */
static enum tpar_state
end_of(tpar_future *f)
{
	enum tpar_err err = tpar_future_wait(f, TPAR_FOREVER);
	enum tpar_state state = tpar_future_state(f);

	EXPECT(err == (state == TPAR_DONE     ? TPAR_OK
		       : state == TPAR_FAILED ? TPAR_EFAILED
					      : TPAR_ECANCELED));
	if (state == TPAR_FAILED) {
		EXPECT(fault_any());
		EXPECT(tpar_future_code(f) > 0);
	}
	return state;
}

/* The end of all scenarios. */
static void
end_all(tpar_future **f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (f[i] != NULL) {
			(void)end_of(f[i]);
		}
	}
	fault_end();
	tpar_future_unref_all(f, n);
	EXPECT(tpar_io_shutdown() == TPAR_OK);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* ---- Times and descriptors ----------------------------------------------- */

static void
await_times(void)
{
	tpar_future *f[4] = { NULL };
	int64_t deadline = tpar_in(100000);
	int i;

	fault_begin();
	for (i = 0; i < 4; i++) {
		(void)began(tpar_io_timer(i < 3 ? deadline
						: tpar_in(3600 * TPAR_SECOND),
					  &f[i]),
			    &f[i]);
	}
	if (f[3] != NULL) {
		EXPECT(tpar_future_cancel(f[3]) == TPAR_OK);
	}
	for (i = 0; i < 4; i++) {
		EXPECT(f[i] == NULL ||
		       end_of(f[i]) == (i < 3 ? TPAR_DONE : TPAR_CANCELLED));
	}
	EXPECT(f[0] == NULL || tpar_in(0) >= deadline);
	end_all(f, 4);
}

static void
make_pair(int ends[2])
{
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			  0, ends) == 0);
}

/* One is ready, the other one never is and is closed. */
static void
await_descriptors(void)
{
	tpar_future *f[3] = { NULL };
	int ends[2];

	make_pair(ends);
	fault_begin();
	(void)began(tpar_io_ready(ends[0], TPAR_IO_WRITABLE, &f[0]), &f[0]);
	(void)began(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]), &f[1]);
	(void)began(tpar_io_ready(ends[1], TPAR_IO_READABLE, &f[2]), &f[2]);
	if (f[0] != NULL && end_of(f[0]) == TPAR_DONE) {
		EXPECT(*(const unsigned *)tpar_future_value(f[0]) ==
		       TPAR_IO_WRITABLE);
	}
	if (f[2] != NULL) {
		enum tpar_err err = tpar_future_cancel(f[2]);

		EXPECT(err == TPAR_OK || (err == TPAR_EALREADY && fault_any()));
	}
	EXPECT(tpar_io_close(ends[0]) == TPAR_OK);
	if (f[1] != NULL) {
		EXPECT(tpar_future_wait(f[1], TPAR_FOREVER) == TPAR_EFAILED);
		EXPECT(tpar_future_code(f[1]) == EBADF || fault_any());
		tpar_future_unref(f[1]);
		f[1] = NULL;
	}
	end_all(f, 3);
	EXPECT(close(ends[1]) == 0);
}

/* ---- Bytes --------------------------------------------------------------- */

static void
read_and_write(void)
{
	tpar_future *f[2] = { NULL };
	char word[4] = "";
	int ends[2];

	make_pair(ends);
	fault_begin();
	(void)began(tpar_io_read(ends[0], word, sizeof word, &f[0]), &f[0]);
	(void)began(tpar_io_write(ends[1], "word", 4, &f[1]), &f[1]);
	if (f[0] != NULL && (f[1] == NULL || end_of(f[1]) != TPAR_DONE)) {
		/* Nothing comes: it waits until it is cancelled. */
		enum tpar_err err = tpar_future_cancel(f[0]);

		EXPECT(err == TPAR_OK || err == TPAR_EALREADY);
	}
	if (f[0] != NULL && end_of(f[0]) == TPAR_DONE) {
		EXPECT(*(const size_t *)tpar_future_value(f[0]) == 4);
		EXPECT(memcmp(word, "word", 4) == 0);
	}
	end_all(f, 2);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* Many for one descriptor: a failure stops those behind it. */
static void
write_in_turn(void)
{
	static char block[300000];
	tpar_future *f[6] = { NULL };
	struct tpar_failure why;
	char into[1];
	size_t n;
	int ends[2];

	make_pair(ends);
	fault_begin();
	for (n = 0; n < 5; n++) {
		if (!began(tpar_io_write(ends[0], block, sizeof block, &f[n]),
			   &f[n])) {
			break;
		}
	}
	/* Nobody reads it, until the other end is gone. */
	if (n > 0) {
		EXPECT(tpar_gather_until(f, n, NULL, tpar_in(200000), &why) !=
		       TPAR_OK);
	}
	(void)began(tpar_io_read(ends[1], into, 1, &f[5]), &f[5]);
	if (f[5] != NULL) {
		(void)tpar_future_cancel(f[5]);
		(void)end_of(f[5]);
	}
	end_all(f, 6);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* ---- Connections and names ----------------------------------------------- */

/* Takes what a future has for a descriptor; -1: none. */
static int
take_fd(tpar_future *f)
{
	int fd = -1;

	if (f != NULL && end_of(f) == TPAR_DONE) {
		EXPECT(tpar_future_take(f, &fd) == TPAR_OK);
		EXPECT(fd >= 0);
	}
	return fd;
}

static void
meet(const char *listens, const char *connects)
{
	tpar_future *f[4] = { NULL };
	int fd[4] = { -1, -1, -1, -1 };
	int i;

	fault_begin();
	if (began(tpar_io_listen(listens, 4, &f[0]), &f[0])) {
		fd[0] = take_fd(f[0]);
	}
	if (fd[0] >= 0 && began(tpar_io_connect(connects, &f[1]), &f[1])) {
		fd[1] = take_fd(f[1]);
	}
	if (fd[1] >= 0 && began(tpar_io_accept(fd[0], &f[2]), &f[2])) {
		fd[2] = take_fd(f[2]);
	}
	/* This one is not taken, and is closed with its future. */
	if (fd[1] >= 0 && began(tpar_io_connect(connects, &f[3]), &f[3])) {
		(void)end_of(f[3]);
	}
	end_all(f, 4);
	for (i = 0; i < 4; i++) {
		EXPECT(fd[i] < 0 || close(fd[i]) == 0);
	}
}

static void
meet_at_a_path(void)
{
	char text[100];

	(void)snprintf(text, sizeof text, "unix:@sweep of %ld", (long)getpid());
	meet(text, text);
}

/*
 * A port of loopback, by a socket that does not listen.  As long as it is open
 * nobody is given that port; the library, which asks for SO_REUSEADDR, has it.
 */
static int
reserve_port(int *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t length = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	EXPECT(bind(fd, (const struct sockaddr *)&in, sizeof in) == 0);
	EXPECT(getsockname(fd, (struct sockaddr *)&in, &length) == 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void
meet_at_a_number(void)
{
	char text[100];
	int port;
	int fd = reserve_port(&port);

	(void)snprintf(text, sizeof text, "127.0.0.1:%d", port);
	meet(text, text);
	EXPECT(close(fd) == 0);
}

static void
look_a_name_up(void)
{
	tpar_future *f[2] = { NULL };
	int i;

	fault_begin();
	(void)began(tpar_io_resolve("127.0.0.1", "80", &f[0]), &f[0]);
	(void)began(tpar_io_resolve("::1", NULL, &f[1]), &f[1]);
	for (i = 0; i < 2; i++) {
		if (f[i] != NULL && end_of(f[i]) == TPAR_DONE) {
			const struct tpar_io_addresses *found =
				tpar_future_value(f[i]);

			EXPECT(found->count >= 1);
		}
	}
	end_all(f, 2);
}

/* ---- Files --------------------------------------------------------------- */

static void
write_and_read_files(void)
{
	tpar_future *f[4] = { NULL };
	char path[] = "/tmp/tpar-sweep-XXXXXX";
	char word[4];
	int fd = mkstemp(path);

	EXPECT(fd >= 0);
	fault_begin();
	if (began(tpar_io_write_file(NULL, path, "contents", 8, &f[0]),
		  &f[0]) &&
	    end_of(f[0]) == TPAR_DONE &&
	    began(tpar_io_read_file(NULL, path, &f[1]), &f[1]) &&
	    end_of(f[1]) == TPAR_DONE) {
		const struct tpar_io_data *data = tpar_future_value(f[1]);

		EXPECT(data->size == 8);
		EXPECT(memcmp(data->data, "contents", 9) == 0);
	}
	if (began(tpar_io_pwrite(NULL, fd, "word", 4, 2, &f[2]), &f[2]) &&
	    end_of(f[2]) == TPAR_DONE &&
	    began(tpar_io_pread(NULL, fd, word, 4, 2, &f[3]), &f[3]) &&
	    end_of(f[3]) == TPAR_DONE) {
		EXPECT(*(const size_t *)tpar_future_value(f[3]) == 4);
		EXPECT(memcmp(word, "word", 4) == 0);
	}
	end_all(f, 4);
	EXPECT(close(fd) == 0 && unlink(path) == 0);
}

/* ---- Processes and signals ----------------------------------------------- */

static void
run_a_program(void)
{
	const char *argv[] = { "/bin/cat", NULL };
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	tpar_future *f[1] = { NULL };

	spawn.argv = argv;
	spawn.input = "to be read";
	spawn.input_size = 10;
	fault_begin();
	if (began(tpar_io_spawn(&spawn, &f[0]), &f[0]) &&
	    end_of(f[0]) == TPAR_DONE) {
		const struct tpar_io_exit *exit = tpar_future_value(f[0]);

		EXPECT(exit->signo == 0 && exit->code >= 0);
		EXPECT(exit->output_size == 10 || fault_any());
	}
	end_all(f, 1);
}

static void
stop_a_program(void)
{
	const char *argv[] = { "/bin/sleep", "3600", NULL };
	struct tpar_io_spawn spawn = TPAR_IO_SPAWN_INIT;
	tpar_future *f[1] = { NULL };

	spawn.argv = argv;
	spawn.cwd = "/";
	fault_begin();
	if (began(tpar_io_spawn(&spawn, &f[0]), &f[0])) {
		enum tpar_err err = tpar_future_cancel(f[0]);

		EXPECT(err == TPAR_OK || (err == TPAR_EALREADY && fault_any()));
		EXPECT(end_of(f[0]) == TPAR_CANCELLED || fault_any());
	}
	end_all(f, 1);
}

static void
await_a_signal(void)
{
	tpar_future *f[2] = { NULL };

	fault_begin();
	if (began(tpar_io_signal(SIGUSR1, &f[0]), &f[0]) &&
	    tpar_future_state(f[0]) == TPAR_PENDING) {
		EXPECT(raise(SIGUSR1) == 0);
		EXPECT(end_of(f[0]) == TPAR_DONE);
	}
	if (began(tpar_io_signal(SIGUSR2, &f[1]), &f[1])) {
		(void)tpar_future_cancel(f[1]);
	}
	end_all(f, 2);
}

/* ---- All together -------------------------------------------------------- */

static void
shut_down_pending(void)
{
	tpar_future *f[4] = { NULL };
	char byte;
	int ends[2];
	int i;

	make_pair(ends);
	fault_begin();
	(void)began(tpar_io_timer(tpar_in(3600 * TPAR_SECOND), &f[0]), &f[0]);
	(void)began(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]), &f[1]);
	(void)began(tpar_io_read(ends[0], &byte, 1, &f[2]), &f[2]);
	(void)began(tpar_io_signal(SIGUSR1, &f[3]), &f[3]);
	EXPECT(tpar_io_shutdown() == TPAR_OK);
	for (i = 0; i < 4; i++) {
		EXPECT(f[i] == NULL || end_of(f[i]) == TPAR_CANCELLED ||
		       fault_any());
	}
	end_all(f, 4);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void
time_before_descriptor(void)
{
	tpar_future *f[2] = { NULL };
	size_t index = 2;
	char byte;
	int ends[2];

	make_pair(ends);
	fault_begin();
	if (began(tpar_io_timer(tpar_in(100000), &f[0]), &f[0]) &&
	    began(tpar_io_ready(ends[0], TPAR_IO_READABLE, &f[1]), &f[1]) &&
	    tpar_future_state(f[1]) == TPAR_PENDING) {
		tpar_future *read = NULL;

		/* What is stopped leaves the descriptor to the next one. */
		EXPECT(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_OK);
		EXPECT(tpar_wait_any(f, 2, TPAR_FOREVER, &index) == TPAR_OK);
		EXPECT(index == 0);
		EXPECT(tpar_future_cancel(f[1]) == TPAR_OK);
		if (began(tpar_io_read(ends[0], &byte, 1, &read), &read)) {
			(void)tpar_future_cancel(read);
			EXPECT(end_of(read) == TPAR_CANCELLED || fault_any());
			tpar_future_unref(read);
		}
	}
	if (f[1] != NULL) {
		(void)tpar_future_cancel(f[1]);
	}
	end_all(f, 2);
	EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static const struct sweep_scenario scenarios[] = {
	{ "times", await_times, 20 },
	{ "descriptors that are ready", await_descriptors, 20 },
	{ "bytes", read_and_write, 20 },
	{ "writes that wait for each other", write_in_turn, 20 },
	{ "connection at a path", meet_at_a_path, 20 },
	{ "connection at a number", meet_at_a_number, 20 },
	{ "names", look_a_name_up, 20 },
	{ "files", write_and_read_files, 20 },
	{ "program", run_a_program, 20 },
	{ "program that is stopped", stop_a_program, 20 },
	{ "signals", await_a_signal, 20 },
	{ "shutdown", shut_down_pending, 20 },
	{ "a time before a descriptor", time_before_descriptor, 20 },
};

SWEEP_TEST(scenarios)

int
main(void)
{
	return sweep_main("sweep_io", scenario_survives_whatever_fails,
			  sizeof scenarios / sizeof scenarios[0], 1400);
}
