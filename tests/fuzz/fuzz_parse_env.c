/* SPDX-License-Identifier: MIT */
/*
 * fuzz_parse_env.c - what the library reads from its environment, TASKPAR_WORKERS
 * and TASKPAR_SIGNAL, and the ports of libtaskpar-io, against parsers that were
 * written another way.
 */
#include "config.h"

#include "fuzz.h"

#include "src/kick.h"
#include "src/settings.h"
#ifdef FUZZ_IO
#include "src/io/ioname.h"
#endif

#include <ctype.h>
#include <string.h>

enum { TEXT_MOST = 64 };

static char text[TEXT_MOST];

void
fuzz_describe(FILE *to)
{
	fprintf(to, "  text '%s'\n", text);
}

/* Digits alone, and what they mean; most + 1 for what is more. */
static bool
read_digits(const char *digits, size_t n, unsigned most, unsigned *number)
{
	char canonical[TEXT_MOST];
	char limit[TEXT_MOST];
	size_t i;

	for (i = 0; i < n; i++) {
		if (strchr("0123456789", digits[i]) == NULL) {
			return false;
		}
	}
	while (n > 1 && *digits == '0') {
		digits++;
		n--;
	}
	memcpy(canonical, digits, n);
	canonical[n] = '\0';
	snprintf(limit, sizeof limit, "%u", most);
	*number = most + 1;
	if (n < strlen(limit) ||
	    (n == strlen(limit) && strcmp(canonical, limit) <= 0)) {
		FUZZ_MUST(n == 0 || sscanf(canonical, "%u", number) == 1);
	}
	return n > 0;
}

static void
check_workers(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	unsigned number = 0;
	enum tpar_err err;
	bool good = read_digits(text, strlen(text), 4096, &number) &&
		    number >= 1 && number <= 4096;

	FUZZ_MUST(setenv("TASKPAR_WORKERS", text, 1) == 0);
	err = tpi_settings_complete(NULL, &config);
	FUZZ_MUST(unsetenv("TASKPAR_WORKERS") == 0);
	if (*text == '\0') {
		FUZZ_MUST(err == TPAR_OK && config.workers >= 1);
		return;
	}
	FUZZ_MUST(err == (good ? TPAR_OK : TPAR_EINVAL));
	FUZZ_MUST(!good || config.workers == number);
	FUZZ_MUST(good || strstr(tpar_error_detail(), "TASKPAR_WORKERS"));
}

/* A part of the text that has to be there, in capital letters or not. */
static const char *
after(const char *at, const char *word)
{
	for (; *word != '\0'; word++, at++) {
		if (toupper((unsigned char)*at) != *word) {
			return NULL;
		}
	}
	return at;
}

/* RTMIN, RTMIN+3 */
static int
real_time(const char *at, char sign)
{
	int most = SIGRTMAX - SIGRTMIN;
	unsigned n = 0;

	if (*at == '\0') {
		return sign == '+' ? SIGRTMIN : SIGRTMAX;
	}
	if (*at != sign ||
	    !read_digits(at + 1, strlen(at + 1), (unsigned)most, &n) ||
	    n > (unsigned)most) {
		return 0;
	}
	return sign == '+' ? SIGRTMIN + (int)n : SIGRTMAX - (int)n;
}

static int
signal_of(void)
{
	const char *at = text;
	const char *rest;
	unsigned n = 0;

	if (isdigit((unsigned char)*at)) {
		return read_digits(at, strlen(at), 1023, &n) && n <= 1023
			       ? (int)n
			       : 0;
	}
	if ((rest = after(at, "SIG")) != NULL) {
		at = rest;
	}
	if ((rest = after(at, "RTMIN")) != NULL) {
		return real_time(rest, '+');
	}
	if ((rest = after(at, "RTMAX")) != NULL) {
		return real_time(rest, '-');
	}
	if ((rest = after(at, "USR")) != NULL && rest[0] != '\0' &&
	    rest[1] == '\0') {
		return *rest == '1' ? SIGUSR1 : *rest == '2' ? SIGUSR2 : 0;
	}
	return 0;
}

#ifdef FUZZ_IO
/* A number beyond 65535 is refused, names of services are not looked at. */
static void
check_port(void)
{
	unsigned number = 0;
	bool is_number = read_digits(text, strlen(text), 65535, &number);

	FUZZ_MUST(tpi_ioname_check_port(text) ==
		  (is_number && number > 65535 ? TPAR_EINVAL : TPAR_OK));
}
#endif

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {
		"SIG",	"RTMIN", "RTMAX",      "USR",
		"4096", "65535", "4294967296", "18446744073709551616"
	};
	size_t n = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		const char *word = words[data[i] % 8];
		size_t length = data[i] < 0x80 ? 1 : strlen(word);

		if (data[i] == 0 || n + length >= sizeof text) {
			break;
		}
		memcpy(text + n, data[i] < 0x80 ? (const char *)&data[i] : word,
		       length);
		n += length;
	}
	text[n] = '\0';
	check_workers();
	FUZZ_MUST(tpi_kick_number_of(text) == signal_of());
#ifdef FUZZ_IO
	check_port();
#endif
	return 0;
}
