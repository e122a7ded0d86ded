// SPDX-License-Identifier: MIT
/*
 * libcurl's multi interface on our loop: HTTP checks, webhooks, later the link's dialler. One
 * handle in flight is one transfer; the caller sets its options. Never resolves names for checks:
 * those pin addresses with CURLOPT_RESOLVE.
 */
#ifndef QUORATE_PROTO_CURL_LOOP_H
#define QUORATE_PROTO_CURL_LOOP_H

#include "proto/base/loop.h"

#include <curl/curl.h>
#include <stdint.h>

struct curl_loop;
struct curl_loop *curl_loop_new(struct loop *loop);
void curl_loop_free(
	struct curl_loop *cl); /* transfers still running are removed without a callback */

typedef void (*curl_done_fn)(void *arg, CURL *easy, CURLcode code);
/* Starts EASY (borrowed). DONE comes exactly once from the loop, after EASY was removed from the
 * multi handle (it may be freed or reused in the callback), never before this returns. Uses
 * CURLOPT_PRIVATE. */
void curl_loop_start(struct curl_loop *cl, CURL *easy, curl_done_fn done, void *arg);
/* The same for CURLOPT_CONNECT_ONLY: EASY stays in the multi handle until curl_loop_cancel(), for
 * its removal would close the connection that was just made. */
void curl_loop_connect(struct curl_loop *cl, CURL *easy, curl_done_fn done, void *arg);
/* Takes EASY out; no callback afterwards. */
void curl_loop_cancel(struct curl_loop *cl, CURL *easy);
/* Changes whenever curl is called anew: between two changes nothing else on the loop has a turn.
 * Borrowed, as long as CL. */
const uint64_t *curl_loop_turn(const struct curl_loop *cl);

#endif
