/* SPDX-License-Identifier: MIT */
/*
 * fuzz_parse_tpsum.c - tpsum's command line, and the lists of checksums that it
 * reads, against parsers that were written another way.
 */
#define _GNU_SOURCE
#include "fuzz_options.h"

#include "examples/tpsum.h"

#include <sys/mman.h>
#include <unistd.h>

static struct args args;
static char list_text[TEXT_MOST + 1];
static size_t list_size;

void
fuzz_describe(FILE *to)
{
	args_describe(to, &args);
	fprintf(to, "  list of %zu bytes: %.*s\n", list_size, (int)list_size,
		list_text);
}

/* ---- The command line ------------------------------------------------------ */

static const struct spec specs[] = {
	{ "check", false, 'c', true },
	{ "fail-fast", false, 'f', false },
	{ "help", false, 'h', false },
	{ "ignore-missing", false, 'i', false },
	{ "jobs", true, 'j', true },
	{ "quiet", false, 'q', false },
	{ "status", false, 's', false },
	{ "strict", false, 't', false },
	{ "version", false, 'v', false },
	{ "warn", false, 'w', true },
};

struct wanted {
	struct options options;
	enum command command;
};

static bool
take(char letter, const char *value, void *context)
{
	struct wanted *wanted = context;
	struct options *options = &wanted->options;

	switch (letter) {
	case 'h':
	case 'v':
		wanted->command =
			letter == 'h' ? COMMAND_HELP : COMMAND_VERSION;
		return false;
	case 'j':
		if (!read_number(value, 4096, &options->workers) ||
		    options->workers == 0) {
			wanted->command = COMMAND_BAD;
			return false;
		}
		return true;
	default:
		options->check |= letter == 'c';
		options->fail_fast |= letter == 'f';
		options->ignore_missing |= letter == 'i';
		options->strict |= letter == 't';
		if (strchr("qsw", letter) != NULL) {
			options->quiet = letter == 'q';
			options->status = letter == 's';
			options->warn = letter == 'w';
		}
		return true;
	}
}

static void
fuzz_command_line(struct fuzz_bytes *bytes)
{
	static const char *const words[] = {
		"--check",   "--fail-fast", "--help",	"--ignore-missing",
		"--jobs",    "--quiet",	    "--status", "--strict",
		"--version", "--warn",	    "-j",	"4096",
		"--",	     "-",	    "--s",	"=",
	};
	struct wanted wanted = { .command = COMMAND_RUN };
	struct command_line line = { specs,    sizeof specs / sizeof specs[0],
				     take,     &wanted,
				     { NULL }, 0,
				     false,    false };
	struct options options = { .check = false };
	enum command command;

	args_decode(&args, bytes, words, sizeof words / sizeof words[0]);
	read_command_line(&line, args.arg);
	if (line.broken) {
		wanted.command = COMMAND_BAD;
	}
	if (wanted.command == COMMAND_RUN && !wanted.options.check &&
	    (wanted.options.ignore_missing || wanted.options.quiet ||
	     wanted.options.status || wanted.options.strict ||
	     wanted.options.warn)) {
		wanted.command = COMMAND_BAD;
	}
	optind = 0;
	opterr = 0;
	command = options_parse(args.n, args.arg, &options);
	FUZZ_MUST(command == wanted.command);
	if (command == COMMAND_BAD) {
		FUZZ_MUST(line.broken == (options.fault == NULL));
		return;
	}
	FUZZ_MUST(options.check == wanted.options.check);
	FUZZ_MUST(options.fail_fast == wanted.options.fail_fast);
	FUZZ_MUST(options.ignore_missing == wanted.options.ignore_missing);
	FUZZ_MUST(options.quiet == wanted.options.quiet);
	FUZZ_MUST(options.status == wanted.options.status);
	FUZZ_MUST(options.strict == wanted.options.strict);
	FUZZ_MUST(options.warn == wanted.options.warn);
	FUZZ_MUST(options.workers == wanted.options.workers);
	if (command == COMMAND_RUN) {
		check_operands(&line, args.n, args.arg);
	}
}

/* ---- Lists ----------------------------------------------------------------- */

/* Bytes that stand for more of them. */
static void
decode_list(struct fuzz_bytes *bytes)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF"
				     "0123456789abcdef0123456789abcdef";
	static const char *const words[] = {
		digits, "SHA256 (", ") = ", "  ",     " *",
		"\r\n", "\\",	    "\\n",  "SHA256",
	};
	char *to = list_text;
	char *end = list_text + TEXT_MOST;

	while (fuzz_more(bytes) && to < end) {
		unsigned c = fuzz_byte(bytes);
		const char *word = words[c % (sizeof words / sizeof words[0])];
		size_t length = strlen(word);

		if (c < 0x80) {
			*to++ = (char)c;
		} else if (length <= (size_t)(end - to)) {
			memcpy(to, word, length);
			to += length;
		} else {
			break;
		}
	}
	list_size = (size_t)(to - list_text);
	*to = '\0';
}

/* A place in a line. */
struct at {
	const char *text;
	size_t n; /* bytes that are left */
};

