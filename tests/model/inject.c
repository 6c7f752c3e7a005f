/* SPDX-License-Identifier: MIT */
/*
 * inject.c - two producers, a consumer, and a sleeper's look: an entry whose
 * push has returned is taken or makes the queue non-empty.
 *
 * MUTANT: inject.h /ORDER J1 release/,/;/s/_release/_relaxed/
 * MUTANT: inject.h s/tpi_load_relaxed(&q->head) != &q->stub/0/
 * GENMC: --unroll=8
 */
#include "src/inject.h"

#include <assert.h>
#include <pthread.h>

struct entry {
	struct tpi_link link;
	int content;
};

static struct tpi_inject queue;
static struct entry entry[2];
static int got;

static void *
producer(void *arg)
{
	struct entry *e = arg;

	e->content = 7;
	tpi_inject_push(&queue, &e->link, &e->link);
	return arg;
}

static void
consume(void)
{
	struct tpi_link *link;

	if (!tpi_inject_enter(&queue)) {
		return;
	}
	if ((link = tpi_inject_pop(&queue)) != NULL) {
		assert(((struct entry *)(void *)link)->content == 7);
		got++;
	}
	tpi_inject_leave(&queue);
}

static void *
consumer(void *arg)
{
	consume();
	consume();
	return arg;
}

int
main(void)
{
	pthread_t thread[3];

	tpi_inject_init(&queue);
	pthread_create(&thread[0], NULL, producer, &entry[0]);
	pthread_create(&thread[1], NULL, producer, &entry[1]);
	pthread_create(&thread[2], NULL, consumer, NULL);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
	assert(got == 2 || tpi_inject_nonempty(&queue));
	while (tpi_inject_nonempty(&queue)) {
		consume();
	}
	assert(got == 2);
	return 0;
}
