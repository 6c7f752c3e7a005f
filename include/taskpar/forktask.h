/* SPDX-License-Identifier: MIT */
/*
 * forktask.h - what the macros of forkjoin.h expand to; not for you to call.
 *
 * It is compiled into your program and so part of the binary interface: the
 * names of the functions that it calls end with its version.
 */
#ifndef TASKPAR_FORKTASK_H
#define TASKPAR_FORKTASK_H

#include <taskpar/base.h>
#include <taskpar/gather.h>

#include <string.h>

#if !defined(__GNUC__)
#error "fork-join needs the __atomic built-ins of GCC and Clang"
#endif

/* Of all arguments of one task, and of its result. */
#define TPAR_DATA_SIZE 48

/* Of address space per worker that forks; a power of two. */
#if UINTPTR_MAX > 0xffffffff
#define TPAR_SLOTS_SIZE ((uintptr_t)16 << 20)
#else
#define TPAR_SLOTS_SIZE ((uintptr_t)1 << 20)
#endif

struct tpar_slot;

/* Calls the task in *self; its own forks go to head and beyond. */
typedef void (*tpar_slot_fn)(struct tpar_slot *head, struct tpar_slot *self);

struct tpar_slot_head {
	tpar_slot_fn fn; /* NULL: not forked, or joined */
	void *forked;	 /* the library's */
};

/* One fork: its arguments, later its result. */
struct tpar_slot {
	struct tpar_slot_head head;
	unsigned char data[TPAR_DATA_SIZE];
} __attribute__((aligned(64)));

/* At the beginning of the memory in which a slot lies. */
struct tpar_limits {
	uintptr_t fork;		/* forks at and above it ask the library */
	uintptr_t join;		/* joins below it do */
	struct tpar_slot *head; /* the next free slot after such a join */
};

/* ---- What the macros call ------------------------------------------------- */

/*
 * tpar_fork_slow_1 - a limit says that the library has to see the fork in slot.
 *     Returns the next free one.
 * tpar_join_slow_1 - the same of a join.  Returns the slot that has the result,
 *     or NULL: it is to be called.
 * tpar_run_1 - TPAR_RUN of the task in *self.
 */
TPAR_API struct tpar_slot *tpar_fork_slow_1(struct tpar_slot *slot);
TPAR_API struct tpar_slot *tpar_join_slow_1(struct tpar_slot *slot);
TPAR_API enum tpar_err tpar_run_1(tpar_pool *pool, tpar_slot_fn fn,
				  struct tpar_slot *self,
				  struct tpar_failure *why, const char *name);

/*
 * With TPAR_DEBUG, they end the program if they find a rule broken:
 *
 * tpar_debug_enter_1 - a task begins, whose forks go to head and beyond.
 * tpar_debug_leave_1 - it returns; outer is what the former has returned.
 * tpar_debug_fork_1 - it forks.
 * tpar_debug_join_1 - it joins.
 */
TPAR_API struct tpar_slot *tpar_debug_enter_1(struct tpar_slot *head);
TPAR_API void tpar_debug_leave_1(struct tpar_slot *head,
				 struct tpar_slot *outer, const char *name);
TPAR_API void tpar_debug_fork_1(struct tpar_slot *head, const char *name,
				const char *site);
TPAR_API void tpar_debug_join_1(struct tpar_slot *head, const char *name,
				const char *site);

#define TPAR_INLINE_ static inline __attribute__((always_inline, unused))
#define TPAR_UNUSED_ __attribute__((unused))
#define TPAR_LIKELY_(x) (__builtin_expect(!!(x), 1) != 0)

/*
 * For the processor, which may join before it shows that, a thief executes a
 * fence that all threads take part in.  The library's models have their own.
 */
#ifndef TPAR_LIGHT_FENCE_
/* ORDER L2 seq_cst -- force(): of the compiler's order only. */
#define TPAR_LIGHT_FENCE_() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

/* A point before each step that others can see, for sys.h. */
#ifndef TPAR_POINT_
#define TPAR_POINT_() ((void)0)
#endif

