/* SPDX-License-Identifier: MIT */
/*
 * test_loose.c - futures of no pool: what they are like, and what is kept for
 * them: an entry for a descriptor, a frame of a gather in the background.
 */
#include "config.h"

#include "handmade.h"

#include "src/after.h"
#include "src/cancel.h"
#include "src/frame.h"
#include "src/loose.h"

#include <poll.h>

/* With a handle and a reference. */
static struct tpar_future *
make_loose(size_t value_size, bool running)
{
	struct tpar_task task = { .value_size = value_size, .name = "loose" };
	struct tpi_shape shape;
	struct tpar_future *f;

	UNIT_MUST(tpi_future_shape(&task, &shape));
	f = tpi_loose_create(&task, &shape, running);
	UNIT_MUST(f != NULL);
	return f;
}

static void
end(struct tpar_future *f)
{
	if (tpi_state_peek(&f->state) == TPI_PENDING) {
		UNIT_MUST(tpi_future_claim(f));
	}
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
}

START_TEST(nobody_runs_a_loose_future)
{
	struct tpar_future *pending = make_loose(8, false);
	struct tpar_future *running = make_loose(8, true);

	ck_assert(tpi_loose_is(pending) && tpi_loose_is(running));
	ck_assert_uint_ne(pending->flags & TPI_F_NO_INLINE, 0);
	ck_assert_int_eq(tpi_state_peek(&pending->state), TPI_PENDING);
	ck_assert_int_eq(tpi_state_peek(&running->state), TPI_RUNNING);
	ck_assert_uint_eq(atomic_load(&pending->holds),
			  TPI_MEMREF + TPI_HANDLE);
	ck_assert(!tpi_cancel_requested(pending));
	ck_assert(!tpi_cancel_requested(running));
	end(pending);
	end(running);
}
END_TEST

START_TEST(value_is_zero_although_its_block_was_used)
{
	static const size_t sizes[] = { 8, 16, 100, 3000, 100000 };
	size_t i;
	size_t k;

	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct tpar_future *f = make_loose(sizes[i], true);

		memset(tpi_future_payload(f), 0x5a, sizes[i]);
		end(f);
		f = make_loose(sizes[i], true);
		for (k = 0; k < sizes[i]; k++) {
			ck_assert_int_eq(((char *)tpi_future_payload(f))[k], 0);
		}
		end(f);
	}
}
END_TEST

START_TEST(all_loose_futures_are_of_one_arena)
{
	struct tpar_future *f = make_loose(8, false);
	struct tpar_future *g = make_loose(100000, false);

	ck_assert_ptr_eq(tpi_future_home(f)->arena, tpi_future_home(g)->arena);
	end(f);
	end(g);
}
END_TEST

START_TEST(one_that_is_decided_is_so_once)
{
	struct tpar_future *f = make_loose(0, true);

	tpi_loose_by_hand(f);
	ck_assert(tpi_loose_decide(f));
	ck_assert(!tpi_loose_decide(f));
	end(f);
}
END_TEST

/* ---- Descriptors --------------------------------------------------------- */

enum { DESCRIPTORS = 200 }; /* more than there are places in the table */

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

START_TEST(state_says_from_the_end_on_that_there_is_a_descriptor)
{
	struct tpar_future *f[DESCRIPTORS];
	int fd[DESCRIPTORS];
	int i;

	for (i = 0; i < DESCRIPTORS; i++) {
		f[i] = make_loose(0, true);
		ck_assert_int_eq(tpar_future_fd(f[i], &fd[i]), TPAR_OK);
		ck_assert_uint_eq(atomic_load(&f[i]->holds),
				  2 * TPI_MEMREF + TPI_HANDLE);
	}
	/* From the middle, so that those around it stay in their places. */
	for (i = 0; i < DESCRIPTORS; i++) {
		struct tpar_future *one = f[(i * 7) % DESCRIPTORS];
		int its = fd[(i * 7) % DESCRIPTORS];

		ck_assert(!is_readable(its));
		tpi_future_end(one, 0, NULL);
		ck_assert(is_readable(its));
		ck_assert_uint_ne(tpi_state_get(&one->state) & TPI_HAS_FD, 0);
		ck_assert_uint_eq(atomic_load(&one->holds),
				  TPI_MEMREF + TPI_HANDLE);
		hand_drop(one);
	}
}
END_TEST

