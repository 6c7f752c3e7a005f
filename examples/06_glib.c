/* SPDX-License-Identifier: MIT */
/*
 * 06_glib.c - a future in GLib's main loop: a callback on the thread of the
 * loop when it has ended.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <taskpar.h>

static GMainLoop *loop;

static int
count_primes(void *arg, void *value)
{
	int n, d;

	for (n = 2; n < *(int *)arg; n++) {
		for (d = 2; d * d <= n && n % d != 0; d++)
			;
		*(int *)value += d * d > n;
	}
	return 0;
}

/* On the thread of the loop: here it is safe to touch widgets. */
static gboolean
show(gint fd, GIOCondition condition, gpointer f)
{
	(void)fd, (void)condition;
	if (tpar_future_state(f) == TPAR_DONE)
		printf("%d primes below 100000\n",
		       *(const int *)tpar_future_value(f));
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE; /* the descriptor stays readable */
}

int
main(void)
{
	int limit = 100000;
	tpar_future *f;
	int fd;

	loop = g_main_loop_new(NULL, FALSE);
	if (tpar_submit(NULL, count_primes, &limit, sizeof(int), &f) !=
		    TPAR_OK ||
	    tpar_future_fd(f, &fd) != TPAR_OK)
		return 1;
	g_unix_fd_add(fd, G_IO_IN, show, f);
	g_main_loop_run(loop);
	tpar_future_unref(f); /* closes the descriptor */
	g_main_loop_unref(loop);
	return 0;
}
