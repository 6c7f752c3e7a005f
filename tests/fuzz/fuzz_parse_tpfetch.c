/* SPDX-License-Identifier: MIT */
/*
 * fuzz_parse_tpfetch.c - tpfetch's command line, and the lists of URLs that it
 * reads piece by piece, against parsers that were written another way; and the
 * names that it gives to files.
 */
#define _GNU_SOURCE
#include "fuzz_options.h"

#include "examples/tpfetch.h"

#include <fcntl.h>
#include <unistd.h>

/* What the parsers need of the rest of tpfetch: names, and an end. */
const struct engine engine_blocking = { "blocking", NULL, NULL, NULL };
#ifdef TPFETCH_MULTI
const struct engine engine_multi = { "multi", NULL, NULL, NULL };
#endif

_Noreturn void
report_no_memory(void)
{
	abort();
}

enum { LIST_MOST = 200000, BUFFER = 64 * 1024, PIECES = 16 };

static struct args args;
static char list_text[LIST_MOST];
static size_t list_size;

void
fuzz_describe(FILE *to)
{
	args_describe(to, &args);
	fprintf(to, "  list of %zu bytes: %.*s\n", list_size,
		list_size < 300 ? (int)list_size : 300, list_text);
}

/* ---- The command line ------------------------------------------------------ */

static const struct spec specs[] = {
	{ "body", false, 'b', false },	    { "engine", true, 'e', false },
	{ "fail-fast", false, 'c', false }, { "files-from", true, 'f', false },
	{ "help", false, 'h', false },	    { "jobs", true, 'j', true },
	{ "max-redirs", true, 'm', false }, { "null", false, '0', true },
	{ "output", true, 'o', true },	    { "quiet", false, 'q', true },
	{ "retry", true, 'r', false },	    { "retry-delay", true, 'd', false },
	{ "stats", false, 's', false },	    { "timeout", true, 't', false },
	{ "unordered", false, 'u', false }, { "version", false, 'v', false },
};

struct wanted {
	struct options options;
	enum command command;
	bool body;
	bool is_near; /* a number of seconds is so near a limit that both are right */
};

/* Digits, a point among them or not: microseconds, and more if `rest`. */
static bool
read_seconds(const char *text, struct wanted *wanted, double *seconds)
{
	static const double least = 0.001, most = 1e6;
	double sum = 0, scale = 1;
	bool point = false, digit = false;

	for (; *text != '\0'; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9') {
			return false;
		}
		digit = true;
		scale /= point ? 10 : 1;
		sum = point ? sum + (*text - '0') * scale
			    : sum * 10 + (*text - '0');
	}
	wanted->is_near |=
		(sum > least * (1 - 1e-9) && sum < least * (1 + 1e-9)) ||
		(sum > most * (1 - 1e-9) && sum < most * (1 + 1e-9));
	*seconds = sum;
	return digit && sum >= least && sum <= most;
}

static bool
take_value(char letter, const char *value, struct wanted *wanted)
{
	struct options *options = &wanted->options;
	unsigned number = 0;
	double seconds = 0;
	bool ok;

	switch (letter) {
	case 'e':
		options->engine = &engine_blocking;
#ifdef TPFETCH_MULTI
		if (strcmp(value, "multi") == 0) {
			options->engine = &engine_multi;
			return true;
		}
#endif
		return strcmp(value, "blocking") == 0;
	case 'f':
		options->list = value;
		return true;
	case 'o':
		options->directory = value;
		options->output = OUTPUT_FILES;
		return true;
	case 'j':
		return read_number(value, 16384, &options->jobs);
	case 'm':
		ok = read_number(value, 1000, &number);
		options->redirects = (long)number;
		return ok;
	case 'r':
		return read_number(value, 1000, &options->retries);
	default:
		ok = read_seconds(value, wanted, &seconds);
		if (!ok) { /* it may be beyond any integer */
			return false;
		}
		if (letter == 't') {
			options->timeout_ms = (long)(seconds * 1000);
		} else {
			options->retry_delay_ns = (int64_t)(seconds * 1e9);
		}
		return true;
	}
}

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
	case 'b':
		options->output = OUTPUT_BODY;
		wanted->body = true;
		return true;
	case 'c':
		return options->fail_fast = true;
	case '0':
		options->delimiter = '\0';
		return true;
	case 'q':
		return options->quiet = true;
	case 's':
		return options->stats = true;
	case 'u':
		return options->unordered = true;
	default:
		if (!take_value(letter, value, wanted)) {
			wanted->command = COMMAND_BAD;
		}
		return wanted->command == COMMAND_RUN;
	}
}

