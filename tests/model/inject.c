/* SPDX-License-Identifier: MIT */
/*
 * inject.c - two producers, one of a chain of two, and two who take turns as
 * the consumer: every entry is taken once, with its contents, in the order of
 * its producer; and as long as one that was pushed is not taken, the queue says
 * that it is not empty.
 *
 * CFLAGS: -DCHAIN=1
 * CFLAGS: -DCHAIN=0
 * GENMC: --disable-loop-jump-threading
 * MUTANT: inject.h /ORDER J1 release/,/;/s/_release/_relaxed/
 * MUTANT: -DCHAIN=1 inject.h /^tpi_inject_peek/,/^}/s/_acquire/_relaxed/
 * MUTANT: inject.h s/tpi_load_relaxed(&q->head) != &q->stub/0/
 * MUTANT: inject.h /ORDER J3 acquire/,/;/s/_acquire/_relaxed/
 * MUTANT: inject.h /ORDER J3 release/,/;/s/_release/_relaxed/
 * MUTANT: inject.h /is h the youngest/,/}/s/!= h/!= h \&\& 0/
 */
#include "src/inject.h"

#include <assert.h>
#include <pthread.h>

struct entry {
	struct tpi_link link;
	int content;
};

static struct tpi_inject queue;
static struct entry entry[3];
static int taken[3];
static int got; /* under busy, as taken */
static bool empty_after[2];

static void *
first_producer(void *arg)
{
	entry[0].content = 7;
	tpi_inject_push(&queue, &entry[0].link, &entry[0].link);
	empty_after[0] = !tpi_inject_nonempty(&queue);
	return arg;
}

static void *
second_producer(void *arg)
{
	entry[1].content = 7;
#if CHAIN
	entry[2].content = 7;
	tpi_store_relaxed(&entry[1].link.next, &entry[2].link);
	tpi_inject_push(&queue, &entry[1].link, &entry[2].link);
#else
	tpi_inject_push(&queue, &entry[1].link, &entry[1].link);
#endif
	empty_after[1] = !tpi_inject_nonempty(&queue);
	return arg;
}

static bool
consume(void)
{
	struct entry *e;

	if (!tpi_inject_enter(&queue)) {
		return false;
	}
	e = (struct entry *)(void *)tpi_inject_pop(&queue);
	if (e != NULL) {
		assert(e->content == 7);
		assert(!taken[e - entry]++);
		assert(e != &entry[2] || taken[1]);
		got++;
	}
	tpi_inject_leave(&queue);
	return e != NULL;
}

static void *
consumer(void *arg)
{
	(void)consume();
	return arg;
}

int
main(void)
{
	pthread_t thread[4];

	tpi_inject_init(&queue);
	pthread_create(&thread[0], NULL, first_producer, NULL);
	pthread_create(&thread[1], NULL, second_producer, NULL);
	pthread_create(&thread[2], NULL, consumer, NULL);
	pthread_create(&thread[3], NULL, consumer, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
	pthread_join(thread[3], NULL);
	assert(!empty_after[0] || taken[0]);
	assert(!empty_after[1] || taken[1 + CHAIN]);
	while (got < 2 + CHAIN) {
		assert(tpi_inject_nonempty(&queue));
		(void)consume();
	}
	assert(!tpi_inject_nonempty(&queue) && !consume());
	return 0;
}
