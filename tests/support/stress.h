/* SPDX-License-Identifier: MIT */
/*
 * stress.h - random programs from a seed: the generator, and rounds that say
 * which seed they had when something is wrong or nothing moves any more.
 *
 * Each round has a seed of its own, the one before plus one.  The first is
 * TPAR_TEST_SEED, or another one each time.  There are as many rounds as the
 * test says, scaled as all tests are, or as many as TPAR_STRESS_SECS (seconds
 * for each test) has time for.
 */
#ifndef STRESS_H
#define STRESS_H

#include "unit.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds for one round. */
#define STRESS_PATIENCE (UNIT_TIMEOUT / 2)

/* ---- The generator ------------------------------------------------------- */

/* Steele, Lea, Flood: SplitMix64; any state is as good as any other. */
struct stress_random {
	uint64_t state;
};

static inline uint64_t
stress_next(struct stress_random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* 0 .. n - 1 */
static inline unsigned
stress_below(struct stress_random *random, unsigned n)
{
	return (unsigned)(stress_next(random) >> 32) % n;
}

static inline bool
stress_chance(struct stress_random *random, unsigned percent)
{
	return stress_below(random, 100) < percent;
}

/* ---- Rounds -------------------------------------------------------------- */

static uint64_t stress_seed; /* of the round under way */

/* In a signal handler. */
static inline void
stress_say(const char *what)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t seed = stress_seed;
	size_t written;

	digits[--at] = '\n';
	do {
		digits[--at] = (char)('0' + seed % 10);
		seed /= 10;
	} while (seed > 0);
	written = (size_t)write(STDERR_FILENO, what, strlen(what));
	written += (size_t)write(STDERR_FILENO, " with TPAR_TEST_SEED=", 21);
	written +=
		(size_t)write(STDERR_FILENO, &digits[at], sizeof digits - at);
	if (written == 0) {
		_exit(EXIT_FAILURE);
	}
}

static inline void
stress_crash(int number)
{
	(void)signal(number, SIG_DFL);
	stress_say("crashes");
	(void)raise(number);
}

static inline void
stress_alarm(int number)
{
	(void)number;
	(void)signal(SIGABRT, SIG_DFL);
	stress_say("hangs");
	abort();
}

#if defined(__GNUC__)
/* What a sanitizer calls before it ends the process, if there is one. */
void __sanitizer_set_death_callback(void (*callback)(void))
	__attribute__((weak));

static inline void
stress_die(void)
{
	stress_say("reported");
}
#endif

static inline void
stress_watch(void)
{
	UNIT_MUST(signal(SIGALRM, stress_alarm) != SIG_ERR);
	UNIT_MUST(signal(SIGABRT, stress_crash) != SIG_ERR);
#if defined(__GNUC__)
	if (__sanitizer_set_death_callback != NULL) {
		__sanitizer_set_death_callback(stress_die);
		return;
	}
#endif
	UNIT_MUST(signal(SIGSEGV, stress_crash) != SIG_ERR);
	UNIT_MUST(signal(SIGBUS, stress_crash) != SIG_ERR);
}

static inline int64_t
stress_number(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoll(text, NULL, 10) : -1;
}

static inline uint64_t
stress_first_seed(void)
{
	int64_t seed = stress_number("TPAR_TEST_SEED");

	/* Short ones are easier to write down. */
	return seed >= 0 ? (uint64_t)seed
			 : ((uint64_t)tpar_in(0) / 1000 + (uint64_t)getpid()) %
				   1000000000;
}

/* How many seconds each test has; less than 0: as many rounds as it says. */
static inline int64_t
stress_seconds(void)
{
	return stress_number("TPAR_STRESS_SECS");
}

typedef void (*stress_round)(struct stress_random *random);

#ifdef TASKPAR_SYS_PTHREAD_H

/*
 * Compiled for libtaskpar-sys: each round is a run under a schedule of its own, of
 * the library and of the program.
 */
enum { STRESS_RUNS = 5, STRESS_STEPS = 10000000 };

static stress_round stress_of_run;

static inline void
stress_one_run(void *arg)
{
	struct stress_random random = { tpar_sys_choose(1u << 31) };

	(void)arg;
	stress_of_run(&random);
}

/* Returns how many rounds there were; 0: one has failed. */
static inline long
stress_run(const char *name, stress_round round, long rounds)
{
	struct tpar_sys_config config = TPAR_SYS_CONFIG_INIT;
	struct tpar_sys_report report;
	char joined[64];
	size_t i;

	(void)rounds;
	for (i = 0; i < sizeof joined - 1 && name[i] != '\0'; i++) {
		joined[i] = name[i] == ' ' ? '_' : name[i];
	}
	joined[i] = '\0';
	config.name = joined;
	config.seeds = (uint64_t)unit_scaled(STRESS_RUNS);
	config.steps = STRESS_STEPS;
	config.seed_file = getenv("SYS_SEED_FILE");
	stress_of_run = round;
	if (tpar_sys_run(&config, stress_one_run, NULL, &report) != TPAR_OK) {
		printf("# %s: seed %llu: %s\n", joined,
		       (unsigned long long)report.seed, report.what);
		return 0;
	}
	return report.runs > 0 ? (long)report.runs : 1;
}

#else

/* Returns how many rounds there were. */
static inline long
stress_run(const char *name, stress_round round, long rounds)
{
	int64_t seconds = stress_seconds();
	int64_t until = tpar_in(seconds * TPAR_SECOND);
	uint64_t first = stress_first_seed();
	struct stress_random random;
	long n = 0;

	rounds = unit_scaled(rounds);
	stress_watch();
	printf("# %s: seeds from %llu on\n", name, (unsigned long long)first);
	(void)fflush(stdout);
	while (seconds >= 0 ? tpar_in(0) < until : n < rounds) {
		stress_seed = first + (uint64_t)n++;
		random.state = stress_seed;
		(void)alarm(STRESS_PATIENCE);
		round(&random);
		(void)alarm(0);
	}
	return n;
}

#endif

/* As unit_main(); tests may take as long as they are told to. */
static inline int
stress_main(const char *name, const TTest *const *tests, size_t n)
{
	int64_t seconds = stress_seconds();

	return unit_main_within(name, tests, n,
				UNIT_TIMEOUT +
					(seconds > 0 ? (double)seconds : 0));
}

/* ---- Pieces of programs -------------------------------------------------- */

/* Lets others go first, or not, for a while or for longer. */
static inline void
stress_dawdle(struct stress_random *random, unsigned most)
{
	unsigned n = stress_below(random, most + 1);
	unsigned i;

	for (i = 0; i < n; i++) {
		if (stress_chance(random, 20)) {
			sched_yield();
		}
	}
}

/* A deadline that has passed, is near or not so near, or none. */
static inline int64_t
stress_deadline(struct stress_random *random)
{
	static const unsigned most[] = { 500000, 20000000 }; /* ns */
	unsigned which = stress_below(random, 4);

	if (which < 2) {
		return tpar_in((int64_t)stress_below(random, most[which]));
	}
	return which == 2 ? TPAR_NOW : TPAR_FOREVER;
}

#endif
