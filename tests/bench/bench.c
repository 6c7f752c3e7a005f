/* SPDX-License-Identifier: MIT */
/*
 * bench.c - main() of every peer: `peer BENCH WORKERS [N]` measures once, after
 * a warm-up, and prints a number (idle: two), or `unsupported`.
 */
#define _GNU_SOURCE /* for clock_gettime() and others, with -std=c11 too */
#include "bench.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INNER_TASKS ((size_t)400000) /* in all rounds of `inner` together */
#define TRIPS_UNCOUNTED ((size_t)10)
#define PAUSE_NS ((int64_t)1000000) /* before each trip: workers fall asleep */
#define THREADS_MAX 64

/* ---- For the peers ------------------------------------------------------ */

void
bench_require(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "bench: wrong: %s\n", what);
		exit(1);
	}
}

void
bench_require_values(const uint64_t *values, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += values[i];
	}
	bench_require(sum == (uint64_t)n * (n + 1) / 2, "the sum of values");
}

uint64_t
bench_fib(size_t n)
{
	uint64_t a = 0;
	uint64_t b = 1;

	for (; n > 0; n--) {
		uint64_t next = a + b;

		a = b;
		b = next;
	}
	return a;
}

void *
bench_buffer(unsigned slot, size_t bytes)
{
	static struct {
		void *at;
		size_t bytes;
	} buffer[2];

	bench_require(slot < 2, "bench_buffer()");
	if (buffer[slot].bytes < bytes) {
		free(buffer[slot].at);
		buffer[slot].at = malloc(bytes);
		bench_require(buffer[slot].at != NULL, "memory");
		memset(buffer[slot].at, 0xff, bytes);
		buffer[slot].bytes = bytes;
	}
	return buffer[slot].at;
}

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned inside;
	bool open;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, true };

void
bench_gate_close(void)
{
	pthread_mutex_lock(&gate.mutex);
	gate.open = false;
	gate.inside = 0;
	pthread_mutex_unlock(&gate.mutex);
}

void
bench_gate_pass(void)
{
	pthread_mutex_lock(&gate.mutex);
	gate.inside++;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open) {
		pthread_cond_wait(&gate.changed, &gate.mutex);
	}
	pthread_mutex_unlock(&gate.mutex);
}

void
bench_gate_await(unsigned tasks)
{
	pthread_mutex_lock(&gate.mutex);
	while (gate.inside < tasks) {
		pthread_cond_wait(&gate.changed, &gate.mutex);
	}
	pthread_mutex_unlock(&gate.mutex);
}

void
bench_gate_open(void)
{
	pthread_mutex_lock(&gate.mutex);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
}

/* ---- Clocks and counters of the process ---------------------------------- */

static int64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void
bench_pause_ns(int64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000),
			      (long)(ns % 1000000000) };

	while (nanosleep(&t, &t) != 0) { /* interrupted: the rest is in t */
	}
}

static int64_t
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long long pages = 0;

	bench_require(file != NULL && fscanf(file, "%*s %lld", &pages) == 1,
		      "/proc/self/statm");
	fclose(file);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* How often a thread has given up its CPU by itself: once per wake-up. */
static int64_t
thread_sleeps(const char *id)
{
	char path[64];
	char line[128];
	long long sleeps = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/status", id);
	file = fopen(path, "r");
	if (file == NULL) { /* the thread has just ended */
		return 0;
	}
	while (fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "voluntary_ctxt_switches: %lld", &sleeps) ==
		    1) {
			break;
		}
	}
	fclose(file);
	return (int64_t)sleeps;
}

struct sleeper {
	long id;
	int64_t sleeps;
};

/* All threads of the process but the first, which only measures. */
static size_t
all_sleeps(struct sleeper *threads)
{
	DIR *directory = opendir("/proc/self/task");
	struct dirent *entry;
	size_t n = 0;

	bench_require(directory != NULL, "/proc/self/task");
	while ((entry = readdir(directory)) != NULL) {
		long id = strtol(entry->d_name, NULL, 10);

		if (id > 0 && id != (long)getpid()) {
			bench_require(n < THREADS_MAX, "number of threads");
			threads[n].id = id;
			threads[n++].sleeps = thread_sleeps(entry->d_name);
		}
	}
	closedir(directory);
	return n;
}

/* Wake-ups since `before`; those of threads that have ended are not known. */
static int64_t
wakeups_since(const struct sleeper *before, size_t n)
{
	struct sleeper after[THREADS_MAX];
	size_t m = all_sleeps(after);
	int64_t sum = 0;
	size_t i;
	size_t k;

	for (i = 0; i < m; i++) {
		sum += after[i].sleeps;
		for (k = 0; k < n; k++) {
			if (before[k].id == after[i].id) {
				sum -= before[k].sleeps;
			}
		}
	}
	return sum;
}

static bool
measure_own(const char *name, const char *n)
{
	const struct bench_own *own = bench_peer.own;

	for (; own != NULL && own->name != NULL; own++) {
		if (strcmp(own->name, name) == 0) {
			own->measure(n != NULL ? strtoul(n, NULL, 10) : own->n);
			return true;
		}
	}
	return false;
}

/* ---- The benches: false is unsupported ----------------------------------- */

static void
print_ns_each(int64_t ns, size_t n)
{
	printf("%.2f\n", (double)ns / (double)n);
}

static bool
time_tasks(void (*run)(size_t), size_t n, size_t tasks)
{
	int64_t start;

	if (run == NULL) {
		return false;
	}
	run(n);
	start = bench_now_ns();
	run(n);
	print_ns_each(bench_now_ns() - start, tasks);
	return true;
}

