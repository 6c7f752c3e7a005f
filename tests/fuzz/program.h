/* SPDX-License-Identifier: MIT */
/*
 * program.h - the small programs that fuzz_api.c runs: trees of operations,
 * decoded from bytes (program.c), with what must come of each (oracle.c).
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "fuzz.h"

#include <taskpar.h>

enum {
	NODES = 48,
	KIDS = 5,
	DEPTH = 5,
	ROOTS = 3,
	POOLS = 2,
	SIZE_MOST = 600 /* bytes of a value */
};

/* name, how many children: at least, at most */
#define NODE_KINDS(X)                                                          \
	X(CONST, 0, 0)	 /* gives a number */                                  \
	X(FAIL, 0, 0)	 /* fails */                                           \
	X(STOP, 0, 0)	 /* ends as cancelled, by itself */                    \
	X(SPIN, 0, 0)	 /* yields, with checkpoints */                        \
	X(FOREVER, 0, 0) /* sleeps until it is cancelled */                    \
	X(NAP, 0, 0)	 /* sleeps for microseconds */                         \
	X(PROMISE, 0, 0) /* a future that a task completes */                  \
	X(NEVER, 0, 0)	 /* one that is completed only if cancelled */         \
	X(LATE, 0, 0)	 /* a task whose deadline has passed */                \
	X(LOOP, 0, 0)	 /* tpar_for() and its kin */                          \
	X(SORT, 0, 0)	 /* tpar_sort() and its kin */                         \
	X(WORKERS, 0, 0) /* tpar_pool_each_worker() */                         \
	X(SUBMIT, 1, 1)	 /* a task, waited for */                              \
	X(GATHER, 0, KIDS)                                                     \
	X(ASYNC, 0, KIDS) /* tpar_gather_async() */                            \
	X(SETTLED, 0, KIDS)                                                    \
	X(ALL, 0, KIDS) /* tpar_wait_all() */                                  \
	X(ANY, 1, KIDS) /* tpar_wait_any(), then the others are cancelled */   \
	X(RACE, 1, KIDS)                                                       \
	X(STREAM, 0, KIDS)                                                     \
	X(CANCEL, 1, 1) /* a task that is cancelled at some time */            \
	X(GROUP, 0, KIDS)                                                      \
	X(SPAWN, 0, KIDS) /* more children for the group it is in */           \
	X(WINDOW, 0, KIDS)                                                     \
	X(MAP, 0, KIDS)                                                        \
	X(FORK, 0, KIDS) /* a fork-join computation */                         \
	X(SEQ, 0, KIDS)	 /* one after the other, in the same task */           \
	X(SHIELD, 1, 1)                                                        \
	X(HANDLER, 1, 1) /* tpar_on_cancel() */                                \
	X(PLACE, 1, 1)	 /* tpar_blocking_enter() */                           \
	X(REGION, 1, 1)	 /* tpar_interruptible_enter() */

enum kind {
#define NODE_ENUM(name, least, most) NODE_##name,
	NODE_KINDS(NODE_ENUM)
#undef NODE_ENUM
		NODE_COUNT
};

/* How a node may end. */
enum { MAY_DONE = 1, MAY_FAIL = 2, MAY_CANCEL = 4 };

/* Codes that a node may fail with: 1 .. 15, or the library's. */
enum {
	CODE_MOST = 15,
	CODE_CANCELED = 1u << 16,
	CODE_TIMEDOUT = 1u << 17,
	CODE_FAILED = 1u << 18
};

struct expect {
	unsigned may;
	unsigned codes; /* with MAY_FAIL: 1 << code, or as above */
};

/* What may come from outside of a node. */
enum calm {
	QUIET,	   /* nothing */
	DISTURBED, /* it may be cancelled at any time */
	CLOSING	   /* and its pool with all that is in it */
};

struct node {
	enum kind kind;
	unsigned opts;	/* how it is submitted */
	unsigned param; /* of its kind */
	unsigned more;	/* submitted, too */
	unsigned n;
	struct node *kid[KIDS];
	bool sheltered; /* no cancel from outside ends it */

	/* oracle.c: */
	struct expect expect[CLOSING]; /* by what comes from outside */
	uint64_t number;	       /* its value, if it is done */
	bool ends;		       /* also if nobody cancels it */

	/* As a task, or a promise: */
	size_t size; /* of its value */
	enum calm calm;
	tpar_future *future;
	_Atomic(tpar_promise *) promise;
	tpar_group *group; /* it was submitted to, or NULL */
	struct node *set;  /* that did so */
	uint64_t result;   /* of a fork */
	bool accepted;
	bool drops_arg;
	bool drops_value;
	_Atomic int runs;
	_Atomic int done; /* its function has returned 0 */
	_Atomic int args_dropped;
	_Atomic int values_dropped;
	_Atomic int taken;
	_Atomic int told;      /* tpar_future_on_done() */
	_Atomic int asked;     /* how often that was registered */
	_Atomic int handled;   /* tpar_on_cancel() */
	_Atomic int completed; /* as a promise, or tried to be */
	_Atomic int forked;
};

/* How submitted: bits of opts. */
enum {
	OPT_NO_INLINE = 1,
	OPT_SHIELDED = 2,
	OPT_BLOCKING = 4,
	OPT_HIGH = 8,
	OPT_LOW = 16,
	OPT_DROP_VALUE = 32,
	OPT_ON_DONE = 64,
	OPT_NO_DROP_ARG = 128
};

/* Bits of more. */
enum {
	MORE_OTHER_POOL = 1,
	MORE_REF = 2,
	MORE_DEADLINE = 4, /* far ahead */
	MORE_CANCEL_AT = 8,
	MORE_NAME = 16,
	MORE_ALIGN = 32,
	MORE_FD = 64,
	MORE_VARIANT = 128 /* of its kind */
};

enum ending { END_DESTROY, END_DRAIN, END_CANCEL, END_CANCEL_LATE };

struct program {
	unsigned pools;
	unsigned workers[POOLS];
	bool own_threads_only;
	enum ending ending;
	bool inline_root; /* the first root is run by the main thread */
	unsigned roots;
	struct node *root[ROOTS];
	unsigned used;
	struct node node[NODES];
};

/* The one that runs. */
extern struct program program;

void program_decode(const uint8_t *data, size_t size);
const char *program_name(enum kind kind);

/* Fills in what must come of each node. */
void oracle_judge(void);
/* May what is done with a set cancel its members, if this comes from outside? */
bool oracle_sweeps(const struct node *set, enum calm calm);
/* Does it cancel them one by one, which reaches also what is shielded? */
bool oracle_cancels(const struct node *set, enum calm calm);
/* These outcomes are as they must be. */
void oracle_check_state(const struct node *node, enum calm calm,
			enum tpar_state state, int code);
void oracle_check_rc(const struct node *node, enum calm calm, int rc);
uint64_t oracle_mix(uint64_t a, uint64_t b);

#endif
