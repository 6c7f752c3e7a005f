/* SPDX-License-Identifier: MIT */
/*
 * pool.pml - the life of a whole pool: tasks are submitted, its threads sleep and
 * wake, one that waits hands its place over, others serve blocking tasks and
 * retire, somebody cancels, and it is shut down, by draining or at once, while
 * submits go on; then its threads are joined.
 *
 * What is one step here is, in src/, one atomic access or one section under the
 * pool's lock; memory is sequentially consistent, as its orders are the other
 * models' matter.  By exhaustion: nobody waits for ever; no task is run twice, or
 * begins once the shutdown has returned; what was accepted has ended then, what
 * was refused never began; and, as an LTL formula, the pool gets there.
 *
 * The pool has one place to compute in and three threads.  Task 0 waits for task
 * 1, which it may run in place, or not (TPAR_NO_INLINE).  -DBLOCKING=1: task 1 is a
 * blocking one; 2: both are.  -DRETIRE: threads that have been parked for long end.
 * -DCANCEL: somebody cancels task 1.  -DBUG_...: see tests/model/spin.sh, which runs it.
 */
#ifndef THREADS
#define THREADS 3
#endif
#define WIDTH 1
#define LIMIT 1 /* of those that serve */
#define TASKS 2

#ifndef BLOCKING
#define BLOCKING 0
#endif
#define BLOCKS(i) ((i) + BLOCKING >= 2)

mtype = { PENDING, RUNNING, ENDED };		 /* a task, or 0 */
mtype = { AWAKE, PARKED, SEARCHES, SERVES };	 /* a thread, or 0: there is none */
mtype = { SEARCHING, TO_SERVE };

#define OPEN 0
#define DRAINING 1
#define CANCELLING 2
#define SHUT 3

mtype task[TASKS];
bit queued[TASKS];
bit accepted[TASKS];
bit refused[TASKS];
bit began[TASKS];
byte waiter = THREADS; /* the thread on which task 0 stands in task 1's list */

mtype thread[THREADS];
bit token[THREADS]; /* of its parker */
byte computing;	    /* the sleep word, */
byte searching;	    /* both halves */
byte elastic;	    /* how many serve */
byte threads;	    /* that there are */
byte parked;	    /* of those */
byte foreign;	    /* others who hold tasks of the pool */
byte closed;
bit quit;
bit sd_token; /* of who waits in the shutdown */
bit returned; /* he does not any more */
bit submitted;
bit cancelling; /* somebody is, by the user's wish */
bit gone; /* all are joined */

#define COMPUTES(i) (queued[i] && !BLOCKS(i))
#define ANY_WORK (COMPUTES(0) || COMPUTES(1))
#define ANY_BLOCKING ((queued[0] && BLOCKS(0)) || (queued[1] && BLOCKS(1)))
#define WANTS_WAKE (searching == 0 && computing < WIDTH)
/* One that somebody else is just cancelling may be in its drop_arg. */
#define OVER(i) (!accepted[i] || task[i] == ENDED || (cancelling && !began[i]))
#define QUIET (parked == threads && foreign == 0)
#define ROOM (threads - parked < WIDTH + LIMIT + elastic)

/* take_locked(): pops a parked thread, or starts one. */
inline take_thread(as)
{
	k = 0;
	do
	:: k < THREADS && thread[k] != PARKED -> k++
	:: else -> break
	od;
	if
	:: k < THREADS -> parked--
	:: else ->
		k = 0;
		do
		:: k < THREADS && thread[k] != 0 -> k++
		:: else -> break
		od;
		threads = threads + (k < THREADS)
	fi;
	if
	:: k < THREADS -> thread[k] = as; token[k] = 1
	:: else
	fi
}

/* tpi_park_wake_one(): counts whom it wakes. */
inline wake_one()
{
	d_step {
		if
		:: WANTS_WAKE && ROOM && !quit ->
			take_thread(SEARCHES);
			computing = computing + (k < THREADS);
			searching = searching + (k < THREADS)
		:: else
		fi;
		k = 0
	}
}

