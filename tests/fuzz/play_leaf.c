/* SPDX-License-Identifier: MIT */
/*
 * play_leaf.c - the nodes without children: numbers, failures, sleeps, promises,
 * loops and sorts.
 */
#include "play.h"

static int
own_code(const struct node *node)
{
	return 1 + (int)(node->param % CODE_MOST);
}

static int
spin(struct node *node, struct how how)
{
	unsigned i;
	int rc;

	for (i = 0; i < node->param % 32; i++) {
		if ((rc = tpar_checkpoint()) != 0) {
			FUZZ_MUST(rc == TPAR_ESTOPPED);
			return play_stopped(how);
		}
		FUZZ_MUST(how.calm == QUIET || how.in_task ||
			  !tpar_cancelled());
		sched_yield();
	}
	return 0;
}

static int
nap(struct how how, int64_t deadline)
{
	enum tpar_err err = tpar_sleep(deadline);

	if (err == TPAR_OK) {
		return 0;
	}
	FUZZ_MUST(err == TPAR_ESTOPPED);
	return play_stopped(how);
}

/* A promise, or a task that never begins, waited for here. */
static int
wait_for_own(struct node *node, struct how how, uint64_t *number)
{
	tpar_future *f;
	enum tpar_err err;
	int rc;

	if (!play_start(node, how, how.calm, play_size(node))) {
		return TPAR_ECLOSED;
	}
	f = node->future;
	err = tpar_future_wait(f, TPAR_FOREVER);
	if (err == TPAR_ESTOPPED) {
		play_give_up(&f, 1, how);
		rc = play_stopped(how);
	} else {
		rc = err == TPAR_OK ? 0 : tpar_future_code(f);
		oracle_check_rc(node, how.calm, rc);
		*number = rc == 0 ? play_read(node, tpar_future_value(f)) : 0;
	}
	node->future = NULL;
	tpar_future_unref(f);
	return rc;
}

/* ---- Loops ---------------------------------------------------------------- */

enum { ITEMS_MOST = 200 };

struct loop {
	struct node *node;
	size_t n;
	size_t bad; /* the item that fails; n: none */
	_Atomic unsigned char seen[ITEMS_MOST];
};

static int
loop_body(size_t begin, size_t end, void *arg)
{
	struct loop *loop = arg;
	size_t i;

	FUZZ_MUST(begin < end && end <= loop->n);
	for (i = begin; i < end; i++) {
		FUZZ_MUST(loop->seen[i]++ == 0);
		if (i == loop->bad) {
			return tpar_fail(own_code(loop->node), "item %zu", i);
		}
	}
	return 0;
}

static int
loop_tile(const struct tpar_tile *tile, void *arg)
{
	struct loop *loop = arg;
	size_t row;
	int rc = 0;

	for (row = tile->row_begin; row < tile->row_end && rc == 0; row++) {
		rc = loop_body(row * 4 + tile->column_begin,
			       row * 4 + tile->column_end, arg);
	}
	FUZZ_MUST(tile->row_begin < tile->row_end);
	FUZZ_MUST(tile->column_end <= 4 && loop->n % 4 == 0);
	return rc;
}

static int
loop_fold(size_t begin, size_t end, void *value, void *arg)
{
	uint64_t *sum = value;
	size_t i;

	for (i = begin; i < end; i++) {
		*sum = *sum * 3 + i;
	}
	return loop_body(begin, end, arg);
}

static int
loop_combine_max(void *left, const void *right, void *arg)
{
	uint64_t *l = left;
	const uint64_t *r = right;

	(void)arg;
	*l = *r > *l ? *r : *l;
	return 0;
}

static int
loop_fold_max(size_t begin, size_t end, void *value, void *arg)
{
	uint64_t *most = value;
	size_t i;

	for (i = begin; i < end; i++) {
		uint64_t x = (i * 7919) % 1009;

		*most = x > *most ? x : *most;
	}
	return loop_body(begin, end, arg);
}

static int
loop_find(size_t begin, size_t end, size_t *hit, void *arg)
{
	struct loop *loop = arg;
	size_t i;

	FUZZ_MUST(*hit == end);
	for (i = begin; i < end; i++) {
		if (i == loop->bad) {
			return own_code(loop->node);
		}
		if (i >= loop->n / 2 && loop->bad == loop->n) {
			*hit = i;
			return 0;
		}
	}
	return 0;
}

static enum tpar_err
reduce(tpar_pool *pool, struct loop *loop, size_t grain,
       struct tpar_failure *why)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	uint64_t want = 0;
	uint64_t value = 0;
	enum tpar_err err;
	size_t i;

	how.value_size = sizeof value;
	how.fold = grain >= loop->n ? loop_fold : loop_fold_max;
	how.combine = loop_combine_max;
	how.arg = loop;
	err = tpar_reduce(pool, 0, loop->n, grain, &how, &value, why);
	for (i = 0; i < loop->n; i++) {
		uint64_t x = (i * 7919) % 1009;

		want = grain >= loop->n ? want * 3 + i : (x > want ? x : want);
	}
	FUZZ_MUST(value == (err == TPAR_OK ? want : 0));
	return err;
}

static int
add(void *left, const void *right, void *arg)
{
	struct loop *loop = arg;
	uint64_t *l = left;
	const uint64_t *r = right;

	*l += *r;
	/* The one value that makes sums of this size when it is added first. */
	return loop->bad < loop->n && *r >= 1000000 ? own_code(loop->node) : 0;
}