/*
 * On a slow way: what is computed from it is computed again, so that nothing is
 * kept for it in a register on the fast one.
 */
#define TPAR_FORGET_(pointer) __asm__("" : "+r"(pointer))

TPAR_INLINE_ struct tpar_limits *
tpar_limits_of(struct tpar_slot *slot)
{
	return (struct tpar_limits *)((uintptr_t)slot & ~(TPAR_SLOTS_SIZE - 1));
}

/*
 * Clang can be told that nearly all registers survive the call of a function of
 * its own, so that the way around it needs none of them saved.  (With Clang 14
 * even the one of the result does.)
 */
#if defined(__clang__) && __clang_major__ >= 19 &&                             \
	(defined(__x86_64__) || defined(__aarch64__))
static TPAR_UNUSED_
	__attribute__((noinline, cold, preserve_most)) struct tpar_slot *
	tpar_fork_keep(struct tpar_slot *slot)
{
	return tpar_fork_slow_1(slot);
}
#define TPAR_FORK_SLOW_ tpar_fork_keep
#else
#define TPAR_FORK_SLOW_ tpar_fork_slow_1
#endif

/* The slot is filled: shows it.  Returns the next one. */
TPAR_INLINE_ struct tpar_slot *
tpar_fork_slot(struct tpar_slot *slot, tpar_slot_fn fn)
{
	TPAR_POINT_();
	/* ORDER L1 release -> force(): the arguments. */
	__atomic_store_n(&slot->head.fn, fn, __ATOMIC_RELEASE);
	TPAR_POINT_();
	if (TPAR_LIKELY_((uintptr_t)slot <
			 __atomic_load_n(&tpar_limits_of(slot)->fork,
					 __ATOMIC_RELAXED))) {
		return slot + 1;
	}
	return TPAR_FORK_SLOW_(slot);
}

/* Takes it back.  false: somebody may have it. */
TPAR_INLINE_ int
tpar_join_slot(struct tpar_slot *slot)
{
	TPAR_POINT_();
	__atomic_store_n(&slot->head.fn, (tpar_slot_fn)0, __ATOMIC_RELAXED);
	TPAR_LIGHT_FENCE_();
	TPAR_POINT_();
	return TPAR_LIKELY_(
		(uintptr_t)slot >=
		__atomic_load_n(&tpar_limits_of(slot)->join, __ATOMIC_RELAXED));
}

/* ---- From a list of types and names: fields, parameters, copies ---------- */

/* clang-format off */
#define TPAR_FIELDS_0_(none) char none;
#define TPAR_FIELDS_1_(t, a) t a;
#define TPAR_FIELDS_2_(t, a, ...) t a; TPAR_FIELDS_1_(__VA_ARGS__)
#define TPAR_FIELDS_3_(t, a, ...) t a; TPAR_FIELDS_2_(__VA_ARGS__)
#define TPAR_FIELDS_4_(t, a, ...) t a; TPAR_FIELDS_3_(__VA_ARGS__)
#define TPAR_FIELDS_5_(t, a, ...) t a; TPAR_FIELDS_4_(__VA_ARGS__)
#define TPAR_FIELDS_6_(t, a, ...) t a; TPAR_FIELDS_5_(__VA_ARGS__)
#define TPAR_FIELDS_7_(t, a, ...) t a; TPAR_FIELDS_6_(__VA_ARGS__)
#define TPAR_FIELDS_8_(t, a, ...) t a; TPAR_FIELDS_7_(__VA_ARGS__)

