/* SPDX-License-Identifier: MIT */
/*
 * test_future_fd.c - a descriptor for event loops: readable once the future has
 * ended, the same for all who ask, gone with the future.
 */
#include "promised.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static int
fd_of(tpar_future *f)
{
	int fd = -1;

	UNIT_MUST(tpar_future_fd(f, &fd) == TPAR_OK);
	UNIT_MUST(fd >= 0);
	return fd;
}

/* Now, or waiting for it. */
static bool
is_readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int n = poll(&poll_fd, 1, timeout_ms);

	UNIT_MUST(n >= 0 && (poll_fd.revents & (POLLERR | POLLNVAL)) == 0);
	return n == 1 && (poll_fd.revents & POLLIN) != 0;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

START_TEST(descriptor_becomes_readable_and_stays_so)
{
	struct promised made = promised_number();
	int fd = fd_of(made.f);
	int i;

	ck_assert(!is_readable(fd, 0));
	promised_set(made, 1);
	for (i = 0; i < 3; i++) {
		ck_assert(is_readable(fd, 0));
	}
	ck_assert_int_eq(fd_of(made.f), fd);
	ck_assert(is_readable(fd, -1));
	promised_free(made);
}
END_TEST

START_TEST(descriptor_is_readable_however_the_future_ends)
{
	struct promised made[3];
	tpar_future *f[3];
	int fd[3];
	int i;

	promised_many(made, f, 3, NULL);
	for (i = 0; i < 3; i++) {
		fd[i] = fd_of(f[i]);
		ck_assert(!is_readable(fd[i], 0));
	}
	ck_assert_int_eq(tpar_promise_fail(made[0].p, 1, NULL), TPAR_OK);
	ck_assert(is_readable(fd[0], 0));
	ck_assert(!is_readable(fd[1], 0));
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert(is_readable(fd[1], 0));
	tpar_promise_destroy(made[2].p);
	ck_assert(is_readable(fd[2], 0));
	promised_free_many(made, 2);
	tpar_future_unref(f[2]);
}
END_TEST

START_TEST(descriptor_of_what_has_ended_is_readable_at_once)
{
	tpar_future *f = promised_ended(3);
	int fd = fd_of(f);

	ck_assert(is_readable(fd, 0));
	ck_assert_int_eq(fd_of(f), fd);
	tpar_future_unref(f);
	ck_assert(!is_open(fd));
}
END_TEST

START_TEST(each_call_gives_the_same_descriptor)
{
	struct promised made[2] = { promised_number(), promised_number() };
	int fd = fd_of(made[0].f);
	int other = fd_of(made[1].f);

	ck_assert_int_ne(fd, other);
	ck_assert_int_eq(fd_of(made[0].f), fd);
	promised_set(made[0], 1);
	ck_assert_int_eq(fd_of(made[0].f), fd);
	ck_assert_int_eq(fd_of(made[1].f), other);
	ck_assert(!is_readable(other, 0));
	promised_free_many(made, 2);
}
END_TEST

START_TEST(descriptor_is_closed_when_it_has_ended_and_nobody_holds_it)
{
	struct promised made = promised_number();
	int fd = fd_of(made.f);

	/* Released before it ends. */
	tpar_future_unref(made.f);
	ck_assert(is_open(fd));
	promised_set(made, 1);
	tpar_promise_destroy(made.p);
	ck_assert(!is_open(fd));
	/* And after it has ended. */
	made = promised_number();
	fd = fd_of(made.f);
	promised_set(made, 1);
	tpar_promise_destroy(made.p);
	ck_assert(is_open(fd));
	tpar_future_unref(made.f);
	ck_assert(!is_open(fd));
}
END_TEST

START_TEST(descriptor_is_not_inherited_by_other_programs)
{
	struct promised made = promised_number();
	int flags = fcntl(fd_of(made.f), F_GETFD);

	ck_assert_int_ge(flags, 0);
	ck_assert_int_ne(flags & FD_CLOEXEC, 0);
	promised_free(made);
}
END_TEST

/* ---- An event loop ------------------------------------------------------- */

enum { LOOP = 200 };

