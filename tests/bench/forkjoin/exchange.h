/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - how long a cache line takes to another processor and back: what
 * steals are made of.  On a virtual machine it may change from run to run.
 */
#include <pthread.h>
#include <sched.h>

/* The least of so many times counts: both may begin on one processor. */
#define EXCHANGE_TIMES 10
#define EXCHANGES 20000
#define EXCHANGES_BRIEF 20
#define EXCHANGE_LOOKS 4096

/* Who asks writes the first, who answers the last; far from each other. */
static long exchange_lines[128];

static void
exchange_await(const long *line, long n)
{
	long i;

	for (i = 1; __atomic_load_n(line, __ATOMIC_ACQUIRE) != n; i++) {
		if (i % EXCHANGE_LOOKS == 0) {
			sched_yield();
		}
	}
}

static long
exchange_count(void)
{
	return fj_brief ? EXCHANGES_BRIEF : EXCHANGES;
}

static void *
exchange_answer(void *none)
{
	long last = EXCHANGE_TIMES * exchange_count();
	long i;

	for (i = 1; i <= last; i++) {
		exchange_await(&exchange_lines[0], i);
		__atomic_store_n(&exchange_lines[127], i, __ATOMIC_RELEASE);
	}
	return none;
}

/* Nanoseconds for both ways. */
static double
exchange(void)
{
	double least = 1;
	pthread_t other;
	long n = 0;
	int k;

	fj_require(pthread_create(&other, NULL, exchange_answer, NULL) == 0,
		   "pthread_create()");
	for (k = 0; k < EXCHANGE_TIMES; k++) {
		double took = fj_now();
		long i;

		for (i = 0; i < exchange_count(); i++) {
			n++;
			__atomic_store_n(&exchange_lines[0], n,
					 __ATOMIC_RELEASE);
			exchange_await(&exchange_lines[127], n);
		}
		took = (fj_now() - took) / (double)exchange_count();
		least = took < least ? took : least;
	}
	pthread_join(other, NULL);
	exchange_lines[0] = 0;
	exchange_lines[127] = 0;
	return least * 1e9;
}