static enum tpar_err
scan(tpar_pool *pool, struct loop *loop, size_t grain, struct tpar_failure *why)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	uint64_t in[ITEMS_MOST];
	uint64_t out[ITEMS_MOST];
	uint64_t sum = 0;
	enum tpar_err err;
	size_t i;

	how.value_size = sizeof in[0];
	how.combine = add;
	how.arg = loop;
	how.exclusive = (loop->n & 1) != 0;
	for (i = 0; i < loop->n; i++) {
		in[i] = i == loop->bad ? 1000000 : i;
	}
	err = tpar_scan(pool, in, out, loop->n, grain, &how, why);
	for (i = 0; i < loop->n && err == TPAR_OK; i++) {
		sum += how.exclusive ? 0 : in[i];
		FUZZ_MUST(out[i] == sum);
		sum += how.exclusive ? in[i] : 0;
	}
	return err;
}

static enum tpar_err
find(tpar_pool *pool, struct loop *loop, size_t grain, struct tpar_failure *why)
{
	size_t index = SIZE_MAX;
	enum tpar_err err = tpar_find_first(pool, 0, loop->n, grain, loop_find,
					    loop, &index, why);

	FUZZ_MUST(err != TPAR_OK || index == loop->n / 2);
	FUZZ_MUST(err == TPAR_OK || index == SIZE_MAX);
	return err;
}

static enum tpar_err
call_loop(struct loop *loop, tpar_pool *pool, struct tpar_failure *why)
{
	unsigned param = loop->node->param;
	size_t grain = (param >> 5 & 1) ? ITEMS_MOST : param >> 6;
	enum tpar_err err;
	size_t i;

	switch (param % 5) {
	case 0:
		err = tpar_for(pool, 0, loop->n, grain, loop_body, loop, why);
		break;
	case 1:
		err = tpar_for_2d(pool, loop->n / 4, 4, grain, grain, loop_tile,
				  loop, why);
		break;
	case 2:
		return reduce(pool, loop, grain, why);
	case 3:
		return scan(pool, loop, grain, why);
	default:
		return find(pool, loop, grain, why);
	}
	for (i = 0; i < loop->n && err == TPAR_OK; i++) {
		FUZZ_MUST(loop->seen[i] == 1);
	}
	return err;
}

static int
play_loop(struct node *node, struct how how)
{
	struct loop loop = { .node = node };
	struct tpar_failure why;
	enum tpar_err err;

	loop.n = 4 + 4 * (node->param * 5 % 49);
	loop.bad = node->more & MORE_VARIANT ? loop.n / 3 : loop.n;
	err = call_loop(&loop, play_pool_of(node, how), &why);
	return err == TPAR_OK ? 0 : play_failure(err, &why, how);
}

/* ---- Sorts ---------------------------------------------------------------- */

struct element {
	uint64_t key;
	uint64_t place;
};

static int
compare(const void *a, const void *b, void *arg)
{
	const struct element *l = a;
	const struct element *r = b;

	(void)arg;
	return (l->key > r->key) - (l->key < r->key);
}

static uint64_t
key_of(const void *element, void *arg)
{
	(void)arg;
	return ((const struct element *)element)->key;
}

static int
play_sort(struct node *node, struct how how)
{
	size_t n = 3 * (size_t)node->param;
	struct element *elements = calloc(n + 1, sizeof *elements);
	tpar_pool *pool = play_pool_of(node, how);
	struct tpar_failure why;
	enum tpar_err err;
	size_t i;

	FUZZ_MUST(elements != NULL);
	for (i = 0; i < n; i++) {
		elements[i].key = oracle_mix(node->param, i) % (n / 2 + 1);
		elements[i].place = i;
	}
	if (node->param & 1) {
		err = tpar_sort(pool, elements, n, sizeof *elements, compare,
				NULL, &why);
	} else {
		err = tpar_sort_by_key(pool, elements, n, sizeof *elements,
				       key_of, NULL, &why);
	}
	for (i = 1; i < n && err == TPAR_OK; i++) {
		FUZZ_MUST(elements[i - 1].key < elements[i].key ||
			  (elements[i - 1].key == elements[i].key &&
			   elements[i - 1].place < elements[i].place));
	}
	for (i = 0; i < n; i++) { /* the same ones, in any case */
		FUZZ_MUST(elements[i].key ==
			  oracle_mix(node->param, elements[i].place) %
				  (n / 2 + 1));
	}
	free(elements);
	return err == TPAR_OK ? 0 : play_failure(err, &why, how);
}

/* ---- The threads of a pool ------------------------------------------------ */

enum { INDEXES = 64 };

static void
count_worker(unsigned index, void *arg)
{
	_Atomic int *called = arg;

	FUZZ_MUST(called[index % INDEXES]++ == 0 || index >= INDEXES);
}

static int
play_workers(struct node *node, struct how how)
{
	_Atomic int called[INDEXES] = { 0 };
	tpar_pool *pool = play_pool_of(node, how);
	enum tpar_err err =
		tpar_pool_each_worker(pool, count_worker, called, TPAR_FOREVER);

	FUZZ_MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	return err == TPAR_OK ? 0 : play_stopped(how);
}

int
play_leaf(struct node *node, struct how how, uint64_t *number)
{
	switch (node->kind) {
	case NODE_FAIL:
		return tpar_fail(own_code(node), "node of param %u",
				 node->param);
	case NODE_STOP:
		return TPAR_ESTOPPED;
	case NODE_SPIN:
		return spin(node, how);
	case NODE_FOREVER:
		return nap(how, TPAR_FOREVER);
	case NODE_NAP:
		return nap(how, tpar_in(node->param * 1000));
	case NODE_PROMISE:
	case NODE_NEVER:
	case NODE_LATE:
		return wait_for_own(node, how, number);
	case NODE_LOOP:
		return play_loop(node, how);
	case NODE_SORT:
		return play_sort(node, how);
	case NODE_WORKERS:
		return play_workers(node, how);
	default:
		return 0;
	}
}
