/* SPDX-License-Identifier: MIT */
/*
 * test_frame_threads.c - waiters that come and go while a future ends; pinning
 * a frame while its owner wants to leave.
 */
#include "config.h"

#include "handmade.h"

#include "src/frame.h"
#include "src/parker.h"

enum { WAITERS = 4, MEMBERS = 3 };

static struct tpar_pool *pool;

/* The members of one round and how the threads meet. */
struct meeting {
	struct tpar_future *f[MEMBERS];
	struct unit_gate go;
	_Atomic int wrong;
};

/*
 * Registers with all members and at once leaves again, until one has ended:
 * each registration is either removed or signalled.
 */
static void *
come_and_go(void *arg)
{
	struct meeting *meeting = arg;
	struct tpi_frame frame;
	bool ended = false;
	int64_t counted;
	int i;

	unit_gate_await(&meeting->go, 1);
	while (!ended) {
		tpi_frame_init(&frame, TPI_WAIT_ONLY, meeting->f, MEMBERS);
		tpi_store_relaxed(&frame.owner, 0);
		counted = 0;
		for (i = 0; i < MEMBERS; i++) {
			if (tpi_frame_register(&frame, meeting->f[i]) ==
			    TPI_HAD_ENDED) {
				ended = true;
				counted++;
			}
		}
		for (i = 0; i < MEMBERS; i++) {
			counted += (int64_t)tpi_frame_unregister(&frame,
								 meeting->f[i]);
		}
		(void)tpi_frame_take_off(&frame, counted + 1);
		/* ENDS: what was not removed is about to be signalled. */
		UNIT_AWAIT(atomic_load(&frame.left) <= 0);
		if (!tpi_frame_complete(&frame)) {
			atomic_store(&meeting->wrong, 1);
		}
		tpi_frame_fini(&frame);
		sched_yield();
	}
	return NULL;
}