#define TPAR_PARAMS_0_(none)
#define TPAR_PARAMS_1_(t, a) , t a
#define TPAR_PARAMS_2_(t, a, ...) , t a TPAR_PARAMS_1_(__VA_ARGS__)
#define TPAR_PARAMS_3_(t, a, ...) , t a TPAR_PARAMS_2_(__VA_ARGS__)
#define TPAR_PARAMS_4_(t, a, ...) , t a TPAR_PARAMS_3_(__VA_ARGS__)
#define TPAR_PARAMS_5_(t, a, ...) , t a TPAR_PARAMS_4_(__VA_ARGS__)
#define TPAR_PARAMS_6_(t, a, ...) , t a TPAR_PARAMS_5_(__VA_ARGS__)
#define TPAR_PARAMS_7_(t, a, ...) , t a TPAR_PARAMS_6_(__VA_ARGS__)
#define TPAR_PARAMS_8_(t, a, ...) , t a TPAR_PARAMS_7_(__VA_ARGS__)

#define TPAR_NAMES_0_(none)
#define TPAR_NAMES_1_(t, a) , a
#define TPAR_NAMES_2_(t, a, ...) , a TPAR_NAMES_1_(__VA_ARGS__)
#define TPAR_NAMES_3_(t, a, ...) , a TPAR_NAMES_2_(__VA_ARGS__)
#define TPAR_NAMES_4_(t, a, ...) , a TPAR_NAMES_3_(__VA_ARGS__)
#define TPAR_NAMES_5_(t, a, ...) , a TPAR_NAMES_4_(__VA_ARGS__)
#define TPAR_NAMES_6_(t, a, ...) , a TPAR_NAMES_5_(__VA_ARGS__)
#define TPAR_NAMES_7_(t, a, ...) , a TPAR_NAMES_6_(__VA_ARGS__)
#define TPAR_NAMES_8_(t, a, ...) , a TPAR_NAMES_7_(__VA_ARGS__)

#define TPAR_STORE_0_(to, none) (to).none = 0;
#define TPAR_STORE_1_(to, t, a) (to).a = a;
#define TPAR_STORE_2_(to, t, a, ...) (to).a = a; TPAR_STORE_1_(to, __VA_ARGS__)
#define TPAR_STORE_3_(to, t, a, ...) (to).a = a; TPAR_STORE_2_(to, __VA_ARGS__)
#define TPAR_STORE_4_(to, t, a, ...) (to).a = a; TPAR_STORE_3_(to, __VA_ARGS__)
#define TPAR_STORE_5_(to, t, a, ...) (to).a = a; TPAR_STORE_4_(to, __VA_ARGS__)
#define TPAR_STORE_6_(to, t, a, ...) (to).a = a; TPAR_STORE_5_(to, __VA_ARGS__)
#define TPAR_STORE_7_(to, t, a, ...) (to).a = a; TPAR_STORE_6_(to, __VA_ARGS__)
#define TPAR_STORE_8_(to, t, a, ...) (to).a = a; TPAR_STORE_7_(to, __VA_ARGS__)

#define TPAR_LOAD_0_(from, none)
#define TPAR_LOAD_1_(from, t, a) , (from).a
#define TPAR_LOAD_2_(from, t, a, ...) , (from).a TPAR_LOAD_1_(from, __VA_ARGS__)
#define TPAR_LOAD_3_(from, t, a, ...) , (from).a TPAR_LOAD_2_(from, __VA_ARGS__)
#define TPAR_LOAD_4_(from, t, a, ...) , (from).a TPAR_LOAD_3_(from, __VA_ARGS__)
#define TPAR_LOAD_5_(from, t, a, ...) , (from).a TPAR_LOAD_4_(from, __VA_ARGS__)
#define TPAR_LOAD_6_(from, t, a, ...) , (from).a TPAR_LOAD_5_(from, __VA_ARGS__)
#define TPAR_LOAD_7_(from, t, a, ...) , (from).a TPAR_LOAD_6_(from, __VA_ARGS__)
#define TPAR_LOAD_8_(from, t, a, ...) , (from).a TPAR_LOAD_7_(from, __VA_ARGS__)
/* clang-format on */

/* ---- From a task to its functions ----------------------------------------- */

#ifdef __cplusplus
#define TPAR_STATIC_ASSERT_ static_assert
#else
#define TPAR_STATIC_ASSERT_ _Static_assert
#endif

