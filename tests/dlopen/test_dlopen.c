/* SPDX-License-Identifier: MIT */
/*
 * test_dlopen.c - loads and unloads a library that uses taskpar, many times.
 * This program is not linked with taskpar, nor with Check, and prints TAP
 * itself.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the build puts it; tests run in the top of the build. */
#define PLUGIN "tests/dlopen/.libs/plugin.so"

/* The sum of the squares below 64. */
#define SUM 85344

/* false: says why. */
static int
load_use_unload(void)
{
	void *plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
	int (*sum)(int n);
	void *found;
	int got;

	if (plugin == NULL) {
		printf("# %s\n", dlerror());
		return 0;
	}
	found = dlsym(plugin, "plugin_sum");
	if (found == NULL) {
		printf("# %s\n", dlerror());
		return 0;
	}
	*(void **)&sum = found;
	got = sum(64);
	if (got != SUM) {
		printf("# plugin_sum() gives %d\n", got);
		return 0;
	}
	if (dlclose(plugin) != 0) {
		printf("# %s\n", dlerror());
		return 0;
	}
	if (dlopen(PLUGIN, RTLD_NOW | RTLD_NOLOAD) != NULL) {
		printf("# the plugin is still there\n");
		return 0;
	}
	return 1;
}

/* What the library has registered for forks must not have gone with it. */
static int
fork_afterwards(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int
main(void)
{
	const char *text = getenv("TPAR_TEST_SCALE");
	long times = text != NULL ? strtol(text, NULL, 10) : 100;
	int forks;
	int ok = 1;
	long i;

	for (i = 0; ok && (i == 0 || i < times); i++) {
		ok = load_use_unload();
	}
	printf("1..2\n%s 1 - plugin_comes_and_goes\n", ok ? "ok" : "not ok");
	fflush(stdout);
	forks = fork_afterwards();
	printf("%s 2 - fork_after_it_has_gone\n", forks ? "ok" : "not ok");
	return ok && forks ? EXIT_SUCCESS : EXIT_FAILURE;
}
