/* SPDX-License-Identifier: MIT */
/*
 * test_io_resolve.c - looking names up.
 */
#include "io.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static tpar_future *
resolving(const char *host, const char *port)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_resolve(host, port, &f) == TPAR_OK);
	return f;
}

START_TEST(number_is_its_own_address)
{
	tpar_future *f = resolving("127.0.0.1", "80");
	const struct tpar_io_addresses *found;
	struct sockaddr_in in;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	found = tpar_future_value(f);
	ck_assert_uint_eq(found->count, 1);
	ck_assert_uint_eq(found->address[0].length, sizeof in);
	memcpy(&in, &found->address[0].storage, sizeof in);
	ck_assert_int_eq(in.sin_family, AF_INET);
	ck_assert_uint_eq(ntohs(in.sin_port), 80);
	ck_assert_uint_eq(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK);
	tpar_future_unref(f);
}
END_TEST

START_TEST(addresses_are_the_callers_when_they_are_taken)
{
	tpar_future *f = resolving("localhost", NULL);
	struct tpar_io_addresses found = { 0, NULL };

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, &found), TPAR_OK);
	ck_assert_uint_ge(found.count, 1);
	free(found.address);
	tpar_future_unref(f);
}
END_TEST

START_TEST(name_that_there_is_not_fails)
{
	tpar_future *f = resolving("no-such-host.invalid", "80");
	static const char begin[] = "resolving no-such-host.invalid: ";

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	/* Without a server to be asked: try again. */
	ck_assert(tpar_future_code(f) == ENOENT ||
		  tpar_future_code(f) == EAGAIN);
	ck_assert_int_eq(
		strncmp(tpar_future_message(f), begin, sizeof begin - 1), 0);
	tpar_future_unref(f);
	io_expect_failure(resolving("127.0.0.1", "no-such-service"), EINVAL,
			  "resolving 127.0.0.1: Servname not supported for "
			  "ai_socktype");
}
END_TEST

START_TEST(connection_to_a_name_that_there_is_not_fails)
{
	tpar_future *f = NULL;
	static const char begin[] = "connecting to no-such-host.invalid:80: ";

	ck_assert_int_eq(tpar_io_connect("no-such-host.invalid:80", &f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(
		strncmp(tpar_future_message(f), begin, sizeof begin - 1), 0);
	tpar_future_unref(f);
}
END_TEST

START_TEST(arguments_that_are_wrong_are_refused)
{
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_io_resolve(NULL, "80", &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "host is NULL");
	ck_assert_int_eq(tpar_io_resolve("localhost", "80", NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_resolve("localhost", "65536", &f),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "port 65536 is beyond 65535");
	ck_assert_ptr_null(f);
}
END_TEST

/* The look-up waits behind a task that blocks, and is left behind. */
START_TEST(look_up_that_is_cancelled_is_left_behind)
{
	tpar_future *f[2];
	int i;

	for (i = 0; i < unit_scaled(50); i++) {
		f[0] = resolving("localhost", "80");
		UNIT_MUST(tpar_io_connect("localhost:1", &f[1]) == TPAR_OK);
		(void)tpar_future_cancel(f[0]);
		ck_assert_int_ge(tpar_future_state(f[0]), TPAR_DONE);
		(void)tpar_future_cancel(f[1]);
		ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	/* Those that are on are waited for here, the others never run. */
	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
}
END_TEST

static void *
shut_down_often(void *arg)
{
	const bool *over = arg;

	/* ENDS: as soon as the other one is through. */
	while (!__atomic_load_n(over, __ATOMIC_ACQUIRE)) {
		UNIT_MUST(tpar_io_shutdown() == TPAR_OK);
	}
	return NULL;
}

START_TEST(shutdown_may_meet_a_look_up_that_begins)
{
	bool over = false;
	tpar_future *f[2];
	pthread_t thread;
	int i;

	/*
	 * The default pool reads files when it starts.  ThreadSanitizer would
	 * take them for the loop's that had the same numbers: it does not see
	 * how libuv closes them.
	 */
	UNIT_MUST(tpar_pool_workers(NULL) > 0);
	UNIT_MUST(pthread_create(&thread, NULL, shut_down_often, &over) == 0);
	for (i = 0; i < unit_scaled(200); i++) {
		f[0] = resolving("localhost", "80");
		UNIT_MUST(tpar_io_connect("localhost:1", &f[1]) == TPAR_OK);
		ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	UNIT_MUST(pthread_join(thread, NULL) == 0);
}
END_TEST

START_TEST(pool_that_is_shut_down_looks_nothing_up)
{
	tpar_future *f = NULL;

	unit_run_in(NULL, scene_return, NULL);
	ck_assert_int_eq(tpar_pool_shutdown(NULL, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_io_resolve("localhost", "80", &f), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_io_connect("localhost:80", &f), TPAR_ECLOSED);
	ck_assert_ptr_null(f);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		shutdown_may_meet_a_look_up_that_begins,
		number_is_its_own_address,
		addresses_are_the_callers_when_they_are_taken,
		name_that_there_is_not_fails,
		connection_to_a_name_that_there_is_not_fails,
		arguments_that_are_wrong_are_refused,
		look_up_that_is_cancelled_is_left_behind,
		pool_that_is_shut_down_looks_nothing_up,
	};

	return io_main("io_resolve", tests, sizeof tests / sizeof tests[0]);
}