static void
watch(int epoll, int fd, unsigned number)
{
	struct epoll_event event = { .events = EPOLLIN };

	event.data.u32 = number;
	UNIT_MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

START_TEST(event_loop_sees_each_of_many_tasks_end)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	bool seen[LOOP] = { false };
	tpar_future *f[LOOP];
	struct scene scene;
	unsigned left;
	unsigned i;

	ck_assert_int_ge(epoll, 0);
	scene_stall(&scene);
	for (i = 0; i < LOOP; i++) {
		f[i] = unit_submit(scene.pool, unit_number_task,
				   (void *)(intptr_t)i, sizeof(intptr_t));
		watch(epoll, fd_of(f[i]), i);
	}
	scene_let_go(&scene);
	for (left = LOOP; left > 0; left--) {
		struct epoll_event event;

		ck_assert_int_eq(epoll_wait(epoll, &event, 1, -1), 1);
		i = event.data.u32;
		ck_assert_uint_lt(i, LOOP);
		ck_assert(!seen[i]);
		seen[i] = true;
		ck_assert_int_eq(promised_value(f[i]), (intptr_t)i);
		UNIT_MUST(epoll_ctl(epoll, EPOLL_CTL_DEL, fd_of(f[i]), NULL) ==
			  0);
		tpar_future_unref(f[i]);
	}
	UNIT_MUST(close(epoll) == 0);
	scene_end(&scene);
}
END_TEST

START_TEST(gather_in_the_background_has_a_descriptor)
{
	struct promised made[3];
	tpar_future *f[3];
	tpar_future *all = NULL;
	int fd;
	int i;

	promised_many(made, f, 3, NULL);
	ck_assert_int_eq(tpar_gather_async(f, 3, &all), TPAR_OK);
	fd = fd_of(all);
	for (i = 0; i < 3; i++) {
		ck_assert(!is_readable(fd, 0));
		promised_set(made[i], i);
	}
	ck_assert(is_readable(fd, 0));
	tpar_future_unref(all);
	ck_assert(!is_open(fd));
	promised_free_many(made, 3);
}
END_TEST

/* ---- Several threads ----------------------------------------------------- */

enum { ASKERS = 4 };

struct askers {
	struct promised made;
	pthread_barrier_t start;
	int fd[ASKERS];
};

struct asker {
	struct askers *askers;
	int number;
};

static void *
ask(void *arg)
{
	struct asker *self = arg;
	struct askers *askers = self->askers;

	(void)pthread_barrier_wait(&askers->start);
	askers->fd[self->number] = fd_of(askers->made.f);
	UNIT_MUST(is_readable(askers->fd[self->number], -1));
	return NULL;
}

START_TEST(all_who_ask_at_once_get_the_same_and_see_the_end)
{
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		struct askers askers = { .made = promised_number() };
		struct asker asker[ASKERS];
		pthread_t thread[ASKERS];
		int i;

		UNIT_MUST(pthread_barrier_init(&askers.start, NULL,
					       ASKERS + 1) == 0);
		for (i = 0; i < ASKERS; i++) {
			asker[i] = (struct asker) { &askers, i };
			thread[i] = unit_start(ask, &asker[i]);
		}
		(void)pthread_barrier_wait(&askers.start);
		promised_set(askers.made, 1);
		for (i = 0; i < ASKERS; i++) {
			unit_join(thread[i]);
			ck_assert_int_eq(askers.fd[i], askers.fd[0]);
		}
		promised_free(askers.made);
		ck_assert(!is_open(askers.fd[0]));
		UNIT_MUST(pthread_barrier_destroy(&askers.start) == 0);
	}
}
END_TEST

/* ---- Refusals ------------------------------------------------------------ */

START_TEST(bad_request_is_refused)
{
	struct promised made = promised_number();
	int fd = 77;

	ck_assert_int_eq(tpar_future_fd(NULL, &fd), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_future_fd(made.f, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "fd is NULL");
	ck_assert_int_eq(fd, 77);
	promised_free(made);
}
END_TEST

START_TEST(without_descriptors_it_is_refused_and_nothing_lost)
{
	struct promised made = promised_number();
	struct rlimit before;
	struct rlimit none;
	int fd = 77;

	UNIT_MUST(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	ck_assert_int_eq(tpar_future_fd(made.f, &fd), TPAR_EAGAIN);
	ck_assert_int_eq(fd, 77);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "descriptor"));
	UNIT_MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
	fd = fd_of(made.f);
	ck_assert(!is_readable(fd, 0));
	promised_set(made, 1);
	ck_assert(is_readable(fd, 0));
	promised_free(made);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		descriptor_becomes_readable_and_stays_so,
		descriptor_is_readable_however_the_future_ends,
		descriptor_of_what_has_ended_is_readable_at_once,
		each_call_gives_the_same_descriptor,
		descriptor_is_closed_when_it_has_ended_and_nobody_holds_it,
		descriptor_is_not_inherited_by_other_programs,
		event_loop_sees_each_of_many_tasks_end,
		gather_in_the_background_has_a_descriptor,
		all_who_ask_at_once_get_the_same_and_see_the_end,
		bad_request_is_refused,
		without_descriptors_it_is_refused_and_nothing_lost,
	};

	return unit_main("future_fd", tests, sizeof tests / sizeof tests[0]);
}
