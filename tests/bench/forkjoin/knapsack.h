/* SPDX-License-Identifier: MIT */
/*
 * knapsack.h - packs n things as valuably as possible, in all ways, by branch
 * and bound: a branch ends when even fractions of what is left could not make
 * it the best.  How much the best is worth is known from the beginning: so how
 * many branches there are does not depend on who finds what when.  Items are
 * branches.
 */
#define KNAPSACK_MAX 64

struct knapsack_thing {
	int weight;
	int value;
};

struct knapsack_found {
	long branches;
	long packings;
};

static struct knapsack_thing knapsack_things[KNAPSACK_MAX];
static int knapsack_count;
static int knapsack_room;
static int knapsack_best;
static long knapsack_ways; /* to pack it */
static struct knapsack_found knapsack_result;

/* Can the things from `next` on, cut to pieces, be worth `lack`? */
static int
knapsack_hopeful(int next, int room, int lack)
{
	for (; next < knapsack_count; next++) {
		const struct knapsack_thing *thing = &knapsack_things[next];

		if (thing->weight > room) {
			return (int64_t)thing->value * room >=
			       (int64_t)lack * thing->weight;
		}
		room -= thing->weight;
		lack -= thing->value;
	}
	return lack <= 0;
}

FJ_TASK_3(struct knapsack_found, knapsack, int, next, int, room, int, lack)
{
	struct knapsack_found with = { 0, 0 };
	struct knapsack_found without;
	int weight;
	int value;

	if (next == knapsack_count || !knapsack_hopeful(next, room, lack)) {
		without.branches = 1;
		without.packings = next == knapsack_count && lack == 0;
		return without;
	}
	weight = knapsack_things[next].weight;
	value = knapsack_things[next].value;
	FJ_GROUP;
	FJ_FORK(&without, knapsack, next + 1, room, lack);
	if (weight <= room) {
		with = FJ_CALL(knapsack, next + 1, room - weight, lack - value);
	}
	FJ_WAIT;
	FJ_JOIN(&without, knapsack);
	without.branches += 1 + with.branches;
	without.packings += with.packings;
	return without;
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

/*
 * By dynamic programming: the best for each room that is all used, or -1, and
 * in how many ways.
 */
static void
knapsack_solve(void)
{
	size_t rooms = (size_t)knapsack_room + 1;
	int *best = (int *)fj_buffer(0, rooms * sizeof *best);
	long *ways = (long *)fj_buffer(1, rooms * sizeof *ways);
	int room;
	int i;

	for (room = 0; room <= knapsack_room; room++) {
		best[room] = room == 0 ? 0 : -1;
		ways[room] = room == 0;
	}
	for (i = 0; i < knapsack_count; i++) {
		const struct knapsack_thing *thing = &knapsack_things[i];

		for (room = knapsack_room; room >= thing->weight; room--) {
			int from = room - thing->weight;
			int value = best[from] + thing->value;

			if (best[from] < 0 || value < best[room]) {
				continue;
			}
			ways[room] = ways[from] +
				     (value == best[room] ? ways[room] : 0);
			best[room] = value;
		}
	}
	knapsack_best = 0;
	for (room = 0; room <= knapsack_room; room++) {
		if (best[room] > knapsack_best) {
			knapsack_best = best[room];
			knapsack_ways = 0;
		}
		knapsack_ways += best[room] == knapsack_best ? ways[room] : 0;
	}
}

static void
knapsack_prepare(long n)
{
	uint64_t random = 7;
	int i;

	fj_require(n > 0 && n <= KNAPSACK_MAX, "the size: not in 1 to 64");
	knapsack_count = (int)n;
	knapsack_room = 0;
	for (i = 0; i < n; i++) {
		int weight = 1000 + (int)(fj_random(&random) % 1000);

		knapsack_things[i].weight = weight;
		knapsack_things[i].value = weight + 100;
		knapsack_room += weight;
	}
	knapsack_room /= 2;
	qsort(knapsack_things, (size_t)n, sizeof knapsack_things[0],
	      knapsack_by_density);
	knapsack_solve();
}

static double
knapsack_run(long n)
{
	(void)n;
	FJ_RUN(&knapsack_result, knapsack, 0, knapsack_room, knapsack_best);
	return (double)knapsack_result.branches;
}

static int
knapsack_right(long n)
{
	(void)n;
	return knapsack_result.packings == knapsack_ways;
}

static const struct fj_program knapsack_program = {
	"knapsack", 54, 24, knapsack_prepare, knapsack_run, knapsack_right,
};
