/* SPDX-License-Identifier: MIT */
/*
 * soak.c - everything that the library does, mixed, for as long as one likes.
 *
 * Eight threads from outside submit for the whole time, others make trees of
 * forks, groups, windows, promises, blocking tasks, short-lived pools.  That is
 * done in tides of the same length; after each all ends, is taken down, and is
 * looked over: what was accepted has run or was cancelled, each value was taken
 * or dropped, all memory of the pools came back, and there are as many threads
 * and descriptors as at first.  The first tide is to warm up; no later one may
 * rise above the second, nor leave more memory in use.  The longer one looks the
 * higher it rises: so a later one is looked at for as many turns as the second
 * had, however fast the machine was then and is now.
 *
 * Environment:
 *     SOAK_SECS      how long (5)
 *     SOAK_SEED      where random numbers begin (the clock)
 *     SOAK_PATIENCE  seconds within which each load takes a turn (20)
 *     SOAK_WORKERS   of the shared pools (the processors, and 4)
 *     SOAK_ONLY      loads, by name (jobs forks scopes waits pools io)
 */
#include "soak.h"

#include <time.h>
#include <unistd.h>

/* So few threads that wait that all of them are used soon. */
enum { OUTSIDE = 8, LOADS_MOST = 16, BLOCKING = 12, SAMPLES_A_SECOND = 20 };

/*
 * What may differ between tides; doc/RELIABILITY.md#soak has what was measured.
 * Of memory 1 MiB and an eighth, and 16 MiB by the seconds of a tide, as heaps
 * are filled less and less often for the first time; of what is in use at rest
 * 1 MiB and a half: a span of the heap that promises come from, which is never
 * given back.
 */
enum {
	TIDES = 4,
	MEMORY_SLACK = 8, /* one of so many parts */
	MEMORY_SLACK_SECONDS = 16,
	IN_USE_SLACK = 1536, /* KiB */
	THREADS_SLACK = 40,
	DESCRIPTORS_SLACK = 32
};

tpar_pool *soak_pools[SOAK_SHARED_POOLS];
_Atomic bool soak_is_over;

_Noreturn void
soak_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	abort();
}

/* ---- The account --------------------------------------------------------- */

static struct {
	_Alignas(128) _Atomic uint64_t n;
	_Atomic uint64_t sum;
} account[SOAK_ENTRIES];

static _Alignas(128) _Atomic uint64_t ids;

void
soak_count(enum soak_entry entry, uint64_t id)
{
	atomic_fetch_add_explicit(&account[entry].n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&account[entry].sum, id,
				  memory_order_relaxed);
}

void
soak_add(enum soak_entry entry, uint64_t n)
{
	atomic_fetch_add_explicit(&account[entry].n, n, memory_order_relaxed);
}

uint64_t
soak_counted(enum soak_entry entry)
{
	return atomic_load(&account[entry].n);
}

uint64_t
soak_new_id(void)
{
	struct soak_random random = { atomic_fetch_add_explicit(
		&ids, 1, memory_order_relaxed) };

	return soak_next(&random);
}

/* left = right, or right + other. */
static bool
agrees(const char *what, enum soak_entry left, enum soak_entry right,
       enum soak_entry other)
{
	uint64_t n = account[right].n;
	uint64_t sum = account[right].sum;

	if (other != right) {
		n += account[other].n;
		sum += account[other].sum;
	}
	if (account[left].n == n && account[left].sum == sum) {
		return true;
	}
	printf("soak: %s: %" PRIu64 " are not %" PRIu64 "%s\n", what,
	       account[left].n, n, account[left].n == n ? ", but others" : "");
	return false;
}

bool
soak_account_agrees(void)
{
	bool ok = agrees("jobs accepted, ended", SOAK_ACCEPTED, SOAK_RAN,
			 SOAK_UNRUN);

	ok &= agrees("values made, taken or dropped", SOAK_VALUES_MADE,
		     SOAK_VALUES_TAKEN, SOAK_VALUES_DROPPED);
	ok &= agrees("calls asked for, made", SOAK_CALLS_ASKED, SOAK_CALLED,
		     SOAK_CALLED);
	ok &= agrees("memory of pools got, given back", SOAK_MEMORY_GOT,
		     SOAK_MEMORY_GAVE, SOAK_MEMORY_GAVE);
	return ok;
}

static void *
get_memory(size_t size, size_t align, void *context)
{
	void *memory = NULL;

	(void)context;
	if (posix_memalign(&memory,
			   align < sizeof memory ? sizeof memory : align,
			   size) != 0) {
		return NULL;
	}
	soak_count(SOAK_MEMORY_GOT, size);
	return memory;
}

static void
give_memory(void *memory, size_t size, void *context)
{
	(void)context;
	soak_count(SOAK_MEMORY_GAVE, size);
	free(memory);
}