START_TEST(each_registration_is_removed_or_signalled)
{
	long rounds = unit_scaled(300);
	pthread_t thread[WAITERS];
	long round;
	int i;

	pool = hand_pool(1);
	for (round = 0; round < rounds; round++) {
		struct meeting meeting = { .go = UNIT_GATE_INIT };

		for (i = 0; i < MEMBERS; i++) {
			meeting.f[i] = hand_future(pool);
			ck_assert(tpi_future_claim(meeting.f[i]));
		}
		for (i = 0; i < WAITERS; i++) {
			thread[i] = unit_start(come_and_go, &meeting);
		}
		unit_gate_open(&meeting.go);
		for (i = 0; i < 20; i++) {
			sched_yield();
		}
		for (i = 0; i < MEMBERS; i++) {
			tpi_future_end(meeting.f[i], 0, NULL);
		}
		for (i = 0; i < WAITERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(atomic_load(&meeting.wrong), 0);
		for (i = 0; i < MEMBERS; i++) {
			hand_drop(meeting.f[i]);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(pin_finds_what_is_published)
{
	struct tpi_frame outer;
	struct tpi_frame inner;
	struct tpar_future *f;

	pool = hand_pool(1);
	f = hand_future(pool);
	ck_assert(tpi_future_claim(f));
	ck_assert_ptr_null(tpi_frame_pin(f));
	ck_assert(tpi_frame_unpinned(f));
	tpi_frame_init(&outer, TPI_WAIT_ONLY, NULL, 0);
	tpi_frame_publish(&outer, f);
	ck_assert_ptr_eq(tpi_frame_pin(f), &outer);
	ck_assert_ptr_eq(tpi_frame_pin(f), &outer);
	ck_assert(!tpi_frame_unpinned(f));
	tpi_frame_unpin(f);
	tpi_frame_unpin(f);
	ck_assert(tpi_frame_unpinned(f));
	tpi_frame_init(&inner, TPI_WAIT_ONLY, NULL, 0);
	inner.outer = &outer;
	tpi_frame_publish(&inner, f);
	ck_assert_ptr_eq(tpi_frame_pin(f), &inner);
	tpi_frame_unpin(f);
	tpi_frame_unpublish(&inner, f);
	ck_assert_ptr_eq(tpi_frame_pin(f), &outer);
	tpi_frame_unpin(f);
	tpi_frame_unpublish(&outer, f);
	ck_assert_ptr_null(tpi_frame_pin(f));
	ck_assert(tpi_frame_unpinned(f));
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

struct show {
	struct tpar_future *f;
	_Atomic int stop;
	_Atomic long pinned;
	_Atomic long wrong;
};

static void *
look_at_frames(void *arg)
{
	struct show *show = arg;
	struct tpi_frame *frame;

	while (!atomic_load(&show->stop)) {
		sched_yield(); /* there may be one processor only */
		frame = tpi_frame_pin(show->f);
		if (frame == NULL) {
			continue;
		}
		sched_yield(); /* its owner wants to leave meanwhile */
		/* What stood there when it was published, not what follows. */
		if (frame->n != 7 || frame->kind != TPI_WAIT_SETTLED) {
			atomic_fetch_add(&show->wrong, 1);
		}
		atomic_fetch_add(&show->pinned, 1);
		tpi_frame_unpin(show->f);
	}
	return NULL;
}

static void
show_one(struct show *show)
{
	struct tpi_frame frame;

	tpi_frame_init(&frame, TPI_WAIT_SETTLED, NULL, 7);
	tpi_frame_publish(&frame, show->f);
	sched_yield();
	tpi_frame_unpublish(&frame, show->f);
	UNIT_AWAIT(tpi_frame_unpinned(show->f));
	memset(&frame, 0xff, sizeof frame);
	/* Else that is left out, as nobody would read it. */
	__asm__ volatile("" : : "r"(&frame) : "memory");
}

START_TEST(frame_stays_while_it_is_pinned)
{
	long rounds = unit_scaled(20000);
	pthread_t thread[2];
	struct show show;
	long i;

	pool = hand_pool(1);
	memset(&show, 0, sizeof show);
	show.f = hand_future(pool);
	ck_assert(tpi_future_claim(show.f));
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(look_at_frames, &show);
	}
	for (i = 0; i < rounds || atomic_load(&show.pinned) == 0; i++) {
		show_one(&show);
	}
	atomic_store(&show.stop, 1);
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
	ck_assert_int_eq(atomic_load(&show.wrong), 0);
	ck_assert_int_gt(atomic_load(&show.pinned), 0);
	tpi_future_end(show.f, 0, NULL);
	hand_drop(show.f);
	hand_free(pool);
}
END_TEST

struct elected {
	struct tpi_frame frame;
	struct unit_gate go;
	_Atomic int winners;
};

static void *
stand(void *arg)
{
	struct elected *elected = arg;

	unit_gate_await(&elected->go, 1);
	if (tpi_frame_elect(&elected->frame, (uintptr_t)&elected)) {
		atomic_fetch_add(&elected->winners, 1);
	}
	return NULL;
}

START_TEST(one_of_many_is_elected)
{
	long rounds = unit_scaled(300);
	pthread_t thread[WAITERS];
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		struct elected elected = { .go = UNIT_GATE_INIT };

		tpi_frame_init(&elected.frame, TPI_WAIT_ONLY, NULL, 0);
		for (i = 0; i < WAITERS; i++) {
			thread[i] = unit_start(stand, &elected);
		}
		unit_gate_open(&elected.go);
		for (i = 0; i < WAITERS; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(atomic_load(&elected.winners), 1);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { each_registration_is_removed_or_signalled,
				 pin_finds_what_is_published,
				 frame_stays_while_it_is_pinned,
				 one_of_many_is_elected };

	return unit_main("frame_threads", tests,
			 sizeof tests / sizeof tests[0]);
}
