/* SPDX-License-Identifier: MIT */
/*
 * 12_sys.c - a mailbox between two tasks that loses a letter once in a while: its
 * test is run under schedules that a seed chooses, until one of them loses it.
 *
 *     cc -include taskpar/sys-pthread.h 12_sys.c -ltaskpar-sys
 */
#include <pthread.h>
#include <stdio.h>
#include <taskpar.h>
#include <taskpar/sys.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrival = PTHREAD_COND_INITIALIZER;
static int letters;
static int mended;

static int
post(void *arg, void *value)
{
	(void)arg, (void)value;
	if (mended)
		pthread_mutex_lock(&mutex);
	letters++; /* the bug: who takes may have looked, and not sleep yet */
	pthread_cond_signal(&arrival);
	if (mended)
		pthread_mutex_unlock(&mutex);
	return 0;
}

static int
take(void *arg, void *value)
{
	(void)arg, (void)value;
	pthread_mutex_lock(&mutex);
	while (letters == 0)
		pthread_cond_wait(&arrival, &mutex);
	letters--;
	pthread_mutex_unlock(&mutex);
	return 0;
}

static void
test(void *arg) /* as one would write it anyway */
{
	tpar_future *f[2];

	(void)arg;
	TPAR_SYS_CHECK(tpar_submit(NULL, take, NULL, 0, &f[0]) == TPAR_OK);
	TPAR_SYS_CHECK(tpar_submit(NULL, post, NULL, 0, &f[1]) == TPAR_OK);
	TPAR_SYS_CHECK(tpar_gather(f, 2, NULL, NULL) == TPAR_OK);
	TPAR_SYS_CHECK(letters == 0);
	tpar_future_unref_all(f, 2);
	tpar_pool_destroy(NULL);
}

int
main(void)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	struct tpar_sys_report report;

	config.name = "mailbox";
	config.seeds = 20000; /* it ends at the first that fails */
	if (tpar_sys_run(&config, test, NULL, &report) == TPAR_EFAILED)
		printf("lost: %s\nand again: %u of 2\n", report.what,
		       report.replays);
	mended = 1;
	config.name = "mended";
	config.seeds = 500;
	if (tpar_sys_run(&config, test, NULL, &report) == TPAR_OK)
		printf("mended: %llu seeds find nothing\n",
		       (unsigned long long)report.runs);
	return 0;
}
