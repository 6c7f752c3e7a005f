/* SPDX-License-Identifier: MIT */
/*
 * dfs.h - depth-first search of a tree with 8 children each, 8^n leaves, and a
 * little work in each leaf.  Items are leaves.
 */
#define DFS_CHILDREN 8
#define DFS_STEPS 32 /* of work in a leaf */

static uint64_t dfs_result;

static __attribute__((noinline)) uint64_t
dfs_leaf(uint64_t path)
{
	int i;

	for (i = 0; i < DFS_STEPS; i++) {
		path = path * UINT64_C(6364136223846793005) + 1;
		__asm__ volatile("" : "+r"(path));
	}
	return path >> 32;
}

FJ_TASK_2(uint64_t, dfs, int, depth, uint64_t, path)
{
	uint64_t part[DFS_CHILDREN];
	uint64_t sum = 0;
	int i;

	if (depth == 0) {
		return dfs_leaf(path);
	}
	FJ_GROUP;
	for (i = 0; i < DFS_CHILDREN; i++) {
		FJ_FORK(&part[i], dfs, depth - 1,
			path * DFS_CHILDREN + (uint64_t)i);
	}
	FJ_WAIT;
	for (i = DFS_CHILDREN - 1; i >= 0; i--) {
		FJ_JOIN(&part[i], dfs);
		sum += part[i];
	}
	return sum;
}

static uint64_t
dfs_leaves(long n)
{
	return UINT64_C(1) << (3 * n);
}

static double
dfs_run(long n)
{
	FJ_RUN(&dfs_result, dfs, (int)n, 0);
	return (double)dfs_leaves(n);
}

static int
dfs_right(long n)
{
	uint64_t sum = 0;
	uint64_t path;

	for (path = 0; path < dfs_leaves(n); path++) {
		sum += dfs_leaf(path);
	}
	return dfs_result == sum;
}

static const struct fj_program dfs_program = {
	"dfs", 8, 3, fj_prepare_nothing, dfs_run, dfs_right,
};
