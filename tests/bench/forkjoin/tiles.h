/* SPDX-License-Identifier: MIT */
/*
 * tiles.h - square matrices of doubles, in tiles that lie in memory one after
 * the other, row by row.  Their elements are small integers, so that products
 * are exact, in whatever order sums are taken.
 */
#define TILE 64
#define TILE_SIZE ((size_t)TILE * TILE)

typedef double tile_vector __attribute__((vector_size(32)));

/* What is done with row `row` + i of a block, which two vectors hold. */
#define TILE_STEP(i)                                                           \
	do {                                                                   \
		double x = a[(row + i) * TILE + k];                            \
                                                                               \
		c##i##0 += x * b0;                                             \
		c##i##1 += x * b1;                                             \
	} while (0)
#define TILE_LOAD(i)                                                           \
	tile_vector c##i##0 = *(tile_vector *)&c[(row + i) * TILE + column];   \
	tile_vector c##i##1 = *(tile_vector *)&c[(row + i) * TILE + column + 4]
#define TILE_STORE(i)                                                          \
	*(tile_vector *)&c[(row + i) * TILE + column] = c##i##0;               \
	*(tile_vector *)&c[(row + i) * TILE + column + 4] = c##i##1

/* c += a * b, of 4 rows and 8 columns of tiles. */
static inline void
tile_block(double *c, const double *a, const double *b, int row, int column)
{
	TILE_LOAD(0);
	TILE_LOAD(1);
	TILE_LOAD(2);
	TILE_LOAD(3);
	int k;

	for (k = 0; k < TILE; k++) {
		const tile_vector *from =
			(const tile_vector *)&b[k * TILE + column];
		tile_vector b0 = from[0];
		tile_vector b1 = from[1];

		TILE_STEP(0);
		TILE_STEP(1);
		TILE_STEP(2);
		TILE_STEP(3);
	}
	TILE_STORE(0);
	TILE_STORE(1);
	TILE_STORE(2);
	TILE_STORE(3);
}

/* c += a * b, of tiles. */
static void
tile_multiply(double *c, const double *a, const double *b)
{
	int row;
	int column;

	for (row = 0; row < TILE; row += 4) {
		for (column = 0; column < TILE; column += 8) {
			tile_block(c, a, b, row, column);
		}
	}
}

/* Row `i`, column `j` of tiles, in a matrix of `stride` tiles in a row. */
static inline size_t
tiles_at(int stride, int i, int j)
{
	return ((size_t)i * (size_t)stride + (size_t)j) * TILE_SIZE;
}

/* to = matrix * x, of n rows and columns. */
static void
tiles_apply(const double *matrix, const double *x, double *to, int n)
{
	int tiles = n / TILE;
	int i;
	int j;

	for (i = 0; i < n; i++) {
		double sum = 0;

		for (j = 0; j < n; j++) {
			size_t at = tiles_at(tiles, i / TILE, j / TILE);

			sum += matrix[at +
				      (size_t)(i % TILE * TILE + j % TILE)] *
			       x[j];
		}
		to[i] = sum;
	}
}

/* The operands and the result of the programs that multiply. */
static struct {
	double *a;
	double *b;
	double *c;
} tiles;

static void
tiles_prepare(long n)
{
	size_t bytes = (size_t)n * (size_t)n * sizeof(double);
	uint64_t random = 3;
	long i;

	fj_require(n > 0 && n % TILE == 0, "the size: no multiple of 64");
	tiles.a = (double *)fj_buffer(0, bytes);
	tiles.b = (double *)fj_buffer(1, bytes);
	tiles.c = (double *)fj_buffer(2, bytes);
	for (i = 0; i < n * n; i++) {
		tiles.a[i] = (double)(fj_random(&random) % 9) - 4;
		tiles.b[i] = (double)(fj_random(&random) % 9) - 4;
		tiles.c[i] = 0;
	}
}

/*
 * Is C x = A (B x), for three x at random?  A wrong C passes one of them with a
 * probability of at most 1/2 (Freivalds), if not by design.
 */
static int
tiles_right(long n)
{
	double *v = (double *)fj_buffer(3, 4 * (size_t)n * sizeof(double));
	double *x = v + n;
	double *want = v + 2 * n;
	double *have = v + 3 * n;
	uint64_t random = 5;
	int round;
	long i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < n; i++) {
			x[i] = (double)(fj_random(&random) % 64);
		}
		tiles_apply(tiles.b, x, v, (int)n);
		tiles_apply(tiles.a, v, want, (int)n);
		tiles_apply(tiles.c, x, have, (int)n);
		if (memcmp(want, have, (size_t)n * sizeof *want) != 0) {
			return 0;
		}
	}
	return 1;
}