/* The first of some arguments, between a prefix and an underscore; its name. */
#define TPAR_GLUE_(prefix, first, ...) prefix##first##_
#define TPAR_TEXT_(first, ...) #first

#ifdef TPAR_DEBUG
#define TPAR_ENTER_(slot)                                                      \
	struct tpar_slot *tpar_outer_ = tpar_debug_enter_1(slot);
#define TPAR_LEAVE_(slot, name) tpar_debug_leave_1(slot, tpar_outer_, #name);
#define TPAR_FORKS_(slot, name) tpar_debug_fork_1(slot, name, TPAR_SITE),
#define TPAR_JOINS_(slot, name) tpar_debug_join_1(slot, name, TPAR_SITE),
#else
#define TPAR_ENTER_(slot)
#define TPAR_LEAVE_(slot, name)
#define TPAR_FORKS_(slot, name)
#define TPAR_JOINS_(slot, name)
#endif

/* What differs between tasks with a result and without. */
#define TPAR_FIELD_VALUE_(type) type result;
#define TPAR_HAVE_VALUE_(type) type tpar_result_;
#define TPAR_SET_VALUE_(to) to =
#define TPAR_RET_VALUE_ return tpar_result_;
#define TPAR_TAKE_VALUE_(slot) (slot)->data.result
#define TPAR_OUT_VALUE_(type) type *
#define TPAR_GIVE_VALUE_(out, slot) *(out) = (slot).data.result;
#define TPAR_FIELD_VOID_(type) char none;
#define TPAR_HAVE_VOID_(type)
#define TPAR_SET_VOID_(to)
#define TPAR_RET_VOID_
#define TPAR_TAKE_VOID_(slot)
#define TPAR_OUT_VOID_(type) const void *
#define TPAR_GIVE_VOID_(out, slot)

/*
 * store: static, or extern: defined elsewhere.  kind: VALUE or VOID.  n: of
 * arguments, whose types and names follow.
 *
 * The slow join is not cold, as GCC would move what leads there to a section of
 * its own: a branch that has once gone to another 64 KiB costs some processors a
 * cycle each time that it is not taken (tests/bench/forkjoin/README.md).
 */
