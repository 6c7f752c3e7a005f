/* SPDX-License-Identifier: MIT */
/*
 * test_group_exit.c - a child that calls pthread_exit() on the thread of the task
 * that closes its group: others close it, and wait for what is left.
 */
#include "scene.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

static tpar_group *g;
static struct unit_gate busy = UNIT_GATE_INIT;
static struct unit_gate begun = UNIT_GATE_INIT;
static struct unit_gate late_begun = UNIT_GATE_INIT;
static struct unit_gate go = UNIT_GATE_INIT;
static _Atomic int late_ended;

static int
be_late(void *arg, void *value)
{
	(void)arg;
	(void)value;
	unit_gate_open(&late_begun);
	unit_gate_await(&go, 1);
	atomic_store(&late_ended, 1);
	return 0;
}

/* Keeps the only worker busy; once the group is being closed it gets one more. */
static int
add_late(void *arg, void *value)
{
	(void)value;
	unit_gate_open(&busy);
	unit_gate_await(&begun, 1);
	UNIT_MUST(tpar_group_run(g, be_late, arg) == TPAR_OK);
	return 0;
}

static int
exit_thread(void *arg, void *value)
{
	(void)value;
	unit_gate_open(&begun);
	unit_gate_await(&late_begun, 1);
	pthread_exit(arg);
	return 0;
}

static int
close_group(void *arg, void *value)
{
	(void)arg;
	(void)value;
	UNIT_MUST(tpar_group_run(g, exit_thread, NULL) == TPAR_OK);
	(void)tpar_group_close(g, NULL, 0, NULL);
	return 0;
}

/* Its close is unwound while a child runs that came too late for that. */
static tpar_pool *
begin(void)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_pool *other = unit_pool(1, 1);
	tpar_future *f;

	config.pool = other;
	ck_assert_int_eq(tpar_group_open(&g, &config), TPAR_OK);
	ck_assert_int_eq(tpar_group_run(g, add_late, NULL), TPAR_OK);
	unit_gate_await(&busy, 1);
	f = unit_submit(pool, close_group, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	return other;
}

static void *
let_go(void *arg)
{
	int i;

	(void)arg;
	/* So that who does not wait is ahead. */
	for (i = 0; i < 1000; i++) {
		sched_yield();
	}
	unit_gate_open(&go);
	return NULL;
}

START_TEST(destroy_waits_for_children_that_a_close_has_left)
{
	tpar_pool *pool = begin();
	pthread_t thread = unit_start(let_go, NULL);

	tpar_group_destroy(g);
	ck_assert_int_eq(atomic_load(&late_ended), 1);
	unit_join(thread);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(group_can_be_closed_again_and_says_what_has_failed)
{
	tpar_pool *pool = begin();
	pthread_t thread = unit_start(let_go, NULL);
	struct tpar_failure why;
	size_t count;

	ck_assert_int_eq(tpar_group_close(g, &why, 1, &count), TPAR_EFAILED);
	ck_assert_int_eq(atomic_load(&late_ended), 1);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(why.message, "the task has called pthread_exit()");
	unit_join(thread);
	ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_ECLOSED);
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		destroy_waits_for_children_that_a_close_has_left,
		group_can_be_closed_again_and_says_what_has_failed,
	};

	return unit_main("group_exit", tests, sizeof tests / sizeof tests[0]);
}
