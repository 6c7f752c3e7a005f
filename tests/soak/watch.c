/* SPDX-License-Identifier: MIT */
/*
 * watch.c - the watchdog: when a load has taken no turn for too long it says
 * what each is at, which jobs have not ended, what the pools run, and where all
 * threads are; then it aborts.
 */
#include "soak.h"

#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Seconds for the report itself. */
enum { REPORT_PATIENCE = 60, LOADS_MOST = 32 };

static struct {
	struct soak_load *loads;
	unsigned n;
	long patience;
	uint64_t seen[LOADS_MOST];
	long still[LOADS_MOST]; /* seconds */
	_Atomic bool ends;	/* the loads are over */
	_Atomic bool over;
	pthread_t thread;
} watch;

extern char **environ;

/* ---- Stacks -------------------------------------------------------------- */

/* Not by fork(), which would have to wait for locks of the library. */
static bool
stacks_by_debugger(void)
{
	char pid[24];
	char *argv[] = { (char *)"gdb",
			 (char *)"-p",
			 pid,
			 (char *)"-nx",
			 (char *)"-batch",
			 (char *)"-ex",
			 (char *)"thread apply all bt",
			 NULL };
	posix_spawn_file_actions_t to_stderr;
	pid_t child;
	int status;
	bool started;

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
#if defined(__linux__) && defined(PR_SET_PTRACER)
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
#endif
	SOAK_MUST(posix_spawn_file_actions_init(&to_stderr) == 0);
	SOAK_MUST(posix_spawn_file_actions_adddup2(&to_stderr, STDERR_FILENO,
						   STDOUT_FILENO) == 0);
	started = posix_spawnp(&child, argv[0], &to_stderr, NULL, argv,
			       environ) == 0;
	SOAK_MUST(posix_spawn_file_actions_destroy(&to_stderr) == 0);
	return started && waitpid(child, &status, 0) == child && status == 0;
}

static void
copy_line(const char *thread, const char *what)
{
	char path[300];
	char line[200];
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%s/%s", thread, what);
	file = fopen(path, "r");
	if (file == NULL) {
		return;
	}
	while (fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		fprintf(stderr, "soak: thread %s %s: %s\n", thread, what, line);
	}
	(void)fclose(file);
}

static void
stacks_by_system(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			copy_line(entry->d_name, "comm");
			copy_line(entry->d_name, "wchan");
			copy_line(entry->d_name, "syscall");
			copy_line(entry->d_name, "stack");
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
}

/* ---- The report ---------------------------------------------------------- */

static void
dump_loads(void)
{
	unsigned i;

	for (i = 0; i < watch.n; i++) {
		fprintf(stderr,
			"soak: load %s: %" PRIu64 " turns, %ld s at: %s\n",
			watch.loads[i].name, atomic_load(&watch.loads[i].turns),
			watch.still[i], atomic_load(&watch.loads[i].step));
	}
}

/* A shutdown that does not wait names what runs. */
static void
dump_pools(void)
{
	unsigned i;

	for (i = 0; i <= SOAK_SHARED_POOLS; i++) {
		tpar_pool *pool = i < SOAK_SHARED_POOLS ? soak_pools[i] : NULL;
		enum tpar_err err;

		if (i < SOAK_SHARED_POOLS && pool == NULL) {
			continue; /* it was destroyed */
		}
		err = tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW);
		fprintf(stderr, "soak: pool %u: %s: %s\n", i,
			tpar_strerror(err),
			err == TPAR_OK ? "idle" : tpar_error_detail());
	}
}

static _Noreturn void
report(const char *what)
{
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(REPORT_PATIENCE);
	fprintf(stderr, "soak: hangs: no turn of %s for %ld s\n", what,
		watch.patience);
	dump_loads();
	soak_dump_jobs(stderr);
	if (!stacks_by_debugger()) {
		fprintf(stderr,
			"soak: no stacks by gdb; as the system says:\n");
		stacks_by_system();
	}
	/* Last: it takes a lock of each pool, which may be what hangs. */
	dump_pools();
	abort();
}

/* ---- Watching ------------------------------------------------------------ */

static void
look(unsigned i)
{
	uint64_t turns = atomic_load(&watch.loads[i].turns);

	if (turns != watch.seen[i]) {
		watch.seen[i] = turns;
		watch.still[i] = 0;
	} else if (++watch.still[i] >= watch.patience) {
		report(watch.loads[i].name);
	}
}

static void *
watch_main(void *arg)
{
	long ending = 0;
	unsigned i;

	(void)arg;
	while (!atomic_load(&watch.over)) {
		(void)sleep(1);
		if (!atomic_load(&watch.ends)) {
			ending = 0;
			for (i = 0; i < watch.n; i++) {
				look(i);
			}
		} else if (++ending >= watch.patience) {
			report("the end");
		}
	}
	return NULL;
}

void
soak_watch(struct soak_load *loads, unsigned n, long patience)
{
	SOAK_MUST(n <= LOADS_MOST);
	watch.loads = loads;
	watch.n = n;
	watch.patience = patience;
	atomic_store(&watch.ends, true);
	SOAK_MUST(pthread_create(&watch.thread, NULL, watch_main, NULL) == 0);
}

void
soak_watch_end(bool ends)
{
	atomic_store(&watch.ends, ends);
}

void
soak_unwatch(void)
{
	atomic_store(&watch.over, true);
	SOAK_MUST(pthread_join(watch.thread, NULL) == 0);
}
