/* SPDX-License-Identifier: MIT */
/*
 * plugin.c - a library that uses taskpar for itself, loaded and unloaded by
 * test_dlopen.c, which does not.
 *
 * It ends its pools before it says that it can go: their threads must not run
 * its code any more.
 */
#include <taskpar.h>

int plugin_sum(int n);

static int
square(void *arg, void *value)
{
	int x = *(int *)arg;

	*(int *)value = x * x;
	return 0;
}

/* The sum of the squares below n, or -1. */
static int
sum_with(tpar_pool *pool, int n)
{
	int in[64] = { 0 };
	int out[64];
	int sum = 0;
	int i;

	for (i = 0; i < n; i++) {
		in[i] = i;
	}
	if (tpar_map(pool, square, in, sizeof in[0], out, sizeof out[0],
		     (size_t)n, NULL) != TPAR_OK) {
		return -1;
	}
	for (i = 0; i < n; i++) {
		sum += out[i];
	}
	return sum;
}

/* With the default pool and one of its own, n <= 64. */
__attribute__((visibility("default"))) int
plugin_sum(int n)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;
	int sum;
	int own;

	config.workers = 2;
	if (tpar_pool_create(&pool, &config) != TPAR_OK) {
		return -1;
	}
	own = sum_with(pool, n);
	sum = sum_with(NULL, n);
	if (tpar_pool_destroy(pool) != TPAR_OK ||
	    tpar_pool_destroy(NULL) != TPAR_OK) {
		return -1;
	}
	return sum == own ? sum : -1;
}