/* They were added up in another order. */
static bool
is_about(int64_t a, int64_t b)
{
	int64_t most = (a > 0 ? a : -a) / 1000000000 + 1;

	return a - b <= most && b - a <= most;
}

/* The one that was named, or the one for so many jobs. */
static const struct engine *
engine_for(const struct options *options)
{
	if (options->engine != NULL) {
		return options->engine;
	}
#ifdef TPFETCH_MULTI
	return options->jobs > 128 ? &engine_multi : &engine_blocking;
#else
	return &engine_blocking;
#endif
}

static void
compare(const struct options *a, const struct options *b)
{
	FUZZ_MUST(a->output == b->output);
	FUZZ_MUST(a->directory == b->directory);
	FUZZ_MUST(a->list == b->list);
	FUZZ_MUST(a->delimiter == b->delimiter);
	FUZZ_MUST(a->unordered == b->unordered);
	FUZZ_MUST(a->fail_fast == b->fail_fast);
	FUZZ_MUST(a->quiet == b->quiet && a->stats == b->stats);
	FUZZ_MUST(a->jobs == (b->jobs > 0 ? b->jobs : 50));
	FUZZ_MUST(a->retries == b->retries);
	FUZZ_MUST(is_about(a->retry_delay_ns, b->retry_delay_ns));
	FUZZ_MUST(a->redirects == b->redirects);
	FUZZ_MUST(is_about(a->timeout_ms, b->timeout_ms));
	FUZZ_MUST(a->engine == engine_for(b));
}

static void
fuzz_command_line(struct fuzz_bytes *bytes)
{
	static const char *const words[] = {
		"--body",
		"--engine",
		"--fail-fast",
		"--files-from",
		"--help",
		"--jobs",
		"--max-redirs",
		"--null",
		"--output",
		"--quiet",
		"--retry",
		"--retry-delay",
		"--stats",
		"--timeout",
		"--unordered",
		"--version",
		"blocking",
		"multi",
		"=",
		"0.001",
		"1000000",
		"16384",
		"--",
		"-j",
	};
	struct wanted wanted = { .command = COMMAND_RUN };
	struct command_line line = { specs,    sizeof specs / sizeof specs[0],
				     take,     &wanted,
				     { NULL }, 0,
				     false,    false };
	struct options options;
	enum command command;

	wanted.options.delimiter = '\n';
	wanted.options.redirects = 10;
	wanted.options.retry_delay_ns = 1000000000;
	args_decode(&args, bytes, words, sizeof words / sizeof words[0]);
	read_command_line(&line, args.arg);
	if (line.broken || (wanted.command == COMMAND_RUN && wanted.body &&
			    wanted.options.directory != NULL)) {
		wanted.command = COMMAND_BAD;
	}
	optind = 0;
	opterr = 0;
	command = options_parse(args.n, args.arg, &options);
	if (wanted.is_near) {
		return;
	}
	FUZZ_MUST(command == wanted.command);
	if (command == COMMAND_BAD) {
		FUZZ_MUST(line.broken == (options.fault == NULL));
	} else if (command == COMMAND_RUN) {
		compare(&options, &wanted.options);
		check_operands(&line, args.n, args.arg);
	}
}

/* ---- Lists ----------------------------------------------------------------- */

/* 0xff n c: c, many times; 0xfe: a delimiter that is zero. */
static void
decode_list(struct fuzz_bytes *bytes)
{
	list_size = 0;
	while (fuzz_more(bytes) && list_size < LIST_MOST) {
		unsigned c = fuzz_byte(bytes);
		size_t n = 1;

		if (c == 0xff) {
			/* Around the longest line that there may be. */
			n = fuzz_byte(bytes);
			n = n < 128 ? n * n : BUFFER - 200 + n;
			c = fuzz_byte(bytes);
		} else if (c == 0xfe) {
			c = 0;
		}
		if (n > LIST_MOST - list_size) {
			n = LIST_MOST - list_size;
		}
		memset(list_text + list_size, (int)c, n);
		list_size += n;
	}
}

