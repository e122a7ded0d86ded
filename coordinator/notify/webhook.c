// SPDX-License-Identifier: MIT
/*
 * The webhook channel: one POST per attempt. A 2xx is delivery, 410 says that the receiver is gone
 * for good, everything else is worth another attempt, a redirect too (it is never followed: it
 * would carry the message elsewhere). Error sentences hold a status or curl's own words, never the
 * URL, which may hold a token.
 */
#include "coordinator/notify/channel.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX_BYTES  65536
#define CONNECT_MAX_MS    10000
#define RETRY_AFTER_MAX_S 86400

struct delivery {
	struct curl_loop *curl;
	CURL *easy;
	struct curl_slist *headers;
	size_t received_bytes;
	delivery_fn done;
	void *arg;
};

void webhook_judge(CURLcode code, long status, int64_t retry_after_s, struct delivery_result *out)
{
	memset(out, 0, sizeof(*out));
	out->outcome = DELIVERY_RETRY;
	if (code != CURLE_OK) {
		snprintf(out->error, sizeof(out->error), "%s", curl_easy_strerror(code));
	} else if (status >= 200 && status < 300) {
		out->outcome = DELIVERY_DONE;
	} else if (status == 410) {
		out->outcome = DELIVERY_DEAD;
		snprintf(out->error, sizeof(out->error), "HTTP status 410: the receiver is gone");
	} else if (status >= 300 && status < 400) {
		snprintf(out->error, sizeof(out->error),
			"HTTP status %ld: redirects are not followed", status);
	} else {
		snprintf(out->error, sizeof(out->error), "HTTP status %ld", status);
	}
	if (code == CURLE_OK && (status == 429 || status == 503) && retry_after_s > 0)
		out->retry_after_ms =
			1000 *
			(retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S);
}

/* What the receiver answers is of no use beyond its status; a flood of it is cut off. */
static size_t on_answer(char *data, size_t one, size_t n, void *arg)
{
	struct delivery *d = arg;
	(void)data;
	d->received_bytes += one * n;
	return d->received_bytes <= ANSWER_MAX_BYTES ? one * n : 0;
}

static void delivery_free(struct delivery *d)
{
	curl_easy_cleanup(d->easy);
	curl_slist_free_all(d->headers);
	free(d);
}

static void on_transfer(void *arg, CURL *easy, CURLcode code)
{
	struct delivery *d = arg;
	struct delivery_result result;
	long status = 0;
	curl_off_t retry_after_s = 0;
	delivery_fn done = d->done;
	void *done_arg = d->arg;
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (code == CURLE_WRITE_ERROR && d->received_bytes > ANSWER_MAX_BYTES)
		code = CURLE_OK; /* we cut it off; its status counts */
	webhook_judge(code, status, retry_after_s, &result);
	delivery_free(d);
	done(done_arg, &result);
}

static void add_header(struct delivery *d, char *taken)
{
	struct curl_slist *longer = curl_slist_append(d->headers, taken);
	ensure(longer);
	d->headers = longer;
	free(taken);
}

static void add_headers(
	struct delivery *d, const struct signing_keys *keys, const struct outgoing *m)
{
	int64_t wall_s = clock_wall_ms() / 1000;
	add_header(d, mem_strdup("Content-Type: application/json"));
	add_header(d, mem_strdup("Expect:"));
	add_header(d, mem_printf("webhook-id: %s", m->key));
	add_header(d, mem_printf("webhook-timestamp: %lld", (long long)wall_s));
	if (keys->n > 0) {
		char *signature = signature_make(keys, m->key, wall_s, m->body);
		add_header(d, mem_printf("webhook-signature: %s", signature));
		free(signature);
	}
}

#define SET(easy, option, value)                                                                   \
	ensure(curl_easy_setopt((easy), CURLOPT_##option, (value)) == CURLE_OK)

static void set_options(struct delivery *d, const struct channel_conf *conf, const char *body)
{
	CURL *easy = d->easy;
	int64_t connect_ms = conf->timeout_ms < CONNECT_MAX_MS ? conf->timeout_ms : CONNECT_MAX_MS;
	SET(easy, URL, conf->webhook);
	SET(easy, POST, 1L);
	SET(easy, POSTFIELDS, body);
	SET(easy, POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	SET(easy, HTTPHEADER, d->headers);
	SET(easy, USERAGENT, "quorate/" QUORATE_VERSION);
	SET(easy, PROTOCOLS_STR, "http,https");
	SET(easy, FOLLOWLOCATION, 0L);
	SET(easy, NOSIGNAL, 1L);
	SET(easy, TIMEOUT_MS, (long)conf->timeout_ms);
	SET(easy, CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(easy, WRITEFUNCTION, on_answer);
	SET(easy, WRITEDATA, d);
	/* Debian's default CAPATH switches curl's cache of parsed authorities off (95 ms of CPU per
	 * connection). */
	SET(easy, CAPATH, NULL);
}

static struct delivery *webhook_start(struct curl_loop *curl, const struct channel_conf *conf,
	const struct signing_keys *keys, const struct outgoing *m, delivery_fn done, void *arg)
{
	struct delivery *d = mem_alloc(sizeof(*d));
	d->curl = curl;
	d->easy = curl_easy_init();
	ensure(d->easy);
	d->done = done;
	d->arg = arg;
	add_headers(d, keys, m);
	set_options(d, conf, m->body);
	curl_loop_start(curl, d->easy, on_transfer, d);
	return d;
}

static void webhook_cancel(struct delivery *d)
{
	curl_loop_cancel(d->curl, d->easy);
	delivery_free(d);
}

const struct channel_type webhook_channel = {
	.name = "webhook",
	.start = webhook_start,
	.cancel = webhook_cancel,
};
