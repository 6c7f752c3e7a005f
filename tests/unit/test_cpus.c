/* SPDX-License-Identifier: MIT */
/*
 * test_cpus.c - the affinity mask, and binding threads.
 *
 * sched_getaffinity() is replaced, so that a test can ask on a machine of many
 * CPUs, or of none that it tells about.
 */
#include "config.h"

#include "unit.h"

#include "src/cpus.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

START_TEST(usable_is_at_least_one)
{
	ck_assert_uint_ge(tpi_cpus_affinity(), 1);
	ck_assert_uint_ge(tpi_cpus_usable(), 1);
	ck_assert_uint_le(tpi_cpus_usable(), tpi_cpus_affinity());
}
END_TEST

#if defined(HAVE_SCHED_GETAFFINITY) && defined(HAVE_PTHREAD_SETAFFINITY_NP) && \
	defined(CPU_ALLOC) && defined(SYS_sched_getaffinity)

static size_t machine_cpus;   /* of the made-up machine; 0: the real one */
static int affinity_error;    /* what asking fails with */
static size_t affinity_calls; /* how often it was asked */

int
sched_getaffinity(pid_t thread, size_t size, cpu_set_t *mask)
{
	long bytes;
	size_t i;

	affinity_calls++;
	if (affinity_error != 0) {
		errno = affinity_error;
		return -1;
	}
	if (machine_cpus == 0) {
		CPU_ZERO_S(size, mask);
		bytes = syscall(SYS_sched_getaffinity, thread, size, mask);
		return bytes < 0 ? -1 : 0;
	}
	if (size * CHAR_BIT < machine_cpus) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO_S(size, mask);
	for (i = 1; i < machine_cpus; i += 2) {
		CPU_SET_S(i, size, mask);
	}
	return 0;
}

START_TEST(machines_beyond_a_fixed_set)
{
	for (machine_cpus = 2; machine_cpus <= 40000; machine_cpus *= 3) {
		ck_assert_uint_eq(tpi_cpus_affinity(), machine_cpus / 2);
	}
}
END_TEST

START_TEST(no_mask_to_be_had)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	affinity_error = ENOSYS;
	ck_assert_uint_eq(tpi_cpus_affinity(), online);
	ck_assert_uint_eq(affinity_calls, 1);
	/* No size is ever large enough. */
	affinity_error = EINVAL;
	ck_assert_uint_eq(tpi_cpus_affinity(), online);
	ck_assert_uint_lt(affinity_calls, 30);
	tpi_cpus_pin(pthread_self(), 0);
	/* A mask without CPUs. */
	affinity_error = 0;
	machine_cpus = 1;
	ck_assert_uint_eq(tpi_cpus_affinity(), 1);
	tpi_cpus_pin(pthread_self(), 0);
}
END_TEST

/* A real mask; false: the machine has more CPUs than the tests can handle. */
static bool
real_mask(cpu_set_t *mask)
{
	return sched_getaffinity(0, sizeof *mask, mask) == 0;
}

/* The single CPU of the calling thread's mask; -1 if there are more. */
static int
bound_to(void)
{
	cpu_set_t mask;
	int cpu = 0;

	ck_assert_int_eq(
		pthread_getaffinity_np(pthread_self(), sizeof mask, &mask), 0);
	if (CPU_COUNT(&mask) != 1) {
		return -1;
	}
	while (!CPU_ISSET(cpu, &mask)) {
		cpu++;
	}
	return cpu;
}

START_TEST(affinity_follows_the_mask)
{
	cpu_set_t before;
	cpu_set_t one;
	int cpu = 0;

	if (!real_mask(&before)) {
		return;
	}
	ck_assert_uint_eq(tpi_cpus_affinity(), CPU_COUNT(&before));
	while (!CPU_ISSET(cpu, &before)) {
		cpu++;
	}
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	ck_assert_uint_eq(tpi_cpus_affinity(), 1);
	ck_assert_uint_eq(tpi_cpus_usable(), 1);
	ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

/* A thread that is bound to a CPU binds itself to each in turn. */
static void *
bind_round(void *arg)
{
	const cpu_set_t *mask = arg;
	unsigned cpus = (unsigned)CPU_COUNT(mask);
	unsigned index;
	int cpu = -1;

	for (index = 0; index < 2 * cpus; index++) {
		if (index == cpus) {
			cpu = -1;
		}
		do {
			cpu++;
		} while (!CPU_ISSET(cpu, mask));
		tpi_cpus_pin(pthread_self(), index);
		if (bound_to() != cpu) {
			return NULL;
		}
	}
	tpi_cpus_pin(pthread_self(), UINT_MAX);
	return bound_to() < 0 ? NULL : arg;
}

START_TEST(pin_counts_round_and_round)
{
	cpu_set_t mask;
	pthread_t thread;
	void *result;

	if (!real_mask(&mask)) {
		return;
	}
	ck_assert_int_eq(pthread_create(&thread, NULL, bind_round, &mask), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &mask);
}
END_TEST

static void
real_machine(void)
{
	machine_cpus = 0;
	affinity_error = 0;
	affinity_calls = 0;
}

static TCase *
affinity_tests(void)
{
	TCase *tests = tcase_create("affinity");

	tcase_set_timeout(tests, UNIT_TIMEOUT);
	tcase_add_checked_fixture(tests, real_machine, real_machine);
	tcase_add_test(tests, usable_is_at_least_one);
	tcase_add_test(tests, machines_beyond_a_fixed_set);
	tcase_add_test(tests, no_mask_to_be_had);
	tcase_add_test(tests, affinity_follows_the_mask);
	tcase_add_test(tests, pin_counts_round_and_round);
	return tests;
}

#else

START_TEST(affinity_is_what_is_online)
{
	ck_assert_uint_eq(tpi_cpus_affinity(), sysconf(_SC_NPROCESSORS_ONLN));
	tpi_cpus_pin(pthread_self(), 3);
}
END_TEST

static TCase *
affinity_tests(void)
{
	TCase *tests = tcase_create("affinity");

	tcase_add_test(tests, usable_is_at_least_one);
	tcase_add_test(tests, affinity_is_what_is_online);
	return tests;
}

#endif

int
main(void)
{
	Suite *suite = suite_create("cpus");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, affinity_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