/* ---- Gathers in the background ------------------------------------------- */

struct gathering {
	struct tpar_future *f[3];
	struct tpar_future *all;
};

static void
make_gathering(struct gathering *gathering)
{
	int i;

	for (i = 0; i < 3; i++) {
		gathering->f[i] = make_loose(8, false);
	}
	UNIT_MUST(tpar_gather_async(gathering->f, 3, &gathering->all) ==
		  TPAR_OK);
}

static void
free_gathering(struct gathering *gathering)
{
	int i;

	for (i = 0; i < 3; i++) {
		hand_drop(gathering->f[i]);
	}
	tpar_future_unref(gathering->all);
}

static void
end_member(struct gathering *gathering, int i)
{
	UNIT_MUST(tpi_future_claim(gathering->f[i]));
	tpi_future_end(gathering->f[i], 0, NULL);
}

START_TEST(gather_shows_its_frame_and_holds_its_members)
{
	struct gathering gathering;
	struct tpi_frame *frame;
	int i;

	make_gathering(&gathering);
	frame = tpi_frame_pin(gathering.all);
	ck_assert_ptr_nonnull(frame);
	ck_assert_uint_eq(frame->n, 3);
	ck_assert_ptr_eq(frame->task, gathering.all);
	ck_assert(tpi_frame_is_set(frame) && !tpi_frame_leaves(frame));
	ck_assert_int_eq(atomic_load(&frame->left), 3);
	for (i = 0; i < 3; i++) {
		ck_assert_ptr_eq(frame->f[i], gathering.f[i]);
		ck_assert(tpi_frame_is_registered(frame, gathering.f[i]));
		ck_assert_uint_eq(
			TPI_HANDLES(atomic_load(&gathering.f[i]->holds)), 2);
	}
	tpi_frame_unpin(gathering.all);
	for (i = 0; i < 3; i++) {
		end_member(&gathering, i);
	}
	ck_assert_ptr_null(tpi_frame_pin(gathering.all));
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(
			TPI_HANDLES(atomic_load(&gathering.f[i]->holds)), 1);
	}
	ck_assert_uint_eq(atomic_load(&gathering.all->holds), TPI_HANDLE);
	free_gathering(&gathering);
}
END_TEST

static void *
end_last(void *arg)
{
	end_member(arg, 2);
	return NULL;
}

START_TEST(frame_stays_while_somebody_looks_at_it)
{
	struct gathering gathering;
	struct tpi_frame *frame;
	pthread_t thread;

	make_gathering(&gathering);
	end_member(&gathering, 0);
	end_member(&gathering, 1);
	frame = tpi_frame_pin(gathering.all);
	ck_assert_ptr_nonnull(frame);
	thread = unit_start(end_last, &gathering);
	/* It is hidden, then whoever completes it waits for us. */
	UNIT_AWAIT(atomic_load(&gathering.all->cur) == NULL);
	ck_assert_int_eq(tpi_state_peek(&gathering.all->state), TPI_RUNNING);
	ck_assert_int_eq(atomic_load(&frame->left), 0);
	tpi_frame_unpin(gathering.all);
	unit_join(thread);
	ck_assert_int_eq(tpar_future_state(gathering.all), TPAR_DONE);
	free_gathering(&gathering);
}
END_TEST

START_TEST(gather_completes_once_a_sweep_is_over)
{
	struct tpi_sweep *sweep = (struct tpi_sweep *)&sweep;
	struct gathering gathering;
	int i;

	make_gathering(&gathering);
	tpi_thread_self.sweep = sweep;
	for (i = 0; i < 3; i++) {
		end_member(&gathering, i);
	}
	ck_assert_int_eq(tpar_future_state(gathering.all), TPAR_RUNNING);
	tpi_thread_self.sweep = NULL;
	tpi_after_run();
	ck_assert_int_eq(tpar_future_state(gathering.all), TPAR_DONE);
	free_gathering(&gathering);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		nobody_runs_a_loose_future,
		value_is_zero_although_its_block_was_used,
		all_loose_futures_are_of_one_arena,
		one_that_is_decided_is_so_once,
		state_says_from_the_end_on_that_there_is_a_descriptor,
		gather_shows_its_frame_and_holds_its_members,
		frame_stays_while_somebody_looks_at_it,
		gather_completes_once_a_sweep_is_over,
	};

	return unit_main("loose", tests, sizeof tests / sizeof tests[0]);
}