static bool
skip_one(struct at *at, const char *of)
{
	bool is =
		at->n > 0 && *at->text != '\0' && strchr(of, *at->text) != NULL;

	at->text += is;
	at->n -= is;
	return is;
}

static bool
skip_word(struct at *at, const char *word)
{
	size_t length = strlen(word);
	bool is = at->n >= length && memcmp(at->text, word, length) == 0;

	at->text += is ? length : 0;
	at->n -= is ? length : 0;
	return is;
}

static bool
skip_digest(struct at *at, unsigned char *digest)
{
	unsigned value;
	int length;
	size_t i;

	for (i = 0; i < DIGEST_BYTES; i++) {
		char pair[3] = { 0 };

		if (at->n < 2 || !isxdigit((unsigned char)at->text[0]) ||
		    !isxdigit((unsigned char)at->text[1])) {
			return false;
		}
		memcpy(pair, at->text, 2);
		FUZZ_MUST(sscanf(pair, "%x%n", &value, &length) == 1);
		digest[i] = (unsigned char)value;
		at->text += 2;
		at->n -= 2;
	}
	return true;
}

/* false: a backslash that means nothing. */
static bool
copy_name(const struct at *from, bool escaped, char *name)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		char c = from->text[i];

		if (escaped && c == '\\') {
			c = i + 1 < from->n ? from->text[++i] : '?';
			if (strchr("\\nr", c) == NULL || c == '\0') {
				return false;
			}
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : '\\';
		}
		*name++ = c;
	}
	*name = '\0';
	return true;
}

/* A line without its end, of a list that is not standard input. */
static bool
line_is_good(const char *text, size_t n, unsigned char *digest, char *name)
{
	struct at at = { text, n };
	struct at inner;
	bool escaped;
	size_t close;

	if (memchr(text, '\0', n) != NULL) {
		return false;
	}
	while (skip_one(&at, " \t")) {
	}
	escaped = skip_one(&at, "\\");
	if (!skip_word(&at, "SHA256")) {
		return skip_digest(&at, digest) && skip_one(&at, " \t") &&
		       skip_one(&at, " *") && at.n > 0 &&
		       copy_name(&at, escaped, name);
	}
	(void)skip_one(&at, " ");
	if (!skip_one(&at, "(")) {
		return false;
	}
	for (close = at.n; close > 0 && at.text[close - 1] != ')'; close--) {
	}
	if (close == 0) {
		return false;
	}
	inner = (struct at) { at.text, close - 1 };
	at.text += close;
	at.n -= close;
	while (skip_one(&at, " \t")) {
	}
	if (!skip_one(&at, "=")) {
		return false;
	}
	while (skip_one(&at, " \t")) {
	}
	return skip_digest(&at, digest) && at.n == 0 &&
	       copy_name(&inner, escaped, name);
}

static void
check_item(const struct item *item, const char *text, size_t n,
	   unsigned long number)
{
	unsigned char digest[DIGEST_BYTES];
	char name[TEXT_MOST + 1];

	if (line_is_good(text, n, digest, name)) {
		FUZZ_MUST(item->kind == ITEM_FILE && item->verify);
		FUZZ_MUST(strcmp(item->name, name) == 0);
		FUZZ_MUST(memcmp(item->want, digest, DIGEST_BYTES) == 0);
	} else {
		FUZZ_MUST(item->kind == ITEM_BAD_LINE);
		FUZZ_MUST(item->line == number);
	}
}

static void
next_item(struct list_reader *list, struct item *item)
{
	memset(item, 0, sizeof *item);
	FUZZ_MUST(list_next(list, item));
	FUZZ_MUST(item->name != NULL);
}

static void
check_list(struct list_reader *list)
{
	const char *text = list_text;
	const char *end = list_text + list_size;
	unsigned long number = 0;
	struct item item;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline != NULL ? newline + 1 : end;
		size_t n = (size_t)((newline != NULL ? newline : end) - text);

		number++;
		if (n > 0 && text[n - 1] == '\r') {
			n--;
		}
		if (n > 0 && text[0] != '#') {
			next_item(list, &item);
			check_item(&item, text, n, number);
			free(item.name);
		}
		text = next;
	}
	next_item(list, &item);
	FUZZ_MUST(item.kind == ITEM_LIST_END);
	free(item.name);
	FUZZ_MUST(!list_next(list, &item));
}

static void
fuzz_list(struct fuzz_bytes *bytes)
{
	static int fd = -1;
	struct list_reader *list;
	char name[32];

	if (fd < 0) {
		fd = memfd_create("list", MFD_CLOEXEC);
	}
	decode_list(bytes);
	FUZZ_MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	FUZZ_MUST(pwrite(fd, list_text, list_size, 0) == (ssize_t)list_size);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	list = list_open(name);
	FUZZ_MUST(list != NULL);
	check_list(list);
	list_close(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };

	(void)unsetenv("POSIXLY_CORRECT");
	args.n = 0;
	list_size = 0;
	if (fuzz_byte(&bytes) & 1) {
		fuzz_list(&bytes);
	} else {
		fuzz_command_line(&bytes);
	}
	return 0;
}
