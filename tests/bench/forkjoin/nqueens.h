/* SPDX-License-Identifier: MIT */
/*
 * nqueens.h - all ways to place n queens; a task for each safe square.  Items
 * are the boards looked at.
 */
#define NQUEENS_MAX 16

struct nqueens_board {
	signed char column[NQUEENS_MAX]; /* of the queen in each row */
};

static long nqueens_result;

static int
nqueens_safe(const struct nqueens_board *board, int row, int column)
{
	int i;

	for (i = 0; i < row; i++) {
		int off = column - board->column[i];

		if (off == 0 || off == row - i || off == i - row) {
			return 0;
		}
	}
	return 1;
}

FJ_TASK_3(long, nqueens, int, n, int, row, const struct nqueens_board *, board)
{
	struct nqueens_board boards[NQUEENS_MAX];
	long ways[NQUEENS_MAX];
	long sum = 0;
	int forks = 0;
	int column;

	if (row == n) {
		return 1;
	}
	FJ_GROUP;
	for (column = 0; column < n; column++) {
		if (nqueens_safe(board, row, column)) {
			struct nqueens_board *next = &boards[forks];

			*next = *board;
			next->column[row] = (signed char)column;
			FJ_FORK(&ways[forks], nqueens, n, row + 1, next);
			forks++;
		}
	}
	FJ_WAIT;
	while (forks > 0) {
		forks--;
		FJ_JOIN(&ways[forks], nqueens);
		sum += ways[forks];
	}
	return sum;
}

/* The same by sets of columns and diagonals; counts boards, and ways. */
static long
nqueens_count(unsigned all, unsigned columns, unsigned left, unsigned right,
	      long *ways)
{
	unsigned free_ones = all & ~(columns | left | right);
	long boards = 1;

	*ways += columns == all;
	while (free_ones != 0) {
		unsigned bit = free_ones & (~free_ones + 1);

		free_ones ^= bit;
		boards += nqueens_count(all, columns | bit, (left | bit) << 1,
					(right | bit) >> 1, ways);
	}
	return boards;
}

static long nqueens_ways;
static long nqueens_boards;

static void
nqueens_prepare(long n)
{
	nqueens_ways = 0;
	nqueens_boards = nqueens_count((1u << n) - 1, 0, 0, 0, &nqueens_ways);
}

static double
nqueens_run(long n)
{
	struct nqueens_board empty = { { 0 } };

	FJ_RUN(&nqueens_result, nqueens, (int)n, 0, &empty);
	return (double)nqueens_boards;
}

static int
nqueens_right(long n)
{
	(void)n;
	return nqueens_result == nqueens_ways;
}

static const struct fj_program nqueens_program = {
	"nqueens", 14, 6, nqueens_prepare, nqueens_run, nqueens_right,
};
