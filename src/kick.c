/* SPDX-License-Identifier: MIT */
/*
 * kick.c - choosing the signal that breaks system calls; sending, blocking and
 * draining it.
 */
#include "config.h"

#include "die.h"
#include "environ.h"
#include "err.h"
#include "kick.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/*
 * Where to begin to look for a free one: programs that take a fixed one take
 * one of the first or of the last.
 */
#define FIRST_TRIED 8

#define SIGNAL_MAX 1023u /* what is_usable() is asked about at all */

static int wanted; /* by tpi_kick_choose(), or 0 */
static int number; /* set up; or 0 */

/* That the system call ends is all there is to do. */
static void
nothing(int signal)
{
	(void)signal;
}

static bool
is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) == 0 &&
	       action->sa_handler == nothing;
}

static bool
is_default(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) == 0 &&
	       action->sa_handler == SIG_DFL;
}

/* Signals that mean something to the system, or to the library. */
static bool
is_reserved(int signal)
{
	static const int reserved[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
					SIGFPE,	 SIGILL,  SIGTRAP, SIGABRT,
					SIGPIPE, SIGCONT, SIGINT,  SIGTERM,
					SIGQUIT, SIGHUP,  SIGTSTP, SIGCHLD };
	size_t i;

	for (i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (signal == reserved[i]) {
			return true;
		}
	}
	return false;
}

/* Gives it our handler unless it has one.  false: it has, or cannot have ours. */
static bool
take(int signal)
{
	struct sigaction ours;
	struct sigaction before;

	if (sigaction(signal, NULL, &before) != 0 || !is_default(&before)) {
		return false;
	}
	memset(&ours, 0, sizeof ours);
	ours.sa_handler = nothing;
	/* Threads of other runtimes may have little stack of their own. */
	ours.sa_flags = SA_ONSTACK;
	(void)sigemptyset(&ours.sa_mask);
	if (sigaction(signal, &ours, &before) != 0) {
		return false;
	}
	if (!is_default(&before)) {
		/* Somebody was faster. */
		(void)sigaction(signal, &before, NULL);
		return false;
	}
	number = signal;
	return true;
}

static enum tpar_err
take_wanted(int signal)
{
	return take(signal) ? TPAR_OK
			    : tpi_err(TPAR_EBUSY,
				      "signal %d, which is to break system "
				      "calls, has a handler or cannot have one",
				      signal);
}

#ifdef SIGRTMIN
/* "", or a sign and a number of no more than there are; -1: something else. */
static int
offset_of(const char *text, char sign)
{
	unsigned most = (unsigned)(SIGRTMAX - SIGRTMIN);
	unsigned n;

	if (*text == '\0') {
		return 0;
	}
	if (*text != sign || !tpi_environ_number(text + 1, most, &n)) {
		return -1;
	}
	return (int)n;
}
#endif

int
tpi_kick_number_of(const char *text)
{
	unsigned plain;
#ifdef SIGRTMIN
	int n;
#endif

	if (tpi_environ_number(text, SIGNAL_MAX, &plain)) {
		return (int)plain;
	}
	if (strncasecmp(text, "SIG", 3) == 0) {
		text += 3;
	}
#ifdef SIGRTMIN
	if (strncasecmp(text, "RTMIN", 5) == 0) {
		n = offset_of(text + 5, '+');
		return n >= 0 ? SIGRTMIN + n : 0;
	}
	if (strncasecmp(text, "RTMAX", 5) == 0) {
		n = offset_of(text + 5, '-');
		return n >= 0 ? SIGRTMAX - n : 0;
	}
#endif
	if (strcasecmp(text, "USR1") == 0) {
		return SIGUSR1;
	}
	return strcasecmp(text, "USR2") == 0 ? SIGUSR2 : 0;
}

/* Is there such a signal, and may it be ours? */
static bool
is_usable(int signal)
{
	sigset_t set;

	(void)sigemptyset(&set);
	return signal > 0 && !is_reserved(signal) &&
	       sigaddset(&set, signal) == 0;
}

static enum tpar_err
take_any(void)
{
#ifdef SIGRTMIN
	int n = SIGRTMAX - SIGRTMIN + 1;
	int i;

	for (i = 0; i < n; i++) {
		if (take(SIGRTMIN + (FIRST_TRIED + i) % n)) {
			return TPAR_OK;
		}
	}
	return tpi_err(TPAR_EBUSY, "all real-time signals have handlers");
#else
	return tpi_err(TPAR_ENOTSUP, "there are no real-time signals: "
				     "choose one by TASKPAR_SIGNAL");
#endif
}

enum tpar_err
tpi_kick_ready(void)
{
	struct sigaction now;
	const char *text;
	int signal;

	if (TPI_LIKELY(number != 0)) {
		if (sigaction(number, NULL, &now) == 0 && is_ours(&now)) {
			return TPAR_OK;
		}
		return tpi_err(TPAR_EBUSY,
			       "signal %d, which breaks system calls, has been "
			       "given another handler",
			       number);
	}
	if (wanted != 0) {
		return take_wanted(wanted);
	}
	text = tpi_environ_get("TASKPAR_SIGNAL");
	if (text == NULL || *text == '\0') {
		return take_any();
	}
	signal = tpi_kick_number_of(text);
	if (!is_usable(signal)) {
		return tpi_err(TPAR_EINVAL,
			       "TASKPAR_SIGNAL is '%s', no signal to break "
			       "system calls with, such as RTMIN+3 or %d",
			       text, SIGUSR2);
	}
	return take_wanted(signal);
}

enum tpar_err
tpi_kick_choose(int signal)
{
	struct sigaction now;

	if (!is_usable(signal)) {
		return tpi_err(TPAR_EINVAL,
			       "%d is no signal to break system calls with",
			       signal);
	}
	if (number == signal) {
		return TPAR_OK;
	}
	if (number != 0) {
		return tpi_err(TPAR_EBUSY,
			       "signal %d breaks system calls already", number);
	}
	if (sigaction(signal, NULL, &now) != 0 || !is_default(&now)) {
		return tpi_err(TPAR_EBUSY, "signal %d has a handler", signal);
	}
	wanted = signal;
	return TPAR_OK;
}

int
tpi_kick_number(void)
{
	return number;
}

bool
tpi_kick_send(pthread_t thread)
{
	int rc = pthread_kill(thread, number);

	TPI_CHECK(rc == 0 || rc == EAGAIN);
	return rc == 0;
}

static void
only_ours(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, number);
}

bool
tpi_kick_block(sigset_t *mask)
{
	sigset_t ours;
	sigset_t before;
	bool was_unblocked;

	only_ours(&ours);
	TPI_CHECK(pthread_sigmask(SIG_BLOCK, &ours, &before) == 0);
	was_unblocked = sigismember(&before, number) == 0;
	if (mask != NULL) {
		*mask = before;
		(void)sigdelset(mask, number);
	}
	return was_unblocked;
}

void
tpi_kick_unblock(void)
{
	sigset_t ours;

	only_ours(&ours);
	TPI_CHECK(pthread_sigmask(SIG_UNBLOCK, &ours, NULL) == 0);
}

void
tpi_kick_drain(void)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t ours;

	only_ours(&ours);
	/* ENDS: nobody sends it any more; each one sent is a pending one. */
	while (sigtimedwait(&ours, NULL, &at_once) == number ||
	       errno == EINTR) {
	}
}
