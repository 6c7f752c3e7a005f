/* SPDX-License-Identifier: MIT */
/*
 * sysrun.c - a process for each seed, and what is made of how it ends.
 *
 * A process each, as nothing else makes a run independent of those before: free
 * lists, thread-local variables and whatever the program keeps would else have one
 * seed depend on the one before, and a run that fails could not be left.
 */
#include "config.h"

#include "err.h"
#include "sysreport.h"
#include "sysseeds.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEDS 1000
#define STEPS 1000000
#define HANG_S 60

/* How often a run that fails is run again. */
#define REPLAYS 2

struct explorer {
	struct tpi_sysworld *world;
	void (*test)(void *arg);
	void *arg;
	unsigned hang_s;
	const char *seed_file;
	struct tpar_sys_report *report;
};

/* ---- One run -------------------------------------------------------------------- */

/* Passing the turn between two CPUs takes longer. */
static void
stay_on_one_cpu(void)
{
#if defined(HAVE_SCHED_GETAFFINITY) && defined(CPU_SET)
	int cpu = sched_getcpu();
	cpu_set_t mask;

	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_ZERO(&mask);
		CPU_SET(cpu, &mask);
		(void)sched_setaffinity(0, sizeof mask, &mask);
	}
#endif
}

static void
run_here(struct explorer *e)
{
	struct tpi_sysworld *w = e->world;
	struct tpi_systhread *self;

	tpi_sysworld = w;
	self = tpi_sysworld_add(w);
	self->id = pthread_self();
	w->current = self;
	tpi_sysworld_self = self;
	e->test(e->arg);
	w->verdict = TPAR_SYS_PASSED;
	w->returned = true;
	tpi_sysworld_self = NULL;
	tpi_sysworld = NULL;
}

/* It ends the process when it takes too long. */
static void
set_alarm(unsigned seconds)
{
	sigset_t alarms;

	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&alarms);
	(void)sigaddset(&alarms, SIGALRM);
	(void)pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	(void)alarm(seconds);
}

static _Noreturn void
run_in_child(struct explorer *e)
{
	stay_on_one_cpu();
	set_alarm(e->hang_s);
	run_here(e);
	fflush(NULL);
	_exit(0);
}

