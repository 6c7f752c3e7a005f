/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_transfer.c - what both engines tell curl, what came of it, and
 * whether to try again.
 */
#include "tpfetch.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

/* A transfer that stands still for so long has failed. */
#define STALLED_S 300L
#define CONNECT_S 60L

/* Between two attempts, at most; who asks for more is not asked again. */
#define DELAY_NS (60 * TPAR_SECOND)

static const char user_agent[] =
	"tpfetch/" TPAR_STRINGIFY(TPAR_VERSION_MAJOR) "." TPAR_STRINGIFY(
		TPAR_VERSION_MINOR) "." TPAR_STRINGIFY(TPAR_VERSION_PATCH);

/* Why a text is no URL that can be fetched; NULL: it is one. */
const char *
transfer_check(const char *url)
{
	static const char is_none[] = "not a URL";
	CURLU *parts = curl_url();
	char *scheme = NULL;
	const char *fault = NULL;
	CURLUcode code;

	if (parts == NULL) {
		report_no_memory();
	}
	code = curl_url_set(parts, CURLUPART_URL, url,
			    CURLU_NON_SUPPORT_SCHEME);
	if (code == CURLUE_OK) {
		code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
	}
	if (code == CURLUE_OUT_OF_MEMORY) {
		report_no_memory();
	}
	if (code != CURLUE_OK) {
		fault = is_none;
	} else if (strcmp(scheme, "http") != 0 &&
		   strcmp(scheme, "https") != 0) {
		fault = "neither http:// nor https://";
	}
	curl_free(scheme);
	curl_url_cleanup(parts);
	return fault;
}

/* curl's write callback. */
static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	long status = 0;

	(void)size; /* always 1 */
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 400) { /* nobody has asked for the page that says so */
		return n;
	}
	return body_write(&transfer->item->body, data, n) ? n : 0;
}

/* So that EMFILE can be told. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
			address->protocol);

	(void)purpose;
	transfer->item->error = fd < 0 ? errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void
set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A look-up under way is left behind, not waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

void
transfer_begin(struct transfer *transfer)
{
	struct item *item = transfer->item;
	const struct options *options = item->body.options;
	CURL *easy = transfer->easy;

	body_restart(&item->body);
	item->status = 0;
	item->error = 0;
	transfer->curl_text[0] = '\0';
	curl_easy_reset(easy); /* its connections stay */
	set_protocols(easy);
	curl_easy_setopt(easy, CURLOPT_URL, item->url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
			 options->redirects > 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, options->redirects);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, options->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALLED_S);
}

/* What may be otherwise the next time; as of `curl --retry`, and resets. */
static bool
is_transient(const struct item *item, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return item->status == 408 || item->status == 429 ||
		       item->status == 500 || item->status == 502 ||
		       item->status == 503 || item->status == 504;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_GOT_NOTHING:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

/* Up to a half more, so that those who failed together do not come together. */
static int64_t
with_jitter(int64_t delay_ns)
{
	static atomic_uint state = 1;
	unsigned random = atomic_fetch_add_explicit(&state, 0x9e3779b9,
						    memory_order_relaxed);

	random ^= random >> 15;
	random *= 0x2c1b3c6d;
	return delay_ns + delay_ns / 2 * (random >> 20) / 4096;
}

/* Twice as long each time, or as long as the server says.  false: too long. */
static bool
choose_delay(struct transfer *transfer)
{
	const struct options *options = transfer->item->body.options;
	int64_t delay_ns = options->retry_delay_ns;
	curl_off_t seconds = 0;
	unsigned i;

	for (i = 0; i < transfer->item->retries && delay_ns < DELAY_NS; i++) {
		delay_ns *= 2;
	}
	if (delay_ns > DELAY_NS) {
		delay_ns = DELAY_NS;
	}
	delay_ns = with_jitter(delay_ns);
#if LIBCURL_VERSION_NUM >= 0x074200
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
#endif
	if (seconds > DELAY_NS / TPAR_SECOND) {
		return false;
	}
	if (seconds * TPAR_SECOND > delay_ns) {
		delay_ns = seconds * TPAR_SECOND;
	}
	transfer->delay_ns = delay_ns;
	return true;
}

/* Why it has failed, in words. */
static void
explain(struct transfer *transfer, CURLcode code)
{
	const struct item *item = transfer->item;
	const char *what = transfer->curl_text[0] != '\0'
				   ? transfer->curl_text
				   : curl_easy_strerror(code);
	char retries[32] = "";

	if (item->retries > 0) {
		snprintf(retries, sizeof retries, ", %u %s", item->retries,
			 item->retries == 1 ? "retry" : "retries");
	}
	transfer->code = code == CURLE_OK ? (int)item->status : (int)code;
	if (item->body.error != 0) {
		snprintf(transfer->text, sizeof transfer->text,
			 "cannot be stored: %s%s", strerror(item->body.error),
			 retries);
	} else if (item->error != 0) {
		snprintf(transfer->text, sizeof transfer->text,
			 "no socket: %s%s", strerror(item->error), retries);
	} else if (code == CURLE_OK) {
		snprintf(transfer->text, sizeof transfer->text,
			 "HTTP status %ld%s", item->status, retries);
	} else {
		snprintf(transfer->text, sizeof transfer->text, "%s%s", what,
			 retries);
	}
}

enum verdict
transfer_end(struct transfer *transfer, CURLcode code)
{
	struct item *item = transfer->item;
	long connections = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
			  &item->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connections);
	item->connections += (unsigned long)connections;
	if (code == CURLE_OK && item->status < 400) {
		if (body_end(&item->body)) {
			return VERDICT_DONE;
		}
		code = CURLE_WRITE_ERROR;
	}
	if (item->retries < item->body.options->retries &&
	    is_transient(item, code) && choose_delay(transfer)) {
		item->retries++;
		return VERDICT_AGAIN;
	}
	explain(transfer, code);
	body_drop(&item->body);
	return VERDICT_FAILED;
}
