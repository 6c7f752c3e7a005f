/* SPDX-License-Identifier: MIT */
/*
 * strassen.h - C = A B by seven products of sums of quarters, down to two by
 * two tiles.  Each product is a task that adds up its own operands; so is each
 * quarter of the result.  Items are products of two by two tiles.
 */
#include <pthread.h>

#define STRASSEN_LEAF 2 /* tiles, per side */

/* A matrix in tiles, `stride` of them in a row. */
struct strassen_view {
	double *at;
	int stride;
};

/* One multiplication; lies in the frame that has forked its parts. */
struct strassen_step {
	struct strassen_view c, a, b;
	double *product[7];
	int half;
};

/*
 * Memory of one multiplication, of `side` tiles per side: two operands and
 * seven products, which follow.  It is made before time runs, so that there are
 * no page faults, and kept for the next one of the same thread, in whose cache it
 * is; and in a list of all, or it would be lost with the thread.
 */
struct strassen_block {
	struct strassen_block *next;
	struct strassen_block *made;
} __attribute__((aligned(64)));

/* Blocks that are not in use, by the logarithm of the side. */
struct strassen_blocks {
	struct strassen_block *unused[16];
};

static pthread_mutex_t strassen_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct strassen_block *strassen_made;
static struct strassen_blocks strassen_all;
static __thread struct strassen_blocks strassen_mine;

static size_t
strassen_tiles(int side)
{
	return 2 * (size_t)side * (size_t)side +
	       7 * (size_t)(side / 2) * (size_t)(side / 2);
}

static int
strassen_level(int side)
{
	int level = 0;

	for (; side > 1; side /= 2) {
		level++;
	}
	return level;
}

static void
strassen_put(struct strassen_blocks *blocks, struct strassen_block *block,
	     int side)
{
	int level = strassen_level(side);

	block->next = blocks->unused[level];
	blocks->unused[level] = block;
}

static struct strassen_block *
strassen_get(struct strassen_blocks *blocks, int side)
{
	int level = strassen_level(side);
	struct strassen_block *block = blocks->unused[level];

	if (block != NULL) {
		blocks->unused[level] = block->next;
	}
	return block;
}

/* Under the mutex. */
static struct strassen_block *
strassen_make(int side)
{
	size_t bytes = strassen_tiles(side) * TILE_SIZE * sizeof(double);
	struct strassen_block *block =
		(struct strassen_block *)fj_alloc(sizeof *block + bytes);

	block->made = strassen_made;
	strassen_made = block;
	return block;
}

static double *
strassen_alloc(int side)
{
	struct strassen_block *block = strassen_get(&strassen_mine, side);

	if (block == NULL) {
		pthread_mutex_lock(&strassen_mutex);
		block = strassen_get(&strassen_all, side);
		if (block == NULL) {
			block = strassen_make(side);
		}
		pthread_mutex_unlock(&strassen_mutex);
	}
	return (double *)(block + 1);
}

static void
strassen_free(double *memory, int side)
{
	struct strassen_block *block = (struct strassen_block *)memory - 1;

	strassen_put(&strassen_mine, block, side);
}

/* Two of each size for each worker. */
static void
strassen_reserve(int side)
{
	unsigned i;

	for (; side >= 1; side /= 2) {
		for (i = 0; i < 2 * fj_workers; i++) {
			strassen_put(&strassen_all, strassen_make(side), side);
		}
	}
}

/* x, x + y or x - y, of the quarters 11 12 21 22. */
struct strassen_terms {
	int x;
	int sign;
	int y;
};

/* The operands of each product. */
static const struct strassen_terms strassen_left[7] = {
	{ 0, 1, 3 }, { 2, 1, 3 },  { 0, 0, 0 },	 { 3, 0, 0 },
	{ 0, 1, 1 }, { 2, -1, 0 }, { 1, -1, 3 },
};
static const struct strassen_terms strassen_right[7] = {
	{ 0, 1, 3 }, { 0, 0, 0 }, { 1, -1, 3 }, { 2, -1, 0 },
	{ 3, 0, 0 }, { 0, 1, 1 }, { 2, 1, 3 },
};

static struct strassen_view
strassen_quarter(const struct strassen_view *of, int half, int q)
{
	struct strassen_view quarter = *of;

	quarter.at += tiles_at(of->stride, q / 2 * half, q % 2 * half);
	return quarter;
}

/* A row of tiles, as vectors. */
static tile_vector *
strassen_row(const struct strassen_view *of, int row)
{
	return (tile_vector *)(of->at + tiles_at(of->stride, row, 0));
}

static size_t
strassen_row_vectors(int side)
{
	return (size_t)side * TILE_SIZE * sizeof(double) / sizeof(tile_vector);
}

/* to = x + sign * y, of `side` tiles per side. */
static void
strassen_add(const struct strassen_view *to, const struct strassen_view *x,
	     double sign, const struct strassen_view *y, int side)
{
	size_t n = strassen_row_vectors(side);
	size_t i;
	int row;

	for (row = 0; row < side; row++) {
		tile_vector *sum = strassen_row(to, row);
		const tile_vector *a = strassen_row(x, row);
		const tile_vector *b = strassen_row(y, row);

		for (i = 0; i < n; i++) {
			sum[i] = a[i] + sign * b[i];
		}
	}
}