struct tpar_pool_config
soak_pool_config(unsigned workers)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = workers;
	config.allocator.alloc = get_memory;
	config.allocator.free = give_memory;
	return config;
}

/* ---- Loads --------------------------------------------------------------- */

static struct soak_load loads[LOADS_MOST];
static unsigned load_count;
static long patience; /* seconds */

static void
add_load(const char *name, void (*turn)(struct soak_load *), uint64_t seed)
{
	const char *only = getenv("SOAK_ONLY");
	struct soak_random random = { seed + load_count };
	struct soak_load *load;

	if (only != NULL && strstr(only, name) == NULL) {
		return;
	}
	load = &loads[load_count++];
	load->name = name;
	load->turn = turn;
	load->random.state = soak_next(&random);
	atomic_init(&load->turns, 0);
	atomic_init(&load->step, "nothing");
}

static void
add_loads(uint64_t seed)
{
	unsigned i;

	for (i = 0; i < OUTSIDE; i++) {
		add_load("jobs", soak_jobs, seed);
	}
	add_load("forks", soak_forks, seed);
	add_load("scopes", soak_scopes, seed);
	add_load("waits", soak_waits, seed);
	add_load("pools", soak_short_pools, seed);
#ifdef SOAK_IO_LIBRARY
	add_load("io", soak_io, seed);
#endif
}

static void *
load_main(void *arg)
{
	struct soak_load *load = arg;

	while (!atomic_load(&soak_is_over)) {
		load->turn(load);
		atomic_fetch_add(&load->turns, 1);
	}
	return NULL;
}

/* ---- Levels -------------------------------------------------------------- */

static struct soak_level highest[TIDES];
static struct soak_level resting[TIDES]; /* after each */
static uint64_t turns_of_second;

static uint64_t
all_turns(void)
{
	uint64_t turns = 0;
	unsigned i;

	for (i = 0; i < load_count; i++) {
		turns += atomic_load(&loads[i].turns);
	}
	return turns;
}

static long
larger(long a, long b)
{
	return a > b ? a : b;
}

static void
sample(struct soak_level *high)
{
	struct soak_level now = soak_level_now();

	high->memory = larger(high->memory, now.memory);
	high->threads = larger(high->threads, now.threads);
	high->descriptors = larger(high->descriptors, now.descriptors);
}

/* Once a minute. */
static void
say_level(unsigned tide, long seconds)
{
	struct soak_level now = soak_level_now();

	printf("soak: tide %u, %ld s: forks %" PRIu64 ", jobs %" PRIu64
	       ", %ld KiB, %ld threads, %ld descriptors\n",
	       tide + 1, seconds, soak_counted(SOAK_FORKS),
	       soak_counted(SOAK_ACCEPTED), now.memory, now.threads,
	       now.descriptors);
	(void)fflush(stdout);
}

static void
sample_for(unsigned tide, int64_t ns)
{
	uint64_t turns_before = all_turns();
	int64_t begin = tpar_in(0);
	int64_t said = 0;
	int64_t at;

	while ((at = tpar_in(0) - begin) < ns) {
		if (tide < 2 || all_turns() - turns_before <= turns_of_second) {
			sample(&highest[tide]);
		}
		if (at - said >= 60 * TPAR_SECOND) {
			said = at;
			say_level(tide, (long)(at / TPAR_SECOND));
		}
		(void)usleep(1000000 / SAMPLES_A_SECOND);
	}
	if (tide == 1) {
		turns_of_second = all_turns() - turns_before;
	}
}

static bool
is_level(const char *what, unsigned tide, long first, long now, long slack)
{
	if (now - first <= slack) {
		return true;
	}
	printf("soak: %s: %ld in tide 2, %ld in tide %u\n", what, first, now,
	       tide + 1);
	return false;
}

static bool
levels_agree(unsigned tide, long tide_seconds)
{
	const struct soak_level *first = &highest[1];
	const struct soak_level *high = &highest[tide];
	bool ok;

	if (tide < 2) {
		return true;
	}
	ok = is_level("KiB at most", tide, first->memory, high->memory,
		      first->memory / MEMORY_SLACK + 1024 +
			      MEMORY_SLACK_SECONDS * 1024 / tide_seconds);
	ok &= is_level("KiB in use at rest", tide, resting[1].in_use,
		       resting[tide].in_use, IN_USE_SLACK);
	ok &= is_level("threads at most", tide, first->threads, high->threads,
		       THREADS_SLACK);
	ok &= is_level("descriptors at most", tide, first->descriptors,
		       high->descriptors, DESCRIPTORS_SLACK);
	return ok;
}

