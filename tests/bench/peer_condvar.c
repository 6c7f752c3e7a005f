/* SPDX-License-Identifier: MIT */
/*
 * peer_condvar.c - the control for `roundtrip`: two bare threads, one mutex,
 * one condition for the request and one for the answer.
 */
#include "bench.h"

#include <pthread.h>
#include <stdbool.h>

static pthread_t thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static bool has_request;
static bool has_answer;
static bool ending;
static uint64_t request;
static uint64_t answer;

static void *
serve(void *unused)
{
	pthread_mutex_lock(&mutex);
	for (;;) {
		while (!has_request && !ending) {
			pthread_cond_wait(&asked, &mutex);
		}
		if (ending) {
			break;
		}
		has_request = false;
		answer = request;
		has_answer = true;
		pthread_cond_signal(&answered);
	}
	pthread_mutex_unlock(&mutex);
	return unused;
}

static void
start(unsigned workers)
{
	(void)workers;
	bench_require(pthread_create(&thread, NULL, serve, NULL) == 0,
		      "pthread_create()");
}

static void
stop(void)
{
	pthread_mutex_lock(&mutex);
	ending = true;
	pthread_cond_signal(&asked);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
}

static void
trip(void)
{
	pthread_mutex_lock(&mutex);
	request = 7;
	has_request = true;
	has_answer = false;
	pthread_cond_signal(&asked);
	while (!has_answer) {
		pthread_cond_wait(&answered, &mutex);
	}
	bench_require(answer == 7, "an answer");
	pthread_mutex_unlock(&mutex);
}

const struct bench_peer bench_peer = {
	.start = start,
	.trip = trip,
	.stop = stop,
};