inline notify()
{
	if
	:: WANTS_WAKE -> wake_one()
	:: else
	fi
}

/* tpi_elastic_notify() */
inline elastic_notify()
{
	do
	:: !ANY_BLOCKING -> break
	:: elastic >= LIMIT -> break
	:: atomic { ANY_BLOCKING && elastic < LIMIT -> elastic++ };
		d_step {
			k = THREADS;
			if
			:: !quit -> take_thread(SERVES)
			:: else
			fi;
			got = (k < THREADS);
			k = 0
		};
		if
		:: got -> got = 0; break
		:: else ->
			elastic--;
			if
			:: parked == 0 -> break
			:: else
			fi
		fi
	od
}

/* The one who has claimed it ends it, and wakes who waits: his parker stays. */
inline end_task(i)
{
#ifdef BUG_TELL_FIRST
	who = (i == 1 -> waiter : THREADS);
	d_step { assert(task[i] == RUNNING); task[i] = ENDED };
#else
	d_step {
		assert(task[i] == RUNNING);
		task[i] = ENDED;
		who = (i == 1 -> waiter : THREADS)
	};
#endif
	if
	:: who < THREADS -> token[who] = 1
	:: else
	fi;
	who = 0
}

/* Claims it; got: it was PENDING. */
inline claim(i)
{
	d_step {
		got = (task[i] == PENDING);
		if
		:: got -> task[i] = RUNNING
		:: else
		fi
	}
}

inline cancel(i)
{
	claim(i);
	if
	:: got -> got = 0; end_task(i)
	:: else
	fi
}

inline begin(i)
{
	d_step {
		assert(!returned && !refused[i]);
		assert(!began[i]);
		began[i] = 1
	}
}

/* Of a wait: the word first, then a look; src/park.c, src/elastic.c. */
inline block()
{
	if
	:: serving ->
		elastic--;
#ifndef BUG_PAUSE_WITHOUT_LOOK
		if
		:: ANY_BLOCKING -> elastic_notify()
		:: else
		fi
#endif
	:: else ->
		computing--;
#ifndef BUG_BLOCK_WITHOUT_LOOK
		if
		:: computing < WIDTH && ANY_WORK -> wake_one()
		:: else
		fi
#endif
	fi
}

inline unblock()
{
	if
	:: serving ->
		elastic++;
		if
		:: WANTS_WAKE && ANY_WORK -> wake_one()
		:: else
		fi
	:: else -> computing++
	fi
}

/* Task 0: waits for task 1, if there is one. */
inline wait_for_1()
{
	d_step {
		if
		:: task[1] == PENDING || task[1] == RUNNING -> waiter = t
		:: else
		fi
	};
	if
	:: waiter == t && !BLOCKS(1) ->
		claim(1);
		if
		:: got -> got = 0; begin(1); end_task(1)
		:: else
		fi
	:: true /* it may not be run in place */
	fi;
	if
	:: waiter == t && task[1] != ENDED ->
		block();
		do
		:: task[1] == ENDED -> break
		:: task[1] != ENDED ->
			if
			:: closed >= CANCELLING -> cancel(1)
			:: else
			fi;
			if
			:: task[1] == ENDED -> break
			:: task[1] != ENDED ->
				atomic { token[t] -> token[t] = 0 }
			fi
		od;
		unblock()
	:: else
	fi;
	waiter = THREADS
}

/* What a thread does with an entry that it has taken. */
inline run_entry(i)
{
	if
	:: closed < SHUT ->
		claim(i);
		if
		:: got ->
			got = 0;
			if
			:: closed >= CANCELLING
			:: else ->
				begin(i);
				if
				:: i == 0 -> wait_for_1()
				:: else
				fi
			fi;
			end_task(i)
		:: else
		fi
	:: else
	fi
}