#define TPAR_MAKE_(store, kind, type, n, name, ...)                            \
	struct tpar_slot_##name##_ {                                           \
		struct tpar_slot_head head;                                    \
		union {                                                        \
			struct {                                               \
				TPAR_FIELDS_##n##_(__VA_ARGS__)                \
			} arg;                                                 \
			TPAR_FIELD_##kind##_(type)                             \
		} data;                                                        \
	};                                                                     \
	TPAR_STATIC_ASSERT_(sizeof(struct tpar_slot_##name##_) <=              \
				    sizeof(struct tpar_slot),                  \
			    #name ": more than TPAR_DATA_SIZE bytes");         \
	store type name(                                                       \
		struct tpar_slot *tpar_head TPAR_PARAMS_##n##_(__VA_ARGS__));  \
	typedef type (*tpar_body_##name##_)(struct tpar_slot *                 \
					    TPAR_PARAMS_##n##_(__VA_ARGS__));  \
                                                                               \
	TPAR_INLINE_ type tpar_call_##name##_(                                 \
		struct tpar_slot *tpar_head_,                                  \
		tpar_body_##name##_ tpar_body_ TPAR_UNUSED_                    \
			TPAR_PARAMS_##n##_(__VA_ARGS__))                       \
	{                                                                      \
		TPAR_HAVE_##kind##_(type)                                      \
                                                                               \
			TPAR_SET_##kind##_(tpar_result_) name(                 \
				tpar_head_ TPAR_NAMES_##n##_(__VA_ARGS__));    \
		TPAR_RET_##kind##_                                             \
	}                                                                      \
                                                                               \
	static TPAR_UNUSED_ void tpar_wrap_##name##_(                          \
		struct tpar_slot *tpar_head_, struct tpar_slot *tpar_self_)    \
	{                                                                      \
		struct tpar_slot_##name##_ *tpar_slot_ =                       \
			(struct tpar_slot_##name##_ *)tpar_self_;              \
                                                                               \
		(void)tpar_slot_;                                              \
		TPAR_SET_##kind##_(tpar_slot_->data.result)                    \
			tpar_call_##name##_(                                   \
				tpar_head_,                                    \
				name TPAR_LOAD_##n##_(tpar_slot_->data.arg,    \
						      __VA_ARGS__));           \
	}                                                                      \
                                                                               \
	TPAR_INLINE_ void tpar_fork_##name##_(                                 \
		struct tpar_slot **tpar_head_,                                 \
		tpar_body_##name##_ tpar_body_ TPAR_UNUSED_                    \
			TPAR_PARAMS_##n##_(__VA_ARGS__))                       \
	{                                                                      \
		struct tpar_slot_##name##_ *tpar_slot_ =                       \
			(struct tpar_slot_##name##_ *)*tpar_head_;             \
                                                                               \
		TPAR_STORE_##n##_(tpar_slot_->data.arg,                        \
				  __VA_ARGS__) *tpar_head_ =                   \
			tpar_fork_slot(*tpar_head_, tpar_wrap_##name##_);      \
	}                                                                      \
                                                                               \
	static TPAR_UNUSED_ __attribute__((noinline))                          \
	type tpar_join_slow_##name##_(struct tpar_slot *tpar_self_)            \
	{                                                                      \
		struct tpar_slot *tpar_at_ = tpar_join_slow_1(tpar_self_);     \
		struct tpar_slot_##name##_ *tpar_slot_ =                       \
			(struct tpar_slot_##name##_ *)(tpar_at_ != NULL        \
							       ? tpar_at_      \
							       : tpar_self_);  \
		TPAR_HAVE_##kind##_(type)                                      \
                                                                               \
			(void) tpar_slot_;                                     \
		if (tpar_at_ == NULL) {                                        \
			TPAR_SET_##kind##_(tpar_result_) tpar_call_##name##_(  \
				tpar_self_,                                    \
				name TPAR_LOAD_##n##_(tpar_slot_->data.arg,    \
						      __VA_ARGS__));           \
		} else {                                                       \
			TPAR_SET_##kind##_(tpar_result_)                       \
				TPAR_TAKE_##kind##_(tpar_slot_);               \
		}                                                              \
		tpar_limits_of(tpar_self_)->head =                             \
			tpar_at_ != NULL ? tpar_at_ : tpar_self_;              \
		TPAR_RET_##kind##_                                             \
	}                                                                      \
                                                                               \
	TPAR_INLINE_ type tpar_join_##name##_(struct tpar_slot **tpar_head_,   \
					      int *tpar_slow_)                 \
	{                                                                      \
		struct tpar_slot *tpar_self_ = *tpar_head_ - 1;                \
		struct tpar_slot_##name##_ *tpar_slot_ =                       \
			(struct tpar_slot_##name##_ *)tpar_self_;              \
		TPAR_HAVE_##kind##_(type)                                      \
                                                                               \
			(void) tpar_slot_;                                     \
		if (tpar_join_slot(tpar_self_)) {                              \
			*tpar_head_ = tpar_self_;                              \
			*tpar_slow_ = 0;                                       \
			TPAR_SET_##kind##_(tpar_result_) tpar_call_##name##_(  \
				tpar_self_,                                    \
				name TPAR_LOAD_##n##_(tpar_slot_->data.arg,    \
						      __VA_ARGS__));           \
		} else {                                                       \
			TPAR_SET_##kind##_(tpar_result_)                       \
				tpar_join_slow_##name##_(tpar_self_);          \
			TPAR_FORGET_(tpar_self_);                              \
			*tpar_head_ = tpar_limits_of(tpar_self_)->head;        \
			*tpar_slow_ = 1;                                       \
		}                                                              \
		TPAR_RET_##kind##_                                             \
	}                                                                      \
                                                                               \
	TPAR_INLINE_ enum tpar_err tpar_run_##name##_(                         \
		tpar_body_##name##_ tpar_body_ TPAR_UNUSED_,                   \
		tpar_pool *tpar_pool_, TPAR_OUT_##kind##_(type) tpar_out_,     \
		struct tpar_failure *tpar_why_ TPAR_PARAMS_##n##_(             \
			__VA_ARGS__))                                          \
	{                                                                      \
		union {                                                        \
			struct tpar_slot slot;                                 \
			struct tpar_slot_##name##_ typed;                      \
		} tpar_root_;                                                  \
		enum tpar_err tpar_err_;                                       \
                                                                               \
		TPAR_STORE_##n##_(tpar_root_.typed.data.arg,                   \
				  __VA_ARGS__) tpar_err_ =                     \
			tpar_run_1(tpar_pool_, tpar_wrap_##name##_,            \
				   &tpar_root_.slot, tpar_why_, #name);        \
		if (tpar_err_ == TPAR_OK && tpar_out_ != NULL) {               \
			TPAR_GIVE_##kind##_(tpar_out_, tpar_root_.typed)       \
		}                                                              \
		return tpar_err_;                                              \
	}