/* What the process could not say itself. */
static void
judge(struct explorer *e, int status)
{
	struct tpi_sysworld *w = e->world;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		w->verdict = TPAR_SYS_HANGS;
		(void)snprintf(w->what, sizeof w->what,
			       "after %u s: the thread whose turn it is blocks "
			       "in a system call, or does not end",
			       e->hang_s);
	} else if (WIFSIGNALED(status)) {
		w->verdict = TPAR_SYS_CRASHED;
		(void)snprintf(w->what, sizeof w->what, "signal %d: %s",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (!w->returned) {
		w->verdict = TPAR_SYS_FAILED;
		(void)snprintf(w->what, sizeof w->what,
			       "it has exited with %d before the test returned",
			       WEXITSTATUS(status));
	} else {
		return; /* and it has reported */
	}
	if (w->loud) {
		tpi_sysreport_write(w);
	}
}

static enum tpar_err
run(struct explorer *e, uint64_t seed, bool loud)
{
	struct tpi_sysworld *w = e->world;
	int status;
	pid_t child;

	tpi_sysworld_begin(w, seed);
	w->loud = loud;
	if (w->here) {
		run_here(e);
		return TPAR_OK;
	}
	fflush(NULL);
	child = fork();
	if (child < 0) {
		return tpi_err(errno == ENOMEM ? TPAR_ENOMEM : TPAR_EAGAIN,
			       "no process for a run: error %d", errno);
	}
	if (child == 0) {
		run_in_child(e);
	}
	/* ENDS: the run does, or its alarm ends it. */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	judge(e, status);
	return TPAR_OK;
}

/* ---- What becomes of it --------------------------------------------------------- */

static void
write_down(struct explorer *e)
{
	const struct tpi_sysworld *w = e->world;
	struct tpar_sys_report *r = e->report;

	r->seed = w->seed;
	r->trace = w->trace;
	r->verdict = w->verdict;
	memcpy(r->what, w->what, sizeof r->what);
}

static void
say(const struct explorer *e, const char *text)
{
	if ((e->world->flags & TPAR_SYS_SILENT) == 0) {
		fprintf(stderr, "taskpar-sys: %s: seed %llu: %s\n",
			e->world->name, (unsigned long long)e->world->seed,
			text);
	}
}

/* Is it the same again?  The first time, it says what it is. */
static enum tpar_err
replay(struct explorer *e)
{
	struct tpi_sysworld *w = e->world;
	struct tpar_sys_report *r = e->report;
	uint64_t steps = w->steps;
	enum tpar_err err = TPAR_OK;
	char text[128];
	unsigned i;

	for (i = 0; i < REPLAYS && err == TPAR_OK; i++) {
		err = run(e, r->seed,
			  i == 0 && (w->flags & TPAR_SYS_SILENT) == 0);
		r->replays += err == TPAR_OK && w->verdict == r->verdict &&
			      w->trace == r->trace && w->steps == steps;
	}
	(void)snprintf(text, sizeof text,
		       "%u of %d replays are the same.  Once more: "
		       "TASKPAR_SYS_SEED=%s:%llu",
		       r->replays, REPLAYS, w->name,
		       (unsigned long long)r->seed);
	say(e, text);
	return err;
}

static enum tpar_err
fail(struct explorer *e)
{
	struct tpar_sys_report *r = e->report;
	struct tpi_sysworld *w = e->world;
	enum tpar_err err = TPAR_OK;

	if (r->failed++ == 0) {
		write_down(e);
		err = replay(e);
	}
	if (e->seed_file != NULL &&
	    !tpi_sysseeds_keep(e->seed_file, w->name, w->seed, w->what)) {
		say(e, "it could not be written to the seed file");
	}
	if (err == TPAR_OK && (w->flags & TPAR_SYS_KEEP_GOING) == 0) {
		err = TPAR_EFAILED;
	}
	return err;
}

static enum tpar_err
try(uint64_t seed, void *arg)
{
	struct explorer *e = arg;
	struct tpar_sys_report *r = e->report;
	enum tpar_err err = run(e, seed, false);

	if (err != TPAR_OK) {
		return err;
	}
	r->runs++;
	r->steps += e->world->steps;
	r->switches += e->world->switches;
	if (e->world->verdict != TPAR_SYS_PASSED) {
		return fail(e);
	}
	if (r->failed == 0) {
		write_down(e);
	}
	return TPAR_OK;
}

static enum tpar_err
try_one(struct explorer *e, const struct tpi_sysseeds *seeds)
{
	char text[128];
	enum tpar_err err;

	e->world->here = seeds->here;
	e->world->traces = seeds->traces;
	e->seed_file = NULL;
	err = try(seeds->seed, e);
	if (err == TPAR_OK && e->report->failed == 0) {
		(void)snprintf(text, sizeof text,
			       "passed, %llu steps, trace %016llx",
			       (unsigned long long)e->world->steps,
			       (unsigned long long)e->world->trace);
		say(e, text);
	}
	return err;
}

static enum tpar_err
explore(struct explorer *e, const struct tpar_sys_config *config)
{
	struct tpi_sysseeds seeds;
	enum tpar_err err = tpi_sysseeds_read(&seeds, e->world->name);
	uint64_t first = config->first != 0 ? config->first : 1;
	uint64_t count = config->seeds != 0 ? config->seeds : SEEDS;
	uint64_t i;

	if (err != TPAR_OK) {
		return err;
	}
	if (seeds.one) {
		return seeds.other ? TPAR_OK : try_one(e, &seeds);
	}
	if (seeds.count != 0) {
		count = seeds.count;
	}
	err = tpi_sysseeds_each(e->seed_file, e->world->name, try, e);
	for (i = 0; i < count && err == TPAR_OK; i++) {
		err = try(first + i, e);
	}
	return err == TPAR_OK && e->report->failed > 0 ? TPAR_EFAILED : err;
}

/* ---- The call ---------------------------------------------------------------------- */

/* What a process of the test's forks is no run. */
static void
forget(void)
{
	tpi_sysworld = NULL;
	tpi_sysworld_self = NULL;
}

static void
watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, forget);
}

static enum tpar_err
check(const struct tpar_sys_config *config)
{
	if (config->size != sizeof *config) {
		return tpi_err(TPAR_EINVAL,
			       "config.size is %zu, not %zu: begin with "
			       "TPAR_SYS_CONFIG_INIT",
			       config->size, sizeof *config);
	}
	if (config->name != NULL && strpbrk(config->name, " \t\n:") != NULL) {
		return tpi_err(TPAR_EINVAL,
			       "config.name has a blank or a colon");
	}
	return TPAR_OK;
}

static void
set_up(struct tpi_sysworld *w, const struct tpar_sys_config *config)
{
	w->name = config->name != NULL ? config->name : "test";
	w->steps_max = config->steps != 0 ? config->steps : STEPS;
	w->time_max = config->time_ns;
	w->flags = config->flags;
	w->workers = config->workers;
}

enum tpar_err
tpar_sys_run(const struct tpar_sys_config *config, void (*test)(void *arg),
	     void *arg, struct tpar_sys_report *report)
{
	static const struct tpar_sys_config defaults = TPAR_SYS_CONFIG_INIT;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tpar_sys_report own;
	struct explorer e = { NULL, test, arg, HANG_S, NULL, report };
	enum tpar_err err;

	config = config != NULL ? config : &defaults;
	if (tpi_sysworld != NULL) {
		return tpi_err(TPAR_EBUSY, "a run cannot have runs");
	}
	if (test == NULL) {
		return tpi_err(TPAR_EINVAL, "test is NULL");
	}
	err = check(config);
	if (err != TPAR_OK) {
		return err;
	}
	(void)pthread_once(&once, watch_forks);
	e.report = report != NULL ? report : &own;
	memset(e.report, 0, sizeof *e.report);
	e.hang_s = config->hang_s != 0 ? config->hang_s : HANG_S;
	e.seed_file = config->seed_file;
	e.world = mmap(NULL, sizeof *e.world, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (e.world == MAP_FAILED) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	set_up(e.world, config);
	err = explore(&e, config);
	(void)munmap(e.world, sizeof *e.world);
	return err;
}
