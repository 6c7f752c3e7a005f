/* SPDX-License-Identifier: MIT */
/*
 * prefix.c - a scan of three blocks of two values, by src/scan.c, whose loops
 * are done by two or three threads: each block is gone through once, from the sum
 * of all before it, by whoever has summed it up or after all have been.
 *
 * CFLAGS: -DTHREADS=2
 * CFLAGS: -DTHREADS=2 -DEXCLUSIVE
 * CFLAGS: -DTHREADS=3 -DEXCLUSIVE
 * CFLAGS: -DTHREADS=3
 * MUTANT: scan.c /ORDER A2 acquire <- do_block/,/block)/s/_acquire/_relaxed/
 * MUTANT: scan.c /ORDER A2 release/,/;/s/_release/_relaxed/
 * MUTANT: scan.c s/code = extend(s, block, at);/atomic_store_explicit(\&s->front, block + 1, memory_order_release); &/
 * MUTANT: scan.c s/memory_order_acquire) != block)/memory_order_acquire) > block)/
 * MUTANT: scan.c s/loop_over(tpar_head, s, rest.row_begin, second_pass);//
 * MUTANT: scan.c s/extend_rest(&rest, s) == 0/true/
 * MUTANT: scan.c s/rest.row_begin = .*;/rest.row_begin = 1;/
 */
#include "self.h"

#include <stdint.h>
#include <string.h>

/* GenMC knows memory by its types; all that is copied here is of this one. */
#define memcpy(to, from, size)                                                 \
	((void)(size), *(uint64_t *)(to) = *(const uint64_t *)(from))

#include "src/scan.c"

#include <assert.h>
#include <pthread.h>

#define GRAIN 2
#define BLOCKS 3
#define N (GRAIN * BLOCKS)

static struct scan s;
static uint64_t in[N];
static uint64_t out[N];
static uint64_t sums[BLOCKS];
static uint64_t prefixes[BLOCKS];

struct part {
	struct tpi_loop *loop;
	struct tpar_tile tile;
	pthread_t thread;
};

static int
add(void *left, const void *right, void *arg)
{
	*(uint64_t *)left += *(const uint64_t *)right;
	return arg != NULL;
}

void
tpi_algo_begin(struct tpi_algo *algo, struct tpar_slot *head)
{
	(void)algo;
	(void)head;
}

void
tpi_algo_end(struct tpi_algo *algo, struct tpar_slot *head)
{
	(void)algo;
	(void)head;
}

bool
tpi_algo_stops(struct tpi_algo *algo)
{
	(void)algo;
	return false;
}

void
tpi_algo_enter(struct tpi_algo_call *call)
{
	(void)call;
}

void
tpi_algo_leave(struct tpi_algo_call *call, char *text)
{
	(void)call;
	(void)text;
}

static void *
do_part(void *arg)
{
	struct part *part = arg;

	assert(part->loop->body(&part->tile, part->loop->arg) == 0);
	return arg;
}

/* All but the first part by others, who are joined. */
void
tpi_loop_run(struct tpar_slot *head, struct tpi_loop *loop)
{
	struct part part[THREADS];
	size_t begin = loop->all.row_begin;
	size_t rows = loop->all.row_end - begin;
	size_t i;

	(void)head;
	for (i = 0; i < THREADS; i++) {
		part[i].loop = loop;
		part[i].tile.row_begin = begin + i * rows / THREADS;
		part[i].tile.row_end = begin + (i + 1) * rows / THREADS;
	}
	for (i = 1; i < THREADS; i++) {
		pthread_create(&part[i].thread, NULL, do_part, &part[i]);
	}
	do_part(&part[0]);
	for (i = 1; i < THREADS; i++) {
		pthread_join(part[i].thread, NULL);
	}
}

int
main(void)
{
	struct tpar_prefix how = { .value_size = sizeof(uint64_t),
				   .combine = add };
	int slow = 0;
	int i;

#ifdef EXCLUSIVE
	how.exclusive = true;
#endif
	s.how = &how;
	s.in = (const char *)in;
	s.out = (char *)out;
	s.n = N;
	s.grain = GRAIN;
	s.blocks = BLOCKS;
	s.sums = (char *)sums;
	s.prefixes = (char *)prefixes;
	for (i = 0; i < N; i++) {
		in[i] = 1 << i;
	}
	tpar_task_run_scan_(NULL, &slow, &s);
	for (i = 0; i < N; i++) {
#ifdef EXCLUSIVE
		assert(out[i] == (1 << i) - 1);
#else
		assert(out[i] == (2 << i) - 1);
#endif
	}
	return 0;
}
