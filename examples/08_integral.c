/* SPDX-License-Identifier: MIT */
/*
 * 08_integral.c - fork-join: a recursive function whose two calls may run on two
 * cores.  Here: an integral, halved where the curve is rough, which is known
 * only on the way.
 */
#include <math.h>
#include <stdio.h>
#include <taskpar.h>

#define TOO_DEEP (-1) /* a code of our own */

static double
curve(double x)
{
	return 1 / (x * x + 1e-8); /* a needle at 0 */
}

static double
simpson(double a, double b)
{
	return (b - a) / 6 * (curve(a) + 4 * curve((a + b) / 2) + curve(b));
}

/* A function of three arguments, double integral(double a, double b, int n). */
TPAR_TASK_3(double, integral, double, a, double, b, int, depth)
{
	double middle = (a + b) / 2;
	double fine = simpson(a, middle) + simpson(middle, b);
	double left;
	double right;

	if (fabs(fine - simpson(a, b)) < 1e-7)
		return fine;
	if (depth == 0) {
		tpar_run_fail(TOO_DEEP, "too rough near %g", a);
		return 0;
	}
	TPAR_FORK(integral, a, middle, depth - 1); /* may begin elsewhere */
	right = TPAR_CALL(integral, middle, b, depth - 1);
	left = TPAR_JOIN(integral); /* if it has not, it is called here */
	return left + right;
}

int
main(void)
{
	struct tpar_failure why;
	double area;

	if (TPAR_RUN(integral, NULL, &area, &why, -1.0, 2.0, 40) != TPAR_OK) {
		fprintf(stderr, "%s\n", why.message);
		return 1;
	}
	printf("the area under the needle: %.3f\n", area);
	if (TPAR_RUN(integral, NULL, &area, &why, -1.0, 2.0, 3) != TPAR_OK)
		printf("with 3 halvings: code %d\n", why.code);
	return 0;
}