/*
 * The function, and its body, which becomes part of it.  *tpar_slow says whether
 * the last join was one.  What looks at it at the end is no more than a fork in
 * the road, for the compiler: the way from a fast join to the end is one of its
 * own then, and a call at the end of that one may become a jump.  That makes
 * fib() a third faster with Clang.
 */
#define TPAR_BODY_(store, kind, type, n, name, ...)                            \
	TPAR_INLINE_ type tpar_task_##name##_(                                 \
		struct tpar_slot *tpar_head,                                   \
		int *tpar_slow TPAR_PARAMS_##n##_(__VA_ARGS__));               \
	store type name(                                                       \
		struct tpar_slot *tpar_head TPAR_PARAMS_##n##_(__VA_ARGS__))   \
	{                                                                      \
		int tpar_slow = 0;                                             \
		TPAR_HAVE_##kind##_(type)                                      \
                                                                               \
			TPAR_ENTER_(tpar_head)                                 \
				TPAR_SET_##kind##_(tpar_result_)               \
					tpar_task_##name##_(                   \
						tpar_head,                     \
						&tpar_slow TPAR_NAMES_##n##_(  \
							__VA_ARGS__));         \
		TPAR_LEAVE_(tpar_head, name)                                   \
		if (!TPAR_LIKELY_(!tpar_slow)) {                               \
			__asm__ volatile("" : : : "memory");                   \
		}                                                              \
		TPAR_RET_##kind##_                                             \
	}                                                                      \
	TPAR_INLINE_ type tpar_task_##name##_(                                 \
		struct tpar_slot *tpar_head TPAR_UNUSED_,                      \
		int *tpar_slow TPAR_UNUSED_ TPAR_PARAMS_##n##_(__VA_ARGS__))

/* Both together, or each by itself. */
#define TPAR_TASK_(n, type, name, ...)                                         \
	TPAR_MAKE_(static, VALUE, type, n, name, __VA_ARGS__)                  \
	TPAR_BODY_(static, VALUE, type, n, name, __VA_ARGS__)
#define TPAR_VOID_TASK_(n, name, ...)                                          \
	TPAR_MAKE_(static, VOID, void, n, name, __VA_ARGS__)                   \
	TPAR_BODY_(static, VOID, void, n, name, __VA_ARGS__)
#define TPAR_TASK_DECL_(n, type, name, ...)                                    \
	TPAR_MAKE_(extern, VALUE, type, n, name, __VA_ARGS__)
#define TPAR_VOID_TASK_DECL_(n, name, ...)                                     \
	TPAR_MAKE_(extern, VOID, void, n, name, __VA_ARGS__)
#define TPAR_TASK_BODY_(n, type, name, ...)                                    \
	TPAR_BODY_(, VALUE, type, n, name, __VA_ARGS__)
#define TPAR_VOID_TASK_BODY_(n, name, ...)                                     \
	TPAR_BODY_(, VOID, void, n, name, __VA_ARGS__)

#endif