/* The next line that is a URL, good or bad.  false: there is none. */
static bool
next_line(const char **text, size_t *n, bool *over, size_t *from,
	  char delimiter)
{
	static const char blanks[] = { ' ', '\t', '\r' };

	while (*from < list_size) {
		const char *begin = list_text + *from;
		const char *end = memchr(begin, delimiter, list_size - *from);
		size_t length =
			end != NULL ? (size_t)(end - begin) : list_size - *from;
		size_t cut = length;

		*from += length + (end != NULL);
		if (cut > BUFFER) {
			cut = BUFFER; /* which is what is looked at */
		}
		while (delimiter != '\0' && cut > 0 &&
		       memchr(blanks, begin[cut - 1], 3) != NULL) {
			cut--;
		}
		while (delimiter != '\0' && cut > 0 &&
		       memchr(blanks, *begin, 3) != NULL) {
			begin++;
			cut--;
		}
		if (cut > 0 && (delimiter == '\0' || *begin != '#')) {
			*text = begin;
			*n = cut;
			*over = length >= BUFFER;
			return true;
		}
	}
	return false;
}

static void
check_url(const char *url, const char *fault, const char *text, size_t n,
	  bool over)
{
	FUZZ_MUST((fault != NULL) == (over || memchr(text, '\0', n) != NULL));
	if (over && n > 64) {
		n = 64; /* of which no more is shown */
	}
	FUZZ_MUST(strlen(url) == strnlen(text, n));
	FUZZ_MUST(memcmp(url, text, strlen(url)) == 0);
}

/* Each read gives one piece of it. */
struct feed {
	int fd;
	size_t sent;
	size_t piece;
	unsigned nth;
	unsigned size[PIECES]; /* of pieces, in turn */
};

static void
send_piece(struct feed *feed)
{
	/* In no more than some 64 of them. */
	size_t n = 1 + feed->size[feed->nth++ % PIECES] * 64u + list_size / 64;

	if (feed->fd < 0) {
		return;
	}
	if (n > list_size - feed->sent) {
		n = list_size - feed->sent;
	}
	if (n == 0) {
		close(feed->fd);
		feed->fd = -1;
		return;
	}
	FUZZ_MUST(write(feed->fd, list_text + feed->sent, n) == (ssize_t)n);
	feed->sent += n;
}

static void
check_source(struct source *source, struct feed *feed)
{
	enum source_state state;
	const char *fault;
	const char *text;
	size_t from = 0;
	size_t n;
	bool over;
	char *url;

	while ((state = source_next(source, &url, &fault)) != SOURCE_END) {
		if (state == SOURCE_WAIT) {
			send_piece(feed);
			source->ready = true;
			continue;
		}
		FUZZ_MUST(next_line(&text, &n, &over, &from,
				    source->options->delimiter));
		check_url(url, fault, text, n, over);
		free(url);
	}
	FUZZ_MUST(!next_line(&text, &n, &over, &from,
			     source->options->delimiter));
}

static void
fuzz_list(struct fuzz_bytes *bytes, bool zero)
{
	char name[32];
	struct options options = { .delimiter = zero ? '\0' : '\n' };
	struct source source = { .options = &options, .fd = -1 };
	struct feed feed = { .sent = 0 };
	int ends[2];
	unsigned i;

	for (i = 0; i < PIECES; i++) {
		feed.size[i] = i < 4 ? fuzz_byte(bytes) : feed.size[i % 4];
	}
	decode_list(bytes);
	FUZZ_MUST(pipe2(ends, O_CLOEXEC) == 0);
	feed.fd = ends[1];
	snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
	options.list = name;
	check_source(&source, &feed);
	source_close(&source);
	close(ends[0]);
	if (feed.fd >= 0) {
		close(feed.fd);
	}
}

/* ---- Names of files -------------------------------------------------------- */

/* A name within a directory, whatever the URL is. */
static void
fuzz_name(struct fuzz_bytes *bytes)
{
	static const char *const words[] = { "http://h/", "/..",  "/.", "%2f",
					     "?",	  "#",	  "//", "\\",
					     "%2e%2e",	  "/../", ":",	"@" };
	char *name;

	args_decode(&args, bytes, words, sizeof words / sizeof words[0]);
	if (args.n < 2) {
		return;
	}
	name = body_name(args.arg[1]);
	FUZZ_MUST(name != NULL && *name != '\0');
	FUZZ_MUST(strchr(name, '/') == NULL);
	FUZZ_MUST(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	unsigned which = fuzz_byte(&bytes);

	(void)unsetenv("POSIXLY_CORRECT");
	args.n = 0;
	list_size = 0;
	if (which % 8 == 6) {
		fuzz_name(&bytes);
	} else if (which & 1) {
		fuzz_list(&bytes, (which & 2) != 0);
	} else {
		fuzz_command_line(&bytes);
	}
	return 0;
}