static bool
flat(size_t n)
{
	return time_tasks(bench_peer.flat, n, n);
}

static bool
flat_many(size_t n)
{
	return time_tasks(bench_peer.flat_many, n, n);
}

static bool
window(size_t n)
{
	return time_tasks(bench_peer.window, n, n);
}

static bool
tree(size_t n)
{
	return time_tasks(bench_peer.tree, n,
			  (size_t)(2 * bench_fib(n + 1) - 1));
}

static bool
inner(size_t n)
{
	size_t rounds = n < INNER_TASKS ? INNER_TASKS / n : 1;
	int64_t start;

	if (bench_peer.inner == NULL) {
		return false;
	}
	bench_peer.inner(n, rounds);
	start = bench_now_ns();
	bench_peer.inner(n, rounds);
	print_ns_each(bench_now_ns() - start, n * rounds);
	return true;
}

static int
by_value(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left;
	int64_t b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

static bool
roundtrip(size_t n)
{
	int64_t *took = (int64_t *)calloc(n, sizeof *took);
	size_t i;

	if (bench_peer.trip == NULL) {
		free(took);
		return false;
	}
	bench_require(took != NULL, "memory");
	for (i = 0; i < n + TRIPS_UNCOUNTED; i++) {
		int64_t start;

		bench_pause_ns(PAUSE_NS);
		start = bench_now_ns();
		bench_peer.trip();
		if (i >= TRIPS_UNCOUNTED) {
			took[i - TRIPS_UNCOUNTED] = bench_now_ns() - start;
		}
	}
	qsort(took, n, sizeof *took, by_value);
	print_ns_each(took[n / 2], 1);
	free(took);
	return true;
}

/* Two numbers: ns of CPU time, and wake-ups, from the end of some work on. */
static bool
idle(size_t ms)
{
	struct sleeper before[THREADS_MAX];
	size_t threads;
	int64_t start;
	int64_t cpu;

	if (bench_peer.flat == NULL) {
		return false;
	}
	bench_peer.flat(10000);
	threads = all_sleeps(before);
	start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	bench_pause_ns((int64_t)ms * 1000000);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
	printf("%" PRId64 " %" PRId64 "\n", cpu,
	       wakeups_since(before, threads));
	return true;
}

static int64_t resident_while_pending;

static void
look(void)
{
	resident_while_pending = resident_bytes();
}

static bool
memory(size_t n)
{
	int64_t before;

	if (bench_peer.pend == NULL) {
		return false;
	}
	bench_peer.flat(1000);
	before = resident_bytes();
	bench_peer.pend(n, look);
	print_ns_each(resident_while_pending - before, n);
	return true;
}

struct bench {
	const char *name;
	size_t n;
	bool (*measure)(size_t n);
};

static const struct bench benches[] = {
	{ "flat", 1000000, flat },	     /* tasks */
	{ "flat_many", 1000000, flat_many }, /* tasks */
	{ "inner", 8000, inner },	     /* children of one task */
	{ "inner_1m", 1000000, inner },	     /* children of one task */
	{ "tree", 27, tree },		     /* fib(n) */
	{ "window", 1000000, window },	     /* items */
	{ "roundtrip", 300, roundtrip },     /* times */
	{ "idle", 5000, idle },		     /* milliseconds */
	{ "memory", 1000000, memory },	     /* tasks */
};
/* Of one library: its own_NAME.c. */
static const char *const own_benches[] = {
	"cancel",	 "cancel_pending", "beside",	  "deadlines",
	"window_memory", "group_failure",  "map_failure",
};
enum {
	BENCHES = sizeof benches / sizeof benches[0],
	OWN_BENCHES = sizeof own_benches / sizeof own_benches[0]
};

static int
usage(void)
{
	size_t i;

	fprintf(stderr, "usage: peer BENCH WORKERS [N]\nbenches:");
	for (i = 0; i < BENCHES; i++) {
		fprintf(stderr, " %s", benches[i].name);
	}
	for (i = 0; i < OWN_BENCHES; i++) {
		fprintf(stderr, " %s", own_benches[i]);
	}
	fprintf(stderr, "\n");
	return 2;
}

static bool
is_own(const char *name)
{
	size_t i;

	for (i = 0; i < OWN_BENCHES; i++) {
		if (strcmp(own_benches[i], name) == 0) {
			return true;
		}
	}
	return false;
}

int
main(int argc, char **argv)
{
	const struct bench *bench = benches;
	unsigned long workers;
	size_t n;

	if (argc < 3 || argc > 4) {
		return usage();
	}
	while (bench < benches + BENCHES && strcmp(bench->name, argv[1]) != 0) {
		bench++;
	}
	workers = strtoul(argv[2], NULL, 10);
	if ((bench == benches + BENCHES && !is_own(argv[1])) || workers < 1 ||
	    workers > THREADS_MAX / 2) {
		return usage();
	}
	if (bench == benches + BENCHES) {
		bench_peer.start((unsigned)workers);
		if (!measure_own(argv[1], argv[3])) {
			printf("unsupported\n");
		}
		bench_peer.stop();
		return 0;
	}
	n = argc == 4 ? strtoul(argv[3], NULL, 10) : bench->n;
	if (n < 1) {
		return usage();
	}
	bench_peer.start((unsigned)workers);
	if (!bench->measure(n)) {
		printf("unsupported\n");
	}
	bench_peer.stop();
	return 0;
}
