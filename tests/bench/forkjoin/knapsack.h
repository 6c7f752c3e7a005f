/* SPDX-License-Identifier: MIT */
/*
 * knapsack.h - the most valuable of n things that fit, by branch and bound: a
 * branch ends when even fractions of what is left could not beat the best.
 * How many branches there are depends on who finds what when; items are the
 * branches that there were.
 */
#define KNAPSACK_MAX 64

struct knapsack_thing {
	int weight;
	int value;
};

static struct knapsack_thing knapsack_things[KNAPSACK_MAX];
static int knapsack_count;
static int knapsack_room;
static int knapsack_best; /* shared, relaxed */
static long knapsack_branches;

/* Could the things from `next` on, cut to pieces, add more than `lack`? */
static int
knapsack_hopeless(int next, int room, int lack)
{
	for (; next < knapsack_count; next++) {
		const struct knapsack_thing *thing = &knapsack_things[next];

		if (thing->weight > room) {
			return (int64_t)thing->value * room <
			       (int64_t)(lack + 1) * thing->weight;
		}
		room -= thing->weight;
		lack -= thing->value;
	}
	return lack >= 0;
}

static void
knapsack_offer(int value)
{
	int best = __atomic_load_n(&knapsack_best, __ATOMIC_RELAXED);

	while (best < value && !__atomic_compare_exchange_n(
				       &knapsack_best, &best, value, 1,
				       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
	}
}

FJ_TASK_3(long, knapsack, int, next, int, room, int, value)
{
	const struct knapsack_thing *thing;
	long with = 0;
	long without;
	int best = __atomic_load_n(&knapsack_best, __ATOMIC_RELAXED);

	if (value > best) {
		knapsack_offer(value);
		best = value;
	}
	if (next == knapsack_count ||
	    knapsack_hopeless(next, room, best - value)) {
		return 1;
	}
	thing = &knapsack_things[next];
	if (thing->weight > room) {
		return 1 + FJ_CALL(knapsack, next + 1, room, value);
	}
	FJ_GROUP;
	FJ_FORK(&without, knapsack, next + 1, room, value);
	with = FJ_CALL(knapsack, next + 1, room - thing->weight,
		       value + thing->value);
	FJ_WAIT;
	FJ_JOIN(&without, knapsack);
	return 1 + with + without;
}

static int
knapsack_by_density(const void *a, const void *b)
{
	const struct knapsack_thing *x = (const struct knapsack_thing *)a;
	const struct knapsack_thing *y = (const struct knapsack_thing *)b;
	long dx = (long)x->value * y->weight;
	long dy = (long)y->value * x->weight;

	return dx < dy ? 1 : dx > dy ? -1 : 0;
}

static void
knapsack_prepare(long n)
{
	uint64_t random = 7;
	int i;

	knapsack_count = (int)n;
	knapsack_room = 0;
	knapsack_best = 0;
	for (i = 0; i < n; i++) {
		int weight = 1000 + (int)(fj_random(&random) % 1000);

		knapsack_things[i].weight = weight;
		knapsack_things[i].value =
			weight + 100 + (int)(fj_random(&random) % 10);
		knapsack_room += weight;
	}
	knapsack_room /= 2;
	qsort(knapsack_things, (size_t)n, sizeof knapsack_things[0],
	      knapsack_by_density);
}

static double
knapsack_run(long n)
{
	(void)n;
	FJ_RUN(&knapsack_branches, knapsack, 0, knapsack_room, 0);
	return (double)knapsack_branches;
}

/* By dynamic programming: the best for each room. */
static int
knapsack_right(long n)
{
	int *best = (int *)calloc((size_t)knapsack_room + 1, sizeof *best);
	int right;
	int room;
	long i;

	fj_require(best != NULL, "memory");
	for (i = 0; i < n; i++) {
		const struct knapsack_thing *thing = &knapsack_things[i];

		for (room = knapsack_room; room >= thing->weight; room--) {
			int with = best[room - thing->weight] + thing->value;

			if (with > best[room]) {
				best[room] = with;
			}
		}
	}
	right = best[knapsack_room] == knapsack_best;
	free(best);
	return right;
}

static const struct fj_program knapsack_program = {
	"knapsack", 44, 12, knapsack_prepare, knapsack_run, knapsack_right,
};
