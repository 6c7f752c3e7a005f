/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_cxx.cc - the macros of forkjoin.h in C++; prints TAP.
 */
#include <taskpar.h>
#include <taskpar/forkjoin.h>

#include <cstdio>
#include <cstdlib>

namespace
{

template <typename T> struct range {
	const T *first;
	const T *last;
};

using numbers = range<int>;
using operation = long (*)(long, long);

long
plus(long a, long b)
{
	return a + b;
}

TPAR_TASK_1(long, fib, int, n)
{
	if (n < 2) {
		return n;
	}
	TPAR_FORK(fib, n - 1);
	const long b = TPAR_CALL(fib, n - 2);
	return TPAR_JOIN(fib) + b;
}

TPAR_TASK_2(long, sum_of, numbers, r, operation, add)
{
	const auto n = r.last - r.first;

	if (n < 4) {
		long sum = 0;

		for (auto at = r.first; at != r.last; ++at) {
			sum = add(sum, *at);
		}
		return sum;
	}
	TPAR_FORK(sum_of, numbers{ r.first, r.first + n / 2 }, add);
	const long right =
		TPAR_CALL(sum_of, numbers{ r.first + n / 2, r.last }, add);
	return add(TPAR_JOIN(sum_of), right);
}

using flags = bool *;

TPAR_VOID_TASK_3(sieve, flags, composite, int, from, int, n)
{
	if (from * from >= n) {
		return;
	}
	TPAR_FORK(sieve, composite, from + 1, n);
	TPAR_JOIN(sieve);
	for (int i = from * from; i < n; i += from) {
		composite[i] = true;
	}
}

TPAR_TASK_0(double, half)
{
	return 0.5;
}

TPAR_TASK_8(long, eight, char, a, short, b, int, c, long, d, bool, e, float, f,
	    double, g, unsigned char, h)
{
	return a + b + c + d + e + static_cast<long>(f) +
	       static_cast<long>(g) + h;
}

TPAR_TASK_0(long, all_sizes)
{
	TPAR_FORK(half);
	TPAR_FORK(eight, 1, 2, 3, 4, true, 5.5F, 6.5, 7);
	const long sum = TPAR_JOIN(eight);
	return sum + static_cast<long>(2 * TPAR_JOIN(half));
}

TPAR_VOID_TASK_1(fail_as, int, code)
{
	tpar_run_fail(code, "as told");
}

int number;

bool
check(bool good, const char *what)
{
	std::printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	return good;
}

} // namespace

TPAR_TASK_DECL_1(int, shared_twice, int, n)

TPAR_TASK_BODY_1(int, shared_twice, int, n)
{
	return 2 * n;
}

int
main()
{
	bool composite[100] = {};
	int many[1000];
	int primes = 0;
	int twice = 0;
	long value = 0;
	tpar_failure why;
	bool good = true;

	for (int i = 0; i < 1000; i++) {
		many[i] = i;
	}
	std::puts("1..5");
	good &= check(TPAR_RUN(fib, nullptr, &value, nullptr, 15) == TPAR_OK &&
			      value == 610,
		      "recursion");
	good &= check(TPAR_RUN(sum_of, nullptr, &value, nullptr,
			       numbers{ many, many + 1000 },
			       plus) == TPAR_OK &&
			      value == 499500,
		      "instances of templates are arguments");
	good &= check(TPAR_RUN(all_sizes, nullptr, &value, nullptr) ==
				      TPAR_OK &&
			      value == 30 &&
			      TPAR_RUN(shared_twice, nullptr, &twice, nullptr,
				       21) == TPAR_OK &&
			      twice == 42,
		      "tasks of every number of arguments");
	good &= check(TPAR_RUN(sieve, nullptr, nullptr, nullptr, composite, 2,
			       100) == TPAR_OK,
		      "tasks without a result");
	for (int i = 2; i < 100; i++) {
		primes += composite[i] ? 0 : 1;
	}
	good &= check(primes == 25 &&
			      TPAR_RUN(fail_as, nullptr, nullptr, &why, 3) ==
				      TPAR_EFAILED &&
			      why.code == 3,
		      "failure");
	good &= tpar_pool_destroy(nullptr) == TPAR_OK;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
