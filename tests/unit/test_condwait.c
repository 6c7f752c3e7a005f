/* SPDX-License-Identifier: MIT */
/*
 * test_condwait.c - the signal that wakes a task just when it is stopped goes on to
 * somebody else.
 */
#include "config.h"

#include "handmade.h"

#include "src/handler.h"

#include <taskpar/syscalls.h>

struct scene {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct tpar_future *f;
	bool waits; /* [m:mutex] */
	enum tpar_err err;
};

static void *
wait_in_task(void *arg)
{
	struct scene *scene = arg;
	struct tpi_run run;

	hand_begin(&run, scene->f);
	UNIT_MUST(pthread_mutex_lock(&scene->mutex) == 0);
	scene->waits = true;
	scene->err = tpar_cond_wait(&scene->cond, &scene->mutex, TPAR_FOREVER);
	UNIT_MUST(pthread_mutex_unlock(&scene->mutex) == 0);
	tpi_handler_end(scene->f);
	hand_end(&run, 0);
	return NULL;
}

START_TEST(signal_that_the_stopped_task_has_got_wakes_another_one)
{
	struct scene scene = { PTHREAD_MUTEX_INITIALIZER,
			       PTHREAD_COND_INITIALIZER, NULL, false, TPAR_OK };
	struct tpar_pool *pool = hand_pool(1);
	pthread_t thread;

	scene.f = hand_future(pool);
	thread = unit_start(wait_in_task, &scene);
	ck_assert_int_eq(pthread_mutex_lock(&scene.mutex), 0);
	while (!scene.waits) {
		ck_assert_int_eq(pthread_mutex_unlock(&scene.mutex), 0);
		sched_yield();
		ck_assert_int_eq(pthread_mutex_lock(&scene.mutex), 0);
	}
	/*
	 * It sleeps.  Asked, without being told, as if it had been just before it
	 * fell asleep; then it is the only one to be woken.
	 */
	(void)tpi_state_request_stop(&scene.f->state);
	ck_assert_int_eq(pthread_cond_signal(&scene.cond), 0);
	/* ENDS: it passes the signal on. */
	ck_assert_int_eq(pthread_cond_wait(&scene.cond, &scene.mutex), 0);
	ck_assert_int_eq(pthread_mutex_unlock(&scene.mutex), 0);
	unit_join(thread);
	ck_assert_int_eq(scene.err, TPAR_ESTOPPED);
	hand_drop(scene.f);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		signal_that_the_stopped_task_has_got_wakes_another_one,
	};

	return unit_main("condwait", tests, sizeof tests / sizeof tests[0]);
}
