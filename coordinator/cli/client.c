// SPDX-License-Identifier: MIT
#include "coordinator/cli/client_internal.h"

#include "proto/base/text.h"
#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "quorate/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000L
#define REQUEST_TIMEOUT_MS 60000L
#define STREAM_SILENCE_MS  50000 /* the coordinator sends something every 15 s */

struct client *client_open(const char *url, const char *key_file, FILE *err)
{
	struct client *c = mem_alloc(sizeof(*c));

	c->err = err;
	c->curl = curl_easy_init();
	ensure(c->curl != NULL);
	if (client_take_url(c, url) == -1 || client_take_key(c, key_file) == -1) {
		client_close(c);
		return NULL;
	}
	return c;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->key);
	free(c->key_from);
	free(c->url);
	free(c->base);
	free(c->socket);
	free(c);
}

const char *client_url(const struct client *c)
{
	return c->url;
}

const char *client_problem(const struct client *c)
{
	return c->problem;
}

char *client_path(const char *format, ...)
{
	struct buf path;
	va_list ap;

	buf_init(&path, 65536);
	va_start(ap, format);
	for (const char *p = format; *p; p++) {
		char *encoded = NULL;
		if (p[0] == '%' && p[1] == 's')
			encoded = curl_easy_escape(NULL, va_arg(ap, const char *), 0);
		int full = encoded ? buf_printf(&path, "%s", encoded) : buf_add(&path, p, 1);
		ensure(full == 0);
		p += encoded != NULL;
		curl_free(encoded);
	}
	va_end(ap);
	return buf_take(&path);
}

/* ---- a transfer */

static size_t write_body(char *data, size_t one, size_t n, void *arg)
{
	struct buf *body = arg;

	return buf_add(body, data, one * n) == 0 ? n : 0;
}

/* What all requests have in common. Returns the header list, owned by the caller. */
static struct curl_slist *prepare(struct client *c, const char *method, const char *path)
{
	struct curl_slist *headers = NULL;
	char *url = mem_printf("%s%s", c->base, path);

	curl_easy_reset(c->curl);
	c->problem[0] = '\0';
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "quorate/" QUORATE_VERSION);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->problem);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	if (c->socket)
		curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	if (c->local)
		curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	if (c->key) {
		char *authorization = mem_printf("Authorization: Bearer %s", c->key);
		headers = curl_slist_append(headers, authorization);
		explicit_bzero(authorization, strlen(authorization));
		free(authorization);
	}
	headers = curl_slist_append(headers, "Expect:");
	free(url);
	return headers;
}

static void say_why_not(struct client *c, CURLcode code)
{
	const char *curl_says = c->problem[0] ? c->problem : curl_easy_strerror(code);
	long os_errno = 0;

	curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT && c->socket && access(c->socket, F_OK) == -1 &&
		errno == EACCES)
		client_say(c,
			"no permission to reach %s; run this as root or as the coordinator's user",
			c->socket);
	else if (code == CURLE_COULDNT_CONNECT && c->socket && access(c->socket, F_OK) == -1)
		client_say(c,
			"there is no socket %s: is quorate-coordinator running here? (--url or "
			"QUORATE_URL says where it is)",
			c->socket);
	else if (code == CURLE_COULDNT_CONNECT && c->socket && access(c->socket, W_OK) == -1)
		client_say(c,
			"no permission to use %s; run this as root or as the coordinator's user",
			c->socket);
	else if (code == CURLE_COULDNT_CONNECT && os_errno == ECONNREFUSED)
		client_say(c,
			"nothing answers at %s: is quorate-coordinator running? (--url or "
			"QUORATE_URL says where it is)",
			c->url);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		client_say(c, "no answer from %s in time: %s", c->url, curl_says);
	else if (code == CURLE_WRITE_ERROR)
		client_say(c, "the answer of %s is larger than this program accepts", c->url);
	else
		client_say(c, "cannot talk to %s: %s", c->url, curl_says);
}

