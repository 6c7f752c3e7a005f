/* SPDX-License-Identifier: MIT */
/*
 * nbody.h - N steps of 128 bodies: in each one loop over them for the forces,
 * and one for the places, so short that what it costs to begin and to end a loop
 * is what counts.  Loops instead of forks: FJ_LOOP, in what FJ_LOOPS calls.
 * Items are steps.
 */
#define NBODY_BODIES 128
#define NBODY_STEP 1e-4 /* of time */

struct nbody_world {
	double place[3][NBODY_BODIES];
	double speed[3][NBODY_BODIES];
	double mass[NBODY_BODIES];
};

static struct nbody_world nbody_world;
static struct nbody_world nbody_origin;

static __attribute__((noinline)) int
nbody_pull(size_t begin, size_t end, void *arg)
{
	struct nbody_world *w = (struct nbody_world *)arg;
	size_t i;
	size_t k;

	for (i = begin; i < end; i++) {
		double sum[3] = { 0, 0, 0 };

		for (k = 0; k < NBODY_BODIES; k++) {
			double x = w->place[0][k] - w->place[0][i];
			double y = w->place[1][k] - w->place[1][i];
			double z = w->place[2][k] - w->place[2][i];
			double square = x * x + y * y + z * z + 1e-3;
			double force = w->mass[k] / (square * sqrt(square));

			sum[0] += force * x;
			sum[1] += force * y;
			sum[2] += force * z;
		}
		w->speed[0][i] += NBODY_STEP * sum[0];
		w->speed[1][i] += NBODY_STEP * sum[1];
		w->speed[2][i] += NBODY_STEP * sum[2];
	}
	return 0;
}

static __attribute__((noinline)) int
nbody_move(size_t begin, size_t end, void *arg)
{
	struct nbody_world *w = (struct nbody_world *)arg;
	size_t i;

	for (i = begin; i < end; i++) {
		w->place[0][i] += NBODY_STEP * w->speed[0][i];
		w->place[1][i] += NBODY_STEP * w->speed[1][i];
		w->place[2][i] += NBODY_STEP * w->speed[2][i];
	}
	return 0;
}

FJ_LOOPS_TASK(nbody, long, steps)
{
	for (; steps > 0; steps--) {
		FJ_LOOP(0, NBODY_BODIES, nbody_pull, &nbody_world);
		FJ_LOOP(0, NBODY_BODIES, nbody_move, &nbody_world);
	}
}

static void
nbody_prepare(long n)
{
	uint64_t random = 11;
	int i;
	int k;

	(void)n;
	memset(&nbody_world, 0, sizeof nbody_world);
	for (i = 0; i < NBODY_BODIES; i++) {
		for (k = 0; k < 3; k++) {
			nbody_world.place[k][i] =
				(double)(fj_random(&random) % 1000) / 1000;
		}
		nbody_world.mass[i] =
			(double)(fj_random(&random) % 1000) / 1000;
	}
	nbody_origin = nbody_world;
}

static double
nbody_run(long n)
{
	FJ_RUN_LOOPS(nbody, n);
	return (double)n;
}

/* Each sum has the same order: the results are the same, bit by bit. */
static int
nbody_right(long n)
{
	for (; n > 0; n--) {
		nbody_pull(0, NBODY_BODIES, &nbody_origin);
		nbody_move(0, NBODY_BODIES, &nbody_origin);
	}
	return memcmp(&nbody_origin, &nbody_world, sizeof nbody_world) == 0;
}

static const struct fj_program nbody_program = {
	"nbody", 20000, 20, nbody_prepare, nbody_run, nbody_right,
};