/* to = x - y + z + w. */
static void
strassen_combine(const struct strassen_view *to, const struct strassen_view *x,
		 const struct strassen_view *y, const struct strassen_view *z,
		 const struct strassen_view *w, int side)
{
	size_t n = strassen_row_vectors(side);
	size_t i;
	int row;

	for (row = 0; row < side; row++) {
		tile_vector *sum = strassen_row(to, row);
		const tile_vector *a = strassen_row(x, row);
		const tile_vector *b = strassen_row(y, row);
		const tile_vector *c = strassen_row(z, row);
		const tile_vector *d = strassen_row(w, row);

		for (i = 0; i < n; i++) {
			sum[i] = a[i] - b[i] + c[i] + d[i];
		}
	}
}

/* An operand of a product, in `spare` if it is no quarter. */
static struct strassen_view
strassen_operand(const struct strassen_view *of,
		 const struct strassen_terms *is, double *spare, int half)
{
	struct strassen_view x = strassen_quarter(of, half, is->x);
	struct strassen_view y = strassen_quarter(of, half, is->y);
	struct strassen_view sum = { spare, half };

	if (is->sign == 0) {
		return x;
	}
	strassen_add(&sum, &x, is->sign, &y, half);
	return sum;
}

static void
strassen_leaf(const struct strassen_view *c, const struct strassen_view *a,
	      const struct strassen_view *b, int side)
{
	int i;
	int j;
	int k;

	for (i = 0; i < side; i++) {
		for (j = 0; j < side; j++) {
			double *to = c->at + tiles_at(c->stride, i, j);

			memset(to, 0, TILE_SIZE * sizeof *to);
			for (k = 0; k < side; k++) {
				tile_multiply(
					to, a->at + tiles_at(a->stride, i, k),
					b->at + tiles_at(b->stride, k, j));
			}
		}
	}
}

/* What part i of `up` multiplies; its operands are added up in `spare`. */
static struct strassen_step
strassen_begin(const struct strassen_step *up, int i, double *spare)
{
	size_t size = (size_t)up->half * (size_t)up->half * TILE_SIZE;
	struct strassen_step step;

	step.c.at = up->product[i];
	step.c.stride = up->half;
	step.a = strassen_operand(&up->a, &strassen_left[i], spare, up->half);
	step.b = strassen_operand(&up->b, &strassen_right[i], spare + size,
				  up->half);
	step.half = up->half / 2;
	return step;
}

/* Quarter q of the result, from the products. */
static void
strassen_end(const struct strassen_step *step, int q)
{
	struct strassen_view to = strassen_quarter(&step->c, step->half, q);
	struct strassen_view m[7];
	int i;

	for (i = 0; i < 7; i++) {
		m[i].at = step->product[i];
		m[i].stride = step->half;
	}
	switch (q) {
	case 0:
		strassen_combine(&to, &m[0], &m[4], &m[3], &m[6], step->half);
		break;
	case 1:
		strassen_add(&to, &m[2], 1, &m[4], step->half);
		break;
	case 2:
		strassen_add(&to, &m[1], 1, &m[3], step->half);
		break;
	default:
		strassen_combine(&to, &m[0], &m[1], &m[2], &m[5], step->half);
	}
}

/* Part i of `up`: product 0 to 6, quarter 7 to 10 of the result; -1: all. */
FJ_VOID_TASK_2(strassen, struct strassen_step *, up, int, i)
{
	struct strassen_step step;
	struct strassen_step *me = &step;
	double *memory;
	int side = i < 0 ? 2 * up->half : up->half;
	int part;

	if (i >= 7) {
		strassen_end(up, i - 7);
		return;
	}
	memory = strassen_alloc(side);
	step = i < 0 ? *up : strassen_begin(up, i, memory);
	if (side <= STRASSEN_LEAF) {
		strassen_leaf(&step.c, &step.a, &step.b, side);
		strassen_free(memory, side);
		return;
	}
	for (part = 0; part < 7; part++) {
		step.product[part] =
			memory + 2 * tiles_at(side, side, 0) +
			(size_t)part * tiles_at(side / 2, side / 2, 0);
	}
	FJ_GROUP;
	for (part = 0; part < 7; part++) {
		FJ_FORK_VOID(strassen, me, part);
	}
	FJ_WAIT;
	for (part = 0; part < 7; part++) {
		FJ_JOIN_VOID(strassen);
	}
	for (part = 7; part < 11; part++) {
		FJ_FORK_VOID(strassen, me, part);
	}
	FJ_WAIT;
	for (part = 7; part < 11; part++) {
		FJ_JOIN_VOID(strassen);
	}
	strassen_free(memory, side);
}

static void
strassen_prepare(long n)
{
	fj_require((n & (n - 1)) == 0, "the size: no power of two");
	tiles_prepare(n);
	strassen_reserve((int)(n / TILE));
}

static double
strassen_run(long n)
{
	int side = (int)(n / TILE);
	struct strassen_step all = {
		{ tiles.c, side }, { tiles.a, side }, { tiles.b, side },
		{ NULL },	   side / 2,
	};
	double items = 1;

	FJ_RUN_VOID(strassen, &all, -1);
	for (; side > STRASSEN_LEAF; side /= 2) {
		items *= 7;
	}
	return items;
}

static const struct fj_program strassen_program = {
	"strassen", 2048, 256, strassen_prepare, strassen_run, tiles_right,
};
