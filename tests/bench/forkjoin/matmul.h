/* SPDX-License-Identifier: MIT */
/*
 * matmul.h - C += A B for n times n doubles: the longest side is halved until
 * a tile is left.  Items are multiplications of tiles.
 */
static int matmul_stride;

FJ_VOID_TASK_6(matmul, double *, c, const double *, a, const double *, b, int,
	       rows, int, columns, int, depth)
{
	int stride = matmul_stride;

	if (rows == 1 && columns == 1 && depth == 1) {
		tile_multiply(c, a, b);
	} else if (depth > rows && depth > columns) {
		int half = depth / 2;

		FJ_CALL(matmul, c, a, b, rows, columns, half);
		FJ_CALL(matmul, c, a + tiles_at(stride, 0, half),
			b + tiles_at(stride, half, 0), rows, columns,
			depth - half);
	} else if (rows >= columns) {
		int half = rows / 2;

		FJ_GROUP;
		FJ_FORK_VOID(matmul, c, a, b, half, columns, depth);
		FJ_CALL(matmul, c + tiles_at(stride, half, 0),
			a + tiles_at(stride, half, 0), b, rows - half, columns,
			depth);
		FJ_WAIT;
		FJ_JOIN_VOID(matmul);
	} else {
		int half = columns / 2;

		FJ_GROUP;
		FJ_FORK_VOID(matmul, c, a, b, rows, half, depth);
		FJ_CALL(matmul, c + tiles_at(stride, 0, half), a,
			b + tiles_at(stride, 0, half), rows, columns - half,
			depth);
		FJ_WAIT;
		FJ_JOIN_VOID(matmul);
	}
}

static double
matmul_run(long n)
{
	int side = (int)(n / TILE);

	matmul_stride = side;
	FJ_RUN_VOID(matmul, tiles.c, tiles.a, tiles.b, side, side, side);
	return (double)side * side * side;
}

static const struct fj_program matmul_program = {
	"matmul", 2048, 192, tiles_prepare, matmul_run, tiles_right,
};