/* When all is gone: what was there before.  Threads may take a moment. */
static bool
is_as_before(struct soak_level before)
{
	int64_t until = tpar_in(patience * TPAR_SECOND / 2);
	struct soak_level now = soak_level_now();

	while (now.threads > before.threads && tpar_in(0) < until) {
		(void)usleep(50000);
		now = soak_level_now();
	}
	if (now.threads == before.threads &&
	    now.descriptors == before.descriptors) {
		return true;
	}
	printf("soak: %ld threads and %ld descriptors, before %ld and %ld\n",
	       now.threads, now.descriptors, before.threads,
	       before.descriptors);
	return false;
}

/* ---- From begin to end --------------------------------------------------- */

static long
number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtol(text, NULL, 10)
					       : otherwise;
}

static void
begin(void)
{
	unsigned workers = (unsigned)number_of("SOAK_WORKERS", 0);
	unsigned i;

	atomic_store(&soak_is_over, false);
	for (i = 0; i < SOAK_SHARED_POOLS; i++) {
		struct tpar_pool_config config =
			soak_pool_config(i > 0 && workers == 0 ? 4 : workers);

		config.blocking_limit = BLOCKING;
		config.name = i == 0 ? "soak" : "other";
		SOAK_MUST(tpar_pool_create(&soak_pools[i], &config) == TPAR_OK);
	}
	for (i = 0; i < load_count; i++) {
		SOAK_MUST(pthread_create(&loads[i].thread, NULL, load_main,
					 &loads[i]) == 0);
	}
	soak_watch_end(false);
}

static void
end(void)
{
	unsigned i;

	soak_watch_end(true);
	atomic_store(&soak_is_over, true);
	for (i = 0; i < load_count; i++) {
		SOAK_MUST(pthread_join(loads[i].thread, NULL) == 0);
	}
	soak_io_end();
	for (i = 0; i < SOAK_SHARED_POOLS; i++) {
		tpar_pool *pool = soak_pools[i];

		soak_pools[i] = NULL;
		SOAK_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	}
	SOAK_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* Returns whether all agrees after it. */
static bool
run_tide(unsigned tide, int64_t ns, struct soak_level before)
{
	bool ok;

	begin();
	sample_for(tide, ns);
	end();
	ok = is_as_before(before);
	soak_level_settle();
	resting[tide] = soak_level_now();
	ok &= soak_account_agrees();
	ok &= levels_agree(tide, larger((long)(ns / TPAR_SECOND), 1));
	printf("soak: tide %u: at most %ld KiB, %ld threads, %ld descriptors; "
	       "at rest %ld KiB in use\n",
	       tide + 1, highest[tide].memory, highest[tide].threads,
	       highest[tide].descriptors, resting[tide].in_use);
	(void)fflush(stdout);
	return ok;
}

static void
print_counts(void)
{
	printf("soak: forks %" PRIu64 ", jobs %" PRIu64 " = run %" PRIu64
	       " + cancelled %" PRIu64 "; of those that ran %" PRIu64
	       " stopped, %" PRIu64 " failed\n",
	       soak_counted(SOAK_FORKS), soak_counted(SOAK_ACCEPTED),
	       soak_counted(SOAK_RAN), soak_counted(SOAK_UNRUN),
	       soak_counted(SOAK_STOPPED), soak_counted(SOAK_FAILED));
	printf("soak: sets %" PRIu64 ", items %" PRIu64 ", promises %" PRIu64
	       ", values %" PRIu64 ", pools %" PRIu64 ", io %" PRIu64 "\n",
	       soak_counted(SOAK_SETS), soak_counted(SOAK_ITEMS),
	       soak_counted(SOAK_PROMISES), soak_counted(SOAK_VALUES_MADE),
	       soak_counted(SOAK_POOLS), soak_counted(SOAK_IO));
}

int
main(void)
{
	long seconds = larger(number_of("SOAK_SECS", 5), 1);
	uint64_t seed = (uint64_t)number_of("SOAK_SEED",
					    (long)(time(NULL) % 1000000000));
	struct soak_level before;
	bool ok = true;
	unsigned tide;

	printf("soak: SOAK_SECS=%ld SOAK_SEED=%" PRIu64 " libtaskpar %s\n",
	       seconds, seed, tpar_version());
	(void)fflush(stdout);
	add_loads(seed);
	patience = larger(number_of("SOAK_PATIENCE", 20), 2);
	soak_watch(loads, load_count, patience);
	/* With the watchdog, and what a sanitizer starts with the first thread. */
	before = soak_level_now();
	soak_io_begin();
	before.descriptors = soak_level_now().descriptors;
	for (tide = 0; tide < TIDES; tide++) {
		ok &= run_tide(tide, seconds * TPAR_SECOND / TIDES, before);
	}
	soak_unwatch();
	print_counts();
	printf("soak: %s\n", ok ? "all agrees" : "FAILED");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
