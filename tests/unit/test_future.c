/* SPDX-License-Identifier: MIT */
/*
 * test_future.c - the shape of a future, its holders, how it ends, and that
 * its value is dropped or moved once.
 */
#include "config.h"

#include "handmade.h"

static _Atomic int values_dropped;
static _Atomic int args_dropped;

static void
drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&values_dropped, 1);
}

static void
drop_arg(void *arg)
{
	(void)arg;
	atomic_fetch_add(&args_dropped, 1);
}

static struct tpar_pool *pool;

static void
start(void)
{
	pool = hand_pool(1);
	atomic_store(&values_dropped, 0);
	atomic_store(&args_dropped, 0);
}

static struct tpar_future *
make(size_t value_size, bool drops)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = hand_nothing;
	task.value_size = value_size;
	task.drop_value = drops ? drop_value : NULL;
	task.drop_arg = drops ? drop_arg : NULL;
	return hand_future_of(pool, &task);
}

/* Runs it by hand; the queue's reference is given up. */
static void
end(struct tpar_future *f, int rc)
{
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, rc, NULL);
	tpi_future_release(f);
}

START_TEST(shape_has_room_for_the_value)
{
	static const size_t aligns[] = {
		0, 1, 2, 8, 16, 32, 64, 128, 256, 4096
	};
	static const size_t sizes[] = { 0,   1,	  15,  16,  17,	 100,
					128, 144, 400, 401, 5000 };
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;
	size_t a;
	size_t s;

	for (a = 0; a < sizeof aligns / sizeof aligns[0]; a++) {
		for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
			size_t room = sizes[s] < TPI_INLINE_VALUE
					      ? TPI_INLINE_VALUE
					      : sizes[s];
			unsigned class;

			task.value_align = aligns[a];
			task.value_size = sizes[s];
			ck_assert(tpi_future_shape(&task, &shape));
			class = shape.flags >> TPI_F_CLASS_SHIFT;
			ck_assert_uint_eq(shape.value_size, sizes[s]);
			ck_assert_uint_ge(shape.value_offset,
					  offsetof(struct tpar_future, small));
			ck_assert_uint_ge(shape.block_align, TPI_CACHELINE);
			ck_assert_uint_ge(shape.block_align, aligns[a]);
			/* The runner zeroes 16 bytes of the smallest value. */
			ck_assert_msg(
				shape.value_offset + room <=
					(class < TPI_CLASSES
						 ? TPI_CLASS_SIZE(class)
						 : shape.block_size),
				"size %zu align %zu: no room for %zu at %u",
				sizes[s], aligns[a], room, shape.value_offset);
		}
	}
}
END_TEST

START_TEST(small_values_lie_in_the_common_block)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;

	task.value_size = 16;
	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags >> TPI_F_CLASS_SHIFT, 0);
	task.value_size = 17;
	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags >> TPI_F_CLASS_SHIFT, 1);
	task.value_size = 400;
	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags >> TPI_F_CLASS_SHIFT, 2);
	task.value_size = 401;
	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags >> TPI_F_CLASS_SHIFT, TPI_CLASS_LARGE);
}
END_TEST

START_TEST(shape_out_of_range_is_refused)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;

	task.value_size = (size_t)1 << 30;
	ck_assert(tpi_future_shape(&task, &shape));
	task.value_size++;
	ck_assert(!tpi_future_shape(&task, &shape));
	task.value_size = SIZE_MAX;
	ck_assert(!tpi_future_shape(&task, &shape));
	task.value_size = 8;
	task.value_align = TPAR_ALIGN_MAX;
	ck_assert(tpi_future_shape(&task, &shape));
	task.value_align = 2 * TPAR_ALIGN_MAX;
	ck_assert(!tpi_future_shape(&task, &shape));
	task.value_align = 24;
	ck_assert(!tpi_future_shape(&task, &shape));
	task.value_align = SIZE_MAX;
	ck_assert(!tpi_future_shape(&task, &shape));
}
END_TEST

START_TEST(flags_follow_the_task)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_shape shape;

	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags, 0);
	task.drop_value = drop_value;
	task.drop_arg = drop_arg;
	task.flags = TPAR_NO_INLINE;
	ck_assert(tpi_future_shape(&task, &shape));
	ck_assert_uint_eq(shape.flags,
			  TPI_F_DROP_VALUE | TPI_F_DROP_ARG | TPI_F_NO_INLINE);
}
END_TEST

START_TEST(payload_is_aligned)
{
	static const size_t aligns[] = { 0, 16, 32, 128, 256, 4096 };
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *f;
	size_t i;

	start();
	task.fn = hand_nothing;
	for (i = 0; i < sizeof aligns / sizeof aligns[0]; i++) {
		task.value_align = aligns[i];
		task.value_size = 24;
		f = hand_future_of(pool, &task);
		ck_assert_uint_eq((uintptr_t)tpi_future_payload(f) %
					  (aligns[i] ? aligns[i] : 16),
				  0);
		memset(tpi_future_payload(f), 0xff, 24);
		end(f, 0);
		tpar_future_unref(f);
	}
	hand_free(pool);
}
END_TEST