/* Under the lock, by who has just parked. */
inline tell_shutdown()
{
	if
	:: QUIET -> sd_token = 1
	:: else
	fi
}

proctype a_thread(byte t)
{
	byte k;
	bit got;
	byte who;
	bit counted; /* as one that searches */
	bit serving;
	byte f;

idle:	/* its structure is spare: no thread */
	do
	:: atomic { thread[t] == SEARCHES -> thread[t] = AWAKE; counted = 1; token[t] = 0 };
		goto searches
	:: atomic { thread[t] == SERVES -> thread[t] = AWAKE; token[t] = 0 };
		goto serves
	:: quit && thread[t] == 0 -> goto ends
	od;

searches: skip;
	do
	:: atomic { COMPUTES(0) -> queued[0] = 0; f = 0 }; goto found
	:: atomic { COMPUTES(1) -> queued[1] = 0; f = 1 }; goto found
	:: !ANY_WORK -> goto parks
	od;

found:	skip;
	if
	:: counted ->
		counted = 0;
		d_step { searching--; got = (searching == 0 && computing < WIDTH) };
		if
		:: got -> got = 0;
			if
			:: ANY_WORK -> notify()
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	run_entry(f);
	f = 0;
	if
	:: computing > WIDTH -> goto parks
	:: else -> goto searches
	fi;

parks:	skip;
	/* A hint that there were too many is looked at again under the lock. */
	d_step {
		if
		:: quit ->
			computing--;
			searching = searching - counted;
			threads--;
			thread[t] = 0;
			f = 1
		:: else ->
			thread[t] = PARKED;
			parked++;
			computing--;
			searching = searching - counted;
			tell_shutdown()
		fi;
		counted = 0
	};
	if
	:: f == 1 -> f = 0; goto ends
	:: else
	fi;
#ifndef BUG_PARK_WITHOUT_LOOK
	if
	:: computing < WIDTH && ANY_WORK -> wake_one()
	:: else
	fi;
#endif
rests:	skip;
#ifndef BUG_STOP_WITHOUT_LOOK
	if
	:: ANY_BLOCKING -> elastic_notify()
	:: else
	fi;
#endif
	do
	:: atomic { thread[t] == SEARCHES -> thread[t] = AWAKE; counted = 1 };
		goto searches
	:: atomic { thread[t] == SERVES -> thread[t] = AWAKE }; goto serves
	:: atomic { thread[t] == PARKED && token[t] -> token[t] = 0 }
#ifdef RETIRE
	/* give_up(): it has slept for long, and there are more than workers. */
#ifdef BUG_END_ALTHOUGH_POPPED
	:: atomic { thread[t] != AWAKE && !quit && threads > WIDTH ->
			parked = parked - (thread[t] == PARKED);
			thread[t] = 0; threads--; token[t] = 0 };
		goto idle
#else
	:: atomic { thread[t] == PARKED && !quit && threads > WIDTH ->
			thread[t] = 0; parked--; threads--; token[t] = 0;
			tell_shutdown() };
		goto idle
#endif
#endif
	od;

serves:	skip;
	serving = 1;
	do
	:: atomic { BLOCKS(0) && queued[0] -> queued[0] = 0; f = 0 };
		run_entry(f)
	:: atomic { BLOCKS(1) && queued[1] -> queued[1] = 0; f = 1 };
		run_entry(f);
		f = 0
	:: !ANY_BLOCKING ->
		elastic--;
#ifdef BUG_STOP_WITHOUT_LOOK
		break
#else
		if
		:: atomic { ANY_BLOCKING && elastic < LIMIT -> elastic++ }
		:: !(ANY_BLOCKING && elastic < LIMIT) -> break
		fi
#endif
	od;
	serving = 0;
	d_step {
		if
		:: quit -> threads--; thread[t] = 0; f = 1
		:: else -> thread[t] = PARKED; parked++; tell_shutdown()
		fi
	};
	if
	:: f == 1 -> f = 0; goto ends
	:: WANTS_WAKE && ANY_WORK -> wake_one(); goto rests
	:: else -> goto rests
	fi;

ends:	skip
}

