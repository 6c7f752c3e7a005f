/* SPDX-License-Identifier: MIT */
/*
 * replay.c - runs a fuzz target over inputs, without a fuzzing engine.
 *
 *     fuzz_x                 replay its corpus; prints TAP
 *     fuzz_x FILE...         run these inputs
 *     fuzz_x --unpack DIR    write each input of the corpus to a file there
 *     fuzz_x --pack FILE...  print a corpus of these
 *
 * A corpus is a text file, so that it can be read and compared: an input on each
 * line, in hexadecimal digits; lines that begin with # are not.  It lies in
 * tests/fuzz/corpus below $srcdir, and has the name of the program.  What was
 * found is in one, what was thought of in another one, NAME-hand.hex.  Only a
 * part is replayed if TPAR_TEST_SCALE (percent) says so.
 */
#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Built for libFuzzer, which has a main function. */
#ifndef FUZZ_ENGINE

enum { INPUT_MAX = 1 << 16, PATIENCE = 60 /* seconds for an input */ };

static uint8_t input[INPUT_MAX];
static char line[2 * INPUT_MAX + 2];

static _Noreturn void
die(const char *what, const char *name)
{
	fprintf(stderr, "%s: %s\n", name, what);
	exit(2);
}

/* Unsafe in a handler, but the process ends anyway. */
static void
hangs(int number)
{
	(void)number;
	fputs("does not end:\n", stderr);
	fuzz_describe(stderr);
	abort();
}

/* A copy of the exact size, for AddressSanitizer. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL) {
		die("no memory", "fuzz");
	}
	memcpy(copy, data, size);
	(void)alarm(PATIENCE);
	(void)LLVMFuzzerTestOneInput(copy, size);
	(void)alarm(0);
	free(copy);
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* A line of a corpus.  -1: it is a comment. */
static long
parse(const char *name)
{
	size_t length = strcspn(line, "\n");
	size_t i;

	if (line[0] == '#') {
		return -1;
	}
	if (line[length] != '\n' || length % 2 != 0) {
		die("a line is cut off", name);
	}
	for (i = 0; i < length / 2; i++) {
		int high = digit(line[2 * i]);
		int low = digit(line[2 * i + 1]);

		if (high < 0 || low < 0) {
			die("not a hexadecimal digit", name);
		}
		input[i] = (uint8_t)(high * 16 + low);
	}
	return (long)length / 2;
}

static void
write_to(const char *directory, unsigned number, size_t size)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof name, "%s/%04u", directory, number);
	file = fopen(name, "wbe");
	if (file == NULL || fwrite(input, 1, size, file) != size ||
	    fclose(file) != 0) {
		die("cannot be written", name);
	}
}

/* Is it one of those that the scale leaves? */
static bool
is_wanted(unsigned number)
{
	const char *text = getenv("TPAR_TEST_SCALE");
	long scale = text != NULL ? strtol(text, NULL, 10) : 100;

	return scale >= 100 || (long)(number - 1) * scale % 100 < scale;
}

/*
 * Runs the inputs of a file, or writes them to a directory; *number is that of the
 * last one.  How many there were.
 */
static unsigned
for_file(const char *name, const char *directory, unsigned *number)
{
	FILE *file = fopen(name, "re");
	unsigned n = 0;

	if (file == NULL) {
		return 0;
	}
	while (fgets(line, sizeof line, file) != NULL) {
		long size = parse(name);

		if (size < 0) {
			continue;
		}
		++*number;
		if (directory != NULL) {
			write_to(directory, *number, (size_t)size);
			continue;
		}
		if (!is_wanted(*number)) {
			continue;
		}
		n++;
		/* The last one that is named is the one that crashes. */
		printf("# %u: %.*s\n", *number, (int)strcspn(line, "\n"), line);
		(void)fflush(stdout);
		run(input, (size_t)size);
	}
	(void)fclose(file);
	return n;
}

static unsigned
for_corpus(const char *program, const char *directory)
{
	static const char *const parts[] = { "", "-hand" };
	const char *top = getenv("srcdir");
	char name[4096];
	unsigned number = 0;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(name, sizeof name, "%s/tests/fuzz/corpus/%s%s.hex",
			 top != NULL ? top : ".", program, parts[i]);
		n += for_file(name, directory, &number);
	}
	return n;
}

static size_t
read_input(const char *name)
{
	FILE *file = fopen(name, "rbe");
	size_t size;

	if (file == NULL) {
		die("cannot be read", name);
	}
	size = fread(input, 1, sizeof input, file);
	(void)fclose(file);
	return size;
}

static void
pack(const char *name)
{
	size_t size = read_input(name);
	size_t i;

	for (i = 0; i < size; i++) {
		printf("%02x", input[i]);
	}
	putchar('\n');
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash != NULL ? slash + 1 : argv[0];
	bool packs = argc > 1 && strcmp(argv[1], "--pack") == 0;
	unsigned n;
	int i;

	(void)signal(SIGALRM, hangs);
	if (argc == 3 && strcmp(argv[1], "--unpack") == 0) {
		(void)for_corpus(program, argv[2]);
		return 0;
	}
	if (packs) {
		puts("# SPDX-License-Identifier: MIT");
	}
	for (i = packs ? 2 : 1; i < argc; i++) {
		if (packs) {
			pack(argv[i]);
		} else {
			run(input, read_input(argv[i]));
			fuzz_describe(stdout);
		}
	}
	if (argc == 1) {
		puts("1..1");
		n = for_corpus(program, NULL);
		printf("%s 1 - %u inputs of the corpus\n",
		       n > 0 ? "ok" : "not ok", n);
		return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

#endif
