/* SPDX-License-Identifier: MIT */
/*
 * test_io_connect.c - connecting, listening, accepting.
 */
#include "io.h"

#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/un.h>

static tpar_future *
connecting(const char *address)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_connect(address, &f) == TPAR_OK);
	return f;
}

static tpar_future *
listening(const char *address)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_listen(address, 16, &f) == TPAR_OK);
	return f;
}

static tpar_future *
accepting(int fd)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_accept(fd, &f) == TPAR_OK);
	return f;
}

static int
port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t length = sizeof in;

	UNIT_MUST(getsockname(fd, (struct sockaddr *)&in, &length) == 0);
	return ntohs(in.sin_port);
}

/* A socket of loopback that does not listen. */
static int
bound_to_a_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	UNIT_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0);
	return fd;
}

/* The two ends talk to each other. */
static void
talk(int one, int other)
{
	char text[8] = "";
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_write(one, "hello", 5, &f) == TPAR_OK);
	io_expect_count(f, 5);
	UNIT_MUST(tpar_io_read(other, text, 7, &f) == TPAR_OK);
	io_expect_count(f, 5);
	ck_assert_str_eq(text, "hello");
}

static void
meet(const char *here, const char *there)
{
	int server = io_take_fd(listening(here));
	tpar_future *f = accepting(server);
	char address[200];
	int client;
	int peer;

	snprintf(address, sizeof address, there, port_of(server));
	client = io_take_fd(connecting(address));
	peer = io_take_fd(f);
	talk(client, peer);
	talk(peer, client);
	ck_assert_int_ne(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(peer, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(peer, F_GETFD) & FD_CLOEXEC, 0);
	UNIT_MUST(close(client) == 0 && close(peer) == 0 && close(server) == 0);
}

START_TEST(client_and_server_meet)
{
	char path[64];

	meet("127.0.0.1:0", "127.0.0.1:%d");
	meet("*:0", "127.0.0.1:%d");
	meet("localhost:0", "localhost:%d");
	snprintf(path, sizeof path, "unix:/tmp/tpar-io-%ld", (long)getpid());
	meet(path, path);
	UNIT_MUST(unlink(path + 5) == 0);
	snprintf(path, sizeof path, "unix:@tpar-io-%ld", (long)getpid());
	meet(path, path);
}
END_TEST

START_TEST(several_accept_in_their_order)
{
	enum { N = 8 };
	int server = io_take_fd(listening("127.0.0.1:0"));
	tpar_future *f[2 * N];
	char address[64];
	int fds[2 * N];
	int i;

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	for (i = 0; i < N; i++) {
		f[i] = accepting(server);
	}
	for (i = N; i < 2 * N; i++) {
		f[i] = connecting(address);
	}
	ck_assert_int_eq(tpar_gather(f, 2 * (size_t)N, fds, NULL), TPAR_OK);
	tpar_future_unref_all(f, 2 * (size_t)N);
	for (i = 0; i < 2 * N; i++) {
		UNIT_MUST(close(fds[i]) == 0);
	}
	UNIT_MUST(close(server) == 0);
}
END_TEST

/* ---- What is wrong ------------------------------------------------------- */

START_TEST(addresses_that_are_none_are_refused)
{
	static const char *const none[] = { "",
					    "host",
					    "host:",
					    ":80",
					    "*:80",
					    "unix:",
					    "a:99999",
					    "unix:0123456789012345678901234567"
					    "890123456789012345678901234567890"
					    "123456789012345678901234567890123"
					    "45678901234567890" };
	tpar_future *f = NULL;
	size_t i;

	for (i = 0; i < sizeof none / sizeof none[0]; i++) {
		ck_assert_int_eq(tpar_io_connect(none[i], &f), TPAR_EINVAL);
		ck_assert_str_ne(tpar_error_detail(), "");
	}
	ck_assert_int_eq(tpar_io_connect(NULL, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_connect("a:1", NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_listen("*:0", 0, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_accept(-1, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_accept(0, NULL), TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

/* Its port is taken, so that nobody else listens there meanwhile. */
START_TEST(connection_that_is_refused_says_to_what)
{
	int bound = bound_to_a_port();
	char address[64];
	char text[128];

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(bound));
	snprintf(text, sizeof text, "connecting to %s: Connection refused",
		 address);
	io_expect_failure(connecting(address), ECONNREFUSED, text);
	UNIT_MUST(close(bound) == 0);
	io_expect_failure(connecting("unix:/no/such/place"), ENOENT,
			  "connecting to unix:/no/such/place: No such file or "
			  "directory");
}
END_TEST

START_TEST(address_in_use_says_so)
{
	int server = io_take_fd(listening("127.0.0.1:0"));
	char address[64];
	char text[128];

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	snprintf(text, sizeof text, "listening on %s: Address already in use",
		 address);
	io_expect_failure(listening(address), EADDRINUSE, text);
	UNIT_MUST(close(server) == 0);
}
END_TEST

START_TEST(what_does_not_listen_accepts_nothing)
{
	char text[128];
	int ends[2];

	io_pair(ends);
	snprintf(text, sizeof text,
		 "accepting on descriptor %d: Invalid argument", ends[0]);
	io_expect_failure(accepting(ends[0]), EINVAL, text);
	UNIT_MUST(shutdown(ends[1], SHUT_RDWR) == 0);
	io_expect_failure(accepting(ends[0]), EINVAL, text);
	io_close_both(ends);
}
END_TEST

START_TEST(no_descriptor_is_left)
{
	int server = io_take_fd(listening("127.0.0.1:0"));
	tpar_future *f = accepting(server);
	char address[64];
	char text[128];
	struct rlimit limit;
	struct rlimit none;
	int client;
	int spare;

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	client = io_take_fd(connecting(address));
	UNIT_MUST(close(io_take_fd(f)) == 0);
	UNIT_MUST(close(client) == 0);
	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	spare = dup(server);
	none.rlim_cur = (rlim_t)spare;
	UNIT_MUST(close(spare) == 0);
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	snprintf(text, sizeof text, "connecting to %s: Too many open files",
		 address);
	io_expect_failure(connecting(address), EMFILE, text);
	/* One that is there, and cannot be accepted. */
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	client = io_take_fd(connecting(address));
	none.rlim_cur = (rlim_t)client + 1;
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	snprintf(text, sizeof text,
		 "accepting on descriptor %d: Too many open files", server);
	io_expect_failure(accepting(server), EMFILE, text);
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	/* Another one, should the system have dropped the first. */
	spare = io_take_fd(connecting(address));
	UNIT_MUST(close(io_take_fd(accepting(server))) == 0);
	UNIT_MUST(close(client) == 0 && close(spare) == 0 &&
		  close(server) == 0);
}
END_TEST

/* ---- Cancelling ---------------------------------------------------------- */

/* Its queue is full, and nobody accepts: the system does not answer. */
START_TEST(server_that_never_answers_is_given_up)
{
	int server = bound_to_a_port();
	char address[64];
	tpar_future *f[8];
	size_t i;

	UNIT_MUST(listen(server, 0) == 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	for (i = 0; i < 8; i++) {
		f[i] = connecting(address);
	}
	ck_assert_int_eq(tpar_wait_all(f, 8, tpar_in(20 * TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_future_state(f[7]), TPAR_RUNNING);
	for (i = 0; i < 8; i++) {
		(void)tpar_future_cancel(f[i]);
	}
	ck_assert_int_eq(tpar_wait_all(f, 8, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_state(f[7]), TPAR_CANCELLED);
	tpar_future_unref_all(f, 8);
	UNIT_MUST(close(server) == 0);
}
END_TEST

START_TEST(descriptors_that_nobody_takes_are_closed)
{
	int server = io_take_fd(listening("127.0.0.1:0"));
	char address[64];
	tpar_future *f[3];
	int before = io_open_fds();
	int i;

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	for (i = 0; i < 10; i++) {
		f[0] = accepting(server);
		f[1] = connecting(address);
		f[2] = accepting(server);
		ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
		ck_assert_int_eq(tpar_future_cancel(f[2]), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f[2], TPAR_FOREVER),
				 TPAR_ECANCELED);
		tpar_future_unref_all(f, 3);
	}
	/* The library may hold the last ones for a moment. */
	ck_assert_int_eq(tpar_io_shutdown(), TPAR_OK);
	ck_assert_int_lt(io_open_fds(), before);
	UNIT_MUST(close(server) == 0);
}
END_TEST

START_TEST(cancel_may_meet_the_connection)
{
	int server = io_take_fd(listening("127.0.0.1:0"));
	char address[64];
	long i;

	snprintf(address, sizeof address, "127.0.0.1:%d", port_of(server));
	for (i = 0; i < unit_scaled(200); i++) {
		tpar_future *f[2] = { accepting(server), connecting(address) };

		(void)tpar_future_cancel(f[i % 2]);
		if (i % 2 == 0) {
			/* The one that was not accepted waits for the next. */
			(void)tpar_future_cancel(f[1]);
		}
		(void)tpar_future_cancel(f[0]);
		ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	UNIT_MUST(close(server) == 0);
}
END_TEST

/* ---- An error that stays ------------------------------------------------- */

/* A socket of loopback, which has something in its error queue; its other end. */
static int
with_error_queue(int *peer)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	int listens = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof in;
	char byte = 'a';

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	UNIT_MUST(bind(listens, (struct sockaddr *)&in, length) == 0);
	UNIT_MUST(listen(listens, 1) == 0);
	UNIT_MUST(getsockname(listens, (struct sockaddr *)&in, &length) == 0);
	UNIT_MUST(connect(fd, (struct sockaddr *)&in, length) == 0);
	*peer = accept(listens, NULL, NULL);
	UNIT_MUST(*peer >= 0 && close(listens) == 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps,
			 sizeof stamps);
	UNIT_MUST(write(fd, &byte, 1) == 1 && read(*peer, &byte, 1) == 1);
	stamps = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps,
			 sizeof stamps);
	io_nonblock(fd);
	return fd;
}

START_TEST(writes_are_not_mixed_up_by_an_error_queue)
{
	static char data[2][8000000];
	static char got[65536];
	tpar_future *f[2];
	size_t count = 0;
	size_t wrong = 0;
	int peer = -1;
	int fd = with_error_queue(&peer);
	int i;

	for (i = 0; i < 2; i++) {
		memset(data[i], 'a' + i, sizeof data[i]);
		UNIT_MUST(tpar_io_write(fd, data[i], sizeof data[i], &f[i]) ==
			  TPAR_OK);
	}
	while (count < sizeof data) {
		ssize_t n = read(peer, got, sizeof got);
		ssize_t at;

		ck_assert_int_gt(n, 0);
		for (at = 0; at < n; at++, count++) {
			wrong += got[at] != 'a' + (count >= sizeof data[0]);
		}
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 2);
	UNIT_MUST(close(fd) == 0 && close(peer) == 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		client_and_server_meet,
		several_accept_in_their_order,
		addresses_that_are_none_are_refused,
		connection_that_is_refused_says_to_what,
		address_in_use_says_so,
		what_does_not_listen_accepts_nothing,
		no_descriptor_is_left,
		server_that_never_answers_is_given_up,
		descriptors_that_nobody_takes_are_closed,
		cancel_may_meet_the_connection,
		writes_are_not_mixed_up_by_an_error_queue,
	};

	return io_main("io_connect", tests, sizeof tests / sizeof tests[0]);
}