/* submit.c */
inline submit(i)
{
	if
	:: closed == OPEN ->
		d_step { task[i] = PENDING; queued[i] = 1 };
#ifndef BUG_SUBMIT_WITHOUT_LOOK
		if
		:: closed != OPEN ->
#ifdef BUG_REFUSE_WITHOUT_CLAIM
			got = 1;
#else
			claim(i);
#endif
			if
			:: got ->
				got = 0;
				refused[i] = 1;
				assert(!began[i]);
				task[i] = ENDED
			:: else -> accepted[i] = 1
			fi
		:: else -> accepted[i] = 1
		fi;
#else
		accepted[i] = 1;
#endif
		if
		:: BLOCKS(i) -> elastic_notify()
		:: else -> notify()
		fi
	:: else
	fi
}

proctype submitter()
{
	byte k;
	bit got;
	byte who;

	submit(1);
	submit(0);
	submitted = 1
}

#ifdef CANCEL
proctype canceller()
{
	bit got;
	byte who;

	cancelling = 1;
	cancel(1);
	cancelling = 0
}
#endif

/* shutdown.c, then end_pool() of pool.c */
proctype closer()
{
	byte k;
	bit got;
	byte who;

	if
	:: closed = DRAINING
	:: closed = CANCELLING;
		d_step {
			do
			:: k < THREADS -> token[k] = 1; k++
			:: else -> break
			od;
			k = 0
		};
		d_step { foreign++ };
		do
		:: atomic { queued[0] -> queued[0] = 0 }; cancel(0)
		:: atomic { queued[1] -> queued[1] = 0 }; cancel(1)
		:: !queued[0] && !queued[1] -> break
		od;
		skip;
		d_step { foreign--; tell_shutdown() }
	fi;
	if
	:: ANY_WORK -> notify()
	:: else
	fi;
	do
#ifdef BUG_QUIET_ALTHOUGH_QUEUED
	:: atomic { QUIET -> closed = SHUT }; break
	:: atomic { !QUIET && sd_token -> sd_token = 0 }
#else
#ifdef BUG_NOT_SHUT
	:: atomic { QUIET && !queued[0] && !queued[1] }; break
#else
	:: atomic { QUIET && !queued[0] && !queued[1] -> closed = SHUT }; break
#endif
	:: atomic { !(QUIET && !queued[0] && !queued[1]) && sd_token -> sd_token = 0 }
#endif
	od;
	skip;
	d_step {
		returned = 1;
		assert(OVER(0));
		assert(OVER(1))
	};
	submitted && !cancelling; /* nobody uses a pool that is being destroyed */
	d_step {
		quit = 1;
		k = 0;
		do
		:: k < THREADS ->
			if
			:: thread[k] == PARKED ->
#ifdef BUG_ONE_IS_NOT_TOLD
				thread[k] = (k == 0 -> PARKED : SEARCHES);
#else
				thread[k] = SEARCHES;
#endif
				token[k] = 1;
				computing++;
				searching++
			:: else
			fi;
			k++
		:: else -> break
		od;
		parked = 0;
		k = 0
	};
	threads == 0;
	assert(!accepted[0] || task[0] == ENDED);
	assert(!accepted[1] || task[1] == ENDED);
	gone = 1
}

init {
	byte k;

	atomic {
		thread[0] = SEARCHES;
		threads = 1;
		computing = 1;
		searching = 1;
		do
		:: k < THREADS -> run a_thread(k); k++
		:: else -> break
		od;
		run submitter();
#ifdef CANCEL
		run canceller();
#endif
		run closer()
	}
}

ltl ends { <> gone }
