/* SPDX-License-Identifier: MIT */
/*
 * 10_postgres.c - 200 queries over 20 connections, all at once; one fails, and
 * those under way are cancelled in the server.
 *
 *     10_postgres [CONNINFO]        ("dbname=postgres")
 *
 * libpq blocks, so the queries are TPAR_BLOCKING tasks: as many at a time as
 * blocking_limit says, which is as many as there are connections.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <taskpar.h>
#include <time.h>

enum { CONNECTIONS = 20, QUERIES = 200, BAD = 117 };

/* Those that no query uses. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static PGconn *idle[CONNECTIONS];
static int idle_count;

static PGconn *
take(void)
{
	PGconn *conn;

	pthread_mutex_lock(&lock);
	conn = idle[--idle_count];
	pthread_mutex_unlock(&lock);
	return conn;
}

static void
give_back(PGconn *conn)
{
	pthread_mutex_lock(&lock);
	idle[idle_count++] = conn;
	pthread_mutex_unlock(&lock);
}

/* A statement that the server executes. */
struct running {
	PGcancel *request;
	pthread_cond_t end;
	bool ended; /* under the lock */
};

/*
 * On another thread, which may block: the server is asked to stop.  It ignores
 * that if the statement has not arrived yet; so again, until it has ended.
 */
static void
cancel(void *arg)
{
	struct running *r = arg;
	char error[256];

	pthread_mutex_lock(&lock);
	while (!r->ended) {
		struct timespec soon;

		pthread_mutex_unlock(&lock);
		(void)PQcancel(r->request, error, sizeof error);
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_sec += (soon.tv_nsec + 100000000) / 1000000000;
		soon.tv_nsec = (soon.tv_nsec + 100000000) % 1000000000;
		pthread_mutex_lock(&lock);
		if (!r->ended)
			pthread_cond_timedwait(&r->end, &lock, &soon);
	}
	pthread_mutex_unlock(&lock);
}

struct query {
	int number;
	const char *sql; /* $1 is the number */
};

static int
run(const struct query *q, PGconn *conn, long *value)
{
	char number[16];
	const char *params[1] = { number };
	PGresult *result;
	int rc = 0;

	snprintf(number, sizeof number, "%d", q->number);
	result = PQexecParams(conn, q->sql, 1, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		*value = strtol(PQgetvalue(result, 0, 0), NULL, 10);
	else if (tpar_cancelled())
		rc = TPAR_ESTOPPED;
	else
		rc = tpar_fail(1, "query %d: %s", q->number,
			       PQresultErrorField(result,
						  PG_DIAG_MESSAGE_PRIMARY));
	PQclear(result);
	return rc;
}

/* A task: an SQL statement. */
static int
query(void *arg, void *value)
{
	PGconn *conn = take();
	struct running r = { PQgetCancel(conn), PTHREAD_COND_INITIALIZER,
			     false };
	tpar_handler handler;
	int rc = tpar_on_cancel(cancel, &r, &handler);

	if (rc == 0) {
		rc = run(arg, conn, value);
		pthread_mutex_lock(&lock);
		r.ended = true;
		pthread_cond_signal(&r.end);
		pthread_mutex_unlock(&lock);
		tpar_off_cancel(&handler);
	}
	PQfreeCancel(r.request);
	give_back(conn);
	return rc;
}

/* All queries at once; one line that says how it went. */
static void
gather(tpar_pool *pool, const char *what, const char *sql, const char *bad)
{
	static struct query queries[QUERIES];
	static tpar_future *futures[QUERIES];
	static long values[QUERIES];
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	int cancelled = 0;
	long sum = 0;
	int i;

	for (i = 0; i < QUERIES; i++) {
		queries[i].number = i;
		queries[i].sql = i == BAD ? bad : sql;
	}
	task.fn = query;
	task.value_size = sizeof values[0];
	task.flags = TPAR_BLOCKING;
	if (tpar_submit_many(pool, &task, queries, sizeof queries[0], QUERIES,
			     futures) != TPAR_OK) {
		printf("%s: %s\n", what, tpar_error_detail());
		return;
	}
	if (tpar_gather(futures, QUERIES, values, &why) == TPAR_OK) {
		for (i = 0; i < QUERIES; i++)
			sum += values[i];
		printf("%s: the sum is %ld\n", what, sum);
	} else {
		for (i = 0; i < QUERIES; i++)
			cancelled +=
				tpar_future_state(futures[i]) == TPAR_CANCELLED;
		printf("%s: %s\n", what, why.message);
		printf("%s: %s were cancelled\n", what,
		       cancelled > 0 ? "others" : "none");
	}
	tpar_future_unref_all(futures, QUERIES);
}

int
main(int argc, char **argv)
{
	const char *conninfo = argc > 1 ? argv[1] : "dbname=postgres";
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	const char *square = "SELECT $1::bigint * $1::bigint";
	tpar_pool *pool;
	int i;

	for (i = 0; i < CONNECTIONS; i++) {
		PGconn *conn = PQconnectdb(conninfo);

		if (PQstatus(conn) != CONNECTION_OK) {
			fprintf(stderr, "10_postgres: %s",
				PQerrorMessage(conn));
			return 1;
		}
		give_back(conn);
	}
	config.blocking_limit = CONNECTIONS;
	if (tpar_pool_create(&pool, &config) != TPAR_OK) {
		fprintf(stderr, "10_postgres: %s\n", tpar_error_detail());
		return 1;
	}
	gather(pool, "squares", square, square);
	/* From the hundredth on they would take an hour each. */
	gather(pool, "one fails",
	       "SELECT 1 FROM pg_sleep(3600 * ($1::int / 100))",
	       "SELECT 1 / ($1::int - 117)");
	/* The connections are as good as new. */
	gather(pool, "again", square, square);
	(void)tpar_pool_destroy(pool);
	while (idle_count > 0)
		PQfinish(take());
	return 0;
}