static int take_answer(struct client *c, long status, const struct buf *body, json_t **answer)
{
	json_error_t error;

	*answer = NULL;
	if (body->size_bytes == 0)
		return (int)status;
	*answer = json_loadb(body->data, body->size_bytes, JSON_DECODE_ANY, &error);
	if (*answer)
		return (int)status;
	client_say(c, "%s answered with status %ld and no JSON: is that a quorate coordinator?",
		c->url, status);
	return -1;
}

int client_request(
	struct client *c, const char *method, const char *path, const json_t *body, json_t **answer)
{
	struct curl_slist *headers = prepare(c, method, path);
	char *text = NULL;
	struct buf got;
	long status = 0;
	int result = -1;

	*answer = NULL;
	buf_init(&got, ANSWER_MAX_BYTES);
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		ensure(text != NULL);
		if (strlen(text) > API_BODY_MAX_BYTES) {
			client_say(c,
				"this is %zu bytes, and the coordinator takes %d at once: split it",
				strlen(text), API_BODY_MAX_BYTES);
			goto out;
		}
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
	}
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, write_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &got);
	CURLcode code = curl_easy_perform(c->curl);
	if (code != CURLE_OK) {
		say_why_not(c, code);
		goto out;
	}
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	result = take_answer(c, status, &got, answer);
out:
	curl_slist_free_all(headers);
	free(text);
	buf_clear(&got);
	return result;
}

static void say_unauthorized(const struct client *c)
{
	if (c->key)
		client_say(c, "the coordinator does not know the key from %s", c->key_from);
	else
		client_say(c,
			"a key is needed: set QUORATE_API_KEY, or name a file with --key-file or "
			"QUORATE_API_KEY_FILE; "
			"the first admin key is in admin.key in the coordinator's state folder "
			"(%s)",
			CLIENT_KEY_FILE);
}

void client_print_problem(struct client *c, int status, const json_t *answer)
{
	const json_t *errors = value_at(answer, "errors");
	const char *detail = value_text(answer, "detail", value_text(answer, "title", NULL));
	size_t i;
	json_t *one;

	if (status == 401) {
		say_unauthorized(c);
		return;
	}
	fputs("quorate: ", c->err);
	if (detail)
		text_print(c->err, detail);
	else
		fprintf(c->err, "the coordinator answered with status %d", status);
	fputc('\n', c->err);
	one = json_array_get(errors, 0); /* often the detail has it all */
	if (json_array_size(errors) == 1 && detail &&
		strstr(detail, value_text(one, "message", "?")))
		return;
	json_array_foreach (errors, i, one) {
		const char *path = value_text(one, "path", "");
		fputs("  ", c->err);
		text_print(c->err, path);
		fputs(*path ? ": " : "", c->err);
		text_print(c->err, value_text(one, "message", "?"));
		fputc('\n', c->err);
	}
}

int client_call(
	struct client *c, const char *method, const char *path, const json_t *body, json_t **answer)
{
	int status = client_request(c, method, path, body, answer);

	if (status == -1)
		return -1;
	if (status >= 200 && status <= 299)
		return 0;
	client_print_problem(c, status, *answer);
	json_decref(*answer);
	*answer = NULL;
	return -1;
}