START_TEST(new_future_is_pending_and_held_twice)
{
	struct tpar_future *f;

	start();
	f = make(8, true);
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	ck_assert_int_eq(tpar_future_code(f), 0);
	ck_assert_str_eq(tpar_future_message(f), "");
	ck_assert_ptr_null(tpar_future_value(f));
	ck_assert_uint_eq(atomic_load(&f->holds), TPI_MEMREF + TPI_HANDLE);
	ck_assert(tpi_future_claim(f));
	ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
	ck_assert_ptr_null(tpar_future_value(f));
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(discarded_future_drops_nothing)
{
	struct tpar_future *f;
	struct tpar_future *again;

	start();
	f = make(8, true);
	tpi_future_discard(NULL, f);
	ck_assert_int_eq(values_dropped + args_dropped, 0);
	again = make(8, false);
	ck_assert_ptr_eq(again, f);
	tpi_future_discard(NULL, again);
	hand_free(pool);
}
END_TEST

START_TEST(claim_takes_it_off_the_limit)
{
	struct tpar_future *f;

	start();
	pool->intake.limit = 2;
	ck_assert(tpi_intake_reserve(&pool->intake, 1));
	f = make(0, false);
	f->flags |= TPI_F_COUNTED;
	ck_assert(tpi_future_claim(f));
	ck_assert_uint_eq(atomic_load(&pool->intake.queued), 0);
	ck_assert(!tpi_future_claim(f));
	ck_assert_uint_eq(atomic_load(&pool->intake.queued), 0);
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(return_code_decides_the_outcome)
{
	static const struct {
		int rc;
		enum tpar_state state;
		int code;
		enum tpar_err wait;
	} cases[] = {
		{ 0, TPAR_DONE, 0, TPAR_OK },
		{ 7, TPAR_FAILED, 7, TPAR_EFAILED },
		{ -1, TPAR_FAILED, -1, TPAR_EFAILED },
		{ TPAR_EINVAL, TPAR_FAILED, TPAR_EINVAL, TPAR_EFAILED },
		{ TPAR_ESTOPPED, TPAR_CANCELLED, TPAR_ESTOPPED,
		  TPAR_ECANCELED },
		{ TPAR_ECANCELED, TPAR_FAILED, TPAR_ECANCELED, TPAR_EFAILED },
	};
	struct tpar_future *f;
	size_t i;

	start();
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f = make(8, false);
		end(f, cases[i].rc);
		ck_assert_int_eq(tpar_future_state(f), cases[i].state);
		ck_assert_int_eq(tpar_future_code(f), cases[i].code);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 cases[i].wait);
		ck_assert((tpar_future_value(f) != NULL) == (i == 0));
		tpar_future_unref(f);
	}
	hand_free(pool);
}
END_TEST

static struct tpar_future *dropping;
static enum tpar_state state_at_drop;

static void
look_at_drop(void *arg)
{
	ck_assert_ptr_eq(arg, &dropping);
	state_at_drop = tpar_future_state(dropping);
}

START_TEST(argument_is_dropped_before_the_end_is_seen)
{
	struct tpar_task task = TPAR_TASK_INIT;

	start();
	task.fn = hand_nothing;
	task.arg = &dropping;
	task.drop_arg = look_at_drop;
	dropping = hand_future_of(pool, &task);
	state_at_drop = TPAR_DONE;
	end(dropping, 0);
	ck_assert_int_eq(state_at_drop, TPAR_RUNNING);
	tpar_future_unref(dropping);
	hand_free(pool);
}
END_TEST

START_TEST(message_stays_with_a_failure)
{
	struct tpar_future *f;
	char *message;

	start();
	f = make(0, true);
	message = tpi_arena_alloc(pool->arena, 5, sizeof(void *));
	memcpy(message, "oops", 5);
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 3, message);
	ck_assert_int_eq(args_dropped, 1);
	ck_assert_str_eq(tpar_future_message(f), "oops");
	hand_drop(f);
	ck_assert_int_eq(args_dropped, 1);
	hand_free(pool);
}
END_TEST

START_TEST(message_of_a_cancelled_task_is_freed_unseen)
{
	struct tpar_future *f;
	char *message;

	start();
	f = make(0, false);
	message = tpi_arena_alloc(pool->arena, 5, sizeof(void *));
	memcpy(message, "oops", 5);
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, TPAR_ESTOPPED, message);
	ck_assert_str_eq(tpar_future_message(f), "");
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(description_tells_what_is_known)
{
	struct tpar_future *f;
	char text[64];
	char tiny[6];

	start();
	f = make(0, false);
	f->name = NULL;
	f->site = NULL;
	tpi_future_describe(f, text, sizeof text);
	ck_assert_str_eq(text, "'task'");
	f->site = "a.c:1";
	tpi_future_describe(f, text, sizeof text);
	ck_assert_str_eq(text, "'task' (a.c:1)");
	f->name = "load";
	tpi_future_describe(f, text, sizeof text);
	ck_assert_str_eq(text, "'load' (a.c:1)");
	f->site = NULL;
	tpi_future_describe(f, tiny, sizeof tiny);
	ck_assert_str_eq(tiny, "'load");
	tpi_future_end_cancelled(f);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		shape_has_room_for_the_value,
		small_values_lie_in_the_common_block,
		shape_out_of_range_is_refused,
		flags_follow_the_task,
		payload_is_aligned,
		new_future_is_pending_and_held_twice,
		discarded_future_drops_nothing,
		claim_takes_it_off_the_limit,
		return_code_decides_the_outcome,
		argument_is_dropped_before_the_end_is_seen,
		message_stays_with_a_failure,
		message_of_a_cancelled_task_is_freed_unseen,
		description_tells_what_is_known,
	};

	return unit_main("future", tests, sizeof tests / sizeof tests[0]);
}
