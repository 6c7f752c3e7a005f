/* SPDX-License-Identifier: MIT */
/*
 * test_settings.c - what a config may say, what the environment may say, and
 * what holds if neither does.
 */
#include "config.h"

#include "src/cpus.h"
#include "src/settings.h"

#include "unit.h"

#include <string.h>

static const struct tpar_pool_config init = TPAR_POOL_CONFIG_INIT;

static void *
some_alloc(size_t size, size_t align, void *context)
{
	(void)size;
	(void)align;
	return context;
}

static void
some_free(void *memory, size_t size, void *context)
{
	(void)memory;
	(void)size;
	(void)context;
}

START_TEST(nothing_said_gives_the_defaults)
{
	struct tpar_pool_config to = TPAR_POOL_CONFIG_INIT;

	unsetenv("TASKPAR_WORKERS");
	ck_assert_int_eq(tpi_settings_complete(NULL, &to), TPAR_OK);
	ck_assert_uint_eq(to.workers, tpi_cpus_usable());
	ck_assert_uint_eq(to.blocking_limit, 512);
	ck_assert(to.stack_size == 8 << 20 || to.stack_size == 4 << 20);
	ck_assert_uint_eq(to.queue_limit, 0);
	ck_assert_str_eq(to.name, "taskpar");
	ck_assert(!to.own_threads_only);
	ck_assert(!to.pin);
	ck_assert_ptr_null((void *)(uintptr_t)to.allocator.alloc);
}
END_TEST

START_TEST(config_is_taken_over)
{
	struct tpar_pool_config from = init;
	struct tpar_pool_config to = init;

	from.workers = 3;
	from.blocking_limit = 5;
	from.stack_size = (size_t)128 * 1024;
	from.queue_limit = 7;
	from.own_threads_only = true;
	from.pin = true;
	from.name = "mine";
	from.hook_arg = &from;
	from.allocator.alloc = some_alloc;
	from.allocator.free = some_free;
	setenv("TASKPAR_WORKERS", "9", 1);
	ck_assert_int_eq(tpi_settings_complete(&from, &to), TPAR_OK);
	ck_assert_uint_eq(to.workers, 3);
	ck_assert_uint_eq(to.blocking_limit, 5);
	ck_assert_uint_eq(to.stack_size, 128 * 1024);
	ck_assert_uint_eq(to.queue_limit, 7);
	ck_assert(to.own_threads_only);
	ck_assert(to.pin);
	ck_assert_str_eq(to.name, "mine");
	ck_assert_ptr_eq(to.hook_arg, &from);
	ck_assert(to.allocator.alloc == some_alloc);
}
END_TEST

/* Each is refused, in words that name the field. */
static void
expect_refused(const struct tpar_pool_config *from, const char *word)
{
	struct tpar_pool_config to = TPAR_POOL_CONFIG_INIT;

	ck_assert_int_eq(tpi_settings_complete(from, &to), TPAR_EINVAL);
	ck_assert_msg(strstr(tpar_error_detail(), word) != NULL,
		      "'%s' is not in '%s'", word, tpar_error_detail());
}

START_TEST(values_out_of_range_are_named)
{
	struct tpar_pool_config from = init;

	from.size--;
	expect_refused(&from, "config.size");
	from = init;
	from.workers = 4097;
	expect_refused(&from, "config.workers");
	from = init;
	from.blocking_limit = 16385;
	expect_refused(&from, "config.blocking_limit");
	from = init;
	from.stack_size = (size_t)128 * 1024 - 1;
	expect_refused(&from, "config.stack_size");
	from = init;
	from.stack_size = SIZE_MAX;
	expect_refused(&from, "config.stack_size");
	from = init;
	from.allocator.alloc = some_alloc;
	expect_refused(&from, "config.allocator");
	from = init;
	from.allocator.free = some_free;
	expect_refused(&from, "config.allocator");
}
END_TEST

START_TEST(limits_themselves_are_allowed)
{
	struct tpar_pool_config from = init;
	struct tpar_pool_config to = init;

	from.workers = 4096;
	from.blocking_limit = 16384;
	from.stack_size = (size_t)1 << (SIZE_MAX > UINT32_MAX ? 36 : 30);
	from.queue_limit = SIZE_MAX;
	ck_assert_int_eq(tpi_settings_complete(&from, &to), TPAR_OK);
	ck_assert_uint_eq(to.workers, 4096);
	ck_assert_uint_eq(to.stack_size, from.stack_size);
	ck_assert_uint_eq(to.queue_limit, SIZE_MAX);
	from.stack_size = (size_t)128 * 1024;
	ck_assert_int_eq(tpi_settings_complete(&from, &to), TPAR_OK);
}
END_TEST

START_TEST(environment_sets_the_workers)
{
	static const struct {
		const char *text;
		unsigned workers;
	} cases[] = { { "1", 1 }, { "4096", 4096 }, { "007", 7 } };
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tpar_pool_config to = init;

		setenv("TASKPAR_WORKERS", cases[i].text, 1);
		ck_assert_int_eq(tpi_settings_complete(NULL, &to), TPAR_OK);
		ck_assert_uint_eq(to.workers, cases[i].workers);
	}
}
END_TEST

START_TEST(environment_that_is_no_number_is_refused)
{
	static const char *const bad[] = {
		"0",
		"4097",
		"-1",
		"+3",
		" 3",
		"3 ",
		"3x",
		"x",
		"0x3",
		"99999999999999999999999999",
		"1e3",
		"3.0",
		"-18446744073709551615",
	};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		setenv("TASKPAR_WORKERS", bad[i], 1);
		expect_refused(NULL, "TASKPAR_WORKERS");
		ck_assert_ptr_nonnull(strstr(tpar_error_detail(), bad[i]));
	}
}
END_TEST

START_TEST(empty_environment_counts_as_unset)
{
	struct tpar_pool_config to = init;

	setenv("TASKPAR_WORKERS", "", 1);
	ck_assert_int_eq(tpi_settings_complete(NULL, &to), TPAR_OK);
	ck_assert_uint_eq(to.workers, tpi_cpus_usable());
}
END_TEST

START_TEST(bad_environment_does_not_matter_if_the_config_says)
{
	struct tpar_pool_config from = init;
	struct tpar_pool_config to = init;

	setenv("TASKPAR_WORKERS", "many", 1);
	from.workers = 2;
	ck_assert_int_eq(tpi_settings_complete(&from, &to), TPAR_OK);
	ck_assert_uint_eq(to.workers, 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		nothing_said_gives_the_defaults,
		config_is_taken_over,
		values_out_of_range_are_named,
		limits_themselves_are_allowed,
		environment_sets_the_workers,
		environment_that_is_no_number_is_refused,
		empty_environment_counts_as_unset,
		bad_environment_does_not_matter_if_the_config_says,
	};

	return unit_main("settings", tests, sizeof tests / sizeof tests[0]);
}