int client_list(struct client *c, const char *path, size_t max, json_t **list)
{
	json_t *items = json_array(), *page = NULL;
	char *cursor = NULL;
	size_t i;
	json_t *item;

	*list = NULL;
	do {
		char *escaped = cursor ? client_path("cursor=%s", cursor) : mem_strdup("");
		char *full = mem_printf("%s%s%s", path,
			!cursor             ? ""
			: strchr(path, '?') ? "&"
					    : "?",
			escaped);
		int failed = client_call(c, "GET", full, NULL, &page);
		free(escaped);
		free(full);
		free(cursor);
		cursor = NULL;
		if (failed) {
			json_decref(items);
			return -1;
		}
		json_array_foreach (value_at(page, "items"), i, item) {
			if (max == 0 || json_array_size(items) < max)
				json_array_append(items, item);
		}
		bool more = json_array_size(value_at(page, "items")) > 0 &&
			    (max == 0 || json_array_size(items) < max);
		cursor = mem_strdup(more ? value_text(page, "next_cursor", NULL) : NULL);
		if (!cursor)
			*list = json_pack("{s:o, s:O?}", "items", items, "next_cursor",
				value_at(page, "next_cursor"));
		json_decref(page);
	} while (cursor);
	ensure(*list != NULL);
	return 0;
}

/* ---- the stream of events */

struct stream {
	struct client *client;
	struct sse *sse;
	const bool *stop;
	void (*connected)(void *arg);
	void *arg;
	struct buf problem; /* the body of an answer that is no stream */
	bool started;
	int64_t heard_at_ms;
};

static size_t write_stream(char *data, size_t one, size_t n, void *arg)
{
	struct stream *s = arg;
	long status = 0;

	s->heard_at_ms = clock_now_ms();
	curl_easy_getinfo(s->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return buf_add(&s->problem, data, one * n) == 0 ? n : 0;
	if (!s->started)
		s->connected(s->arg);
	s->started = true;
	return sse_feed(s->sse, data, one * n) == 0 && !*s->stop ? n : 0;
}

/* Called about every second: a stream that has fallen silent has lost its other end without a word.
 */
static int watch_silence(void *arg, curl_off_t a UNUSED, curl_off_t b UNUSED, curl_off_t c UNUSED,
	curl_off_t d UNUSED)
{
	const struct stream *s = arg;

	return clock_now_ms() - s->heard_at_ms > STREAM_SILENCE_MS;
}

static enum stream_end end_stream(struct stream *s, CURLcode code)
{
	struct client *c = s->client;
	long status = 0;
	json_t *answer = NULL;

	if (*s->stop)
		return STREAM_STOPPED;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 400 && status <= 499 && status != 429) {
		answer = json_loadb(buf_text(&s->problem), s->problem.size_bytes, 0, NULL);
		client_print_problem(c, (int)status, answer);
		json_decref(answer);
		return STREAM_REFUSED;
	}
	if (code == CURLE_ABORTED_BY_CALLBACK)
		snprintf(c->problem, sizeof(c->problem), "nothing was heard for %d s",
			STREAM_SILENCE_MS / 1000);
	else if (code == CURLE_OK && status != 200)
		snprintf(c->problem, sizeof(c->problem), "the coordinator answered with status %ld",
			status);
	else if (code == CURLE_OK || code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
		 code == CURLE_GOT_NOTHING)
		snprintf(c->problem, sizeof(c->problem), "it closed the connection");
	else if (!c->problem[0])
		snprintf(c->problem, sizeof(c->problem), "%s", curl_easy_strerror(code));
	return STREAM_LOST;
}

enum stream_end client_stream(struct client *c, const char *path, struct sse *sse, const bool *stop,
	void (*connected)(void *arg), void *arg)
{
	struct stream s = {
		.client = c, .sse = sse, .stop = stop, .connected = connected, .arg = arg};
	struct curl_slist *headers = prepare(c, "GET", path);
	enum stream_end end;

	s.heard_at_ms = clock_now_ms();
	buf_init(&s.problem, 65536);
	sse_reset(sse);
	headers = curl_slist_append(headers, "Accept: text/event-stream");
	if (sse->id[0]) {
		char *last = mem_printf("Last-Event-ID: %s", sse->id);
		headers = curl_slist_append(headers, last);
		free(last);
	}
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, watch_silence);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, &s);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, write_stream);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &s);
	end = end_stream(&s, curl_easy_perform(c->curl));
	curl_slist_free_all(headers);
	buf_clear(&s.problem);
	return end;
}
