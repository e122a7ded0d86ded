// SPDX-License-Identifier: MIT
/*
 * libcurl's handles of HTTP checks. Making one and letting it go takes a tenth of what a check does outside of
 * the kernel, so those of usual requests, whose transfer went well, are kept for the next of that kind. What is
 * usual is written into each anew (http_hop.c); whatever else is said to curl (a log-in, cookies, a proxy, a
 * body …) is said to a handle that nobody else gets.
 */
#ifndef QUORATE_PROBE_HTTP_HANDLES_H
#define QUORATE_PROBE_HTTP_HANDLES_H

#include <curl/curl.h>

struct http_handles;
struct http_handles *http_handles_new(void);
void http_handles_free(struct http_handles *handles); /* NULL: no harm */

/* One that was kept; NULL: none is. Owned by the caller. */
CURL *http_handles_take(struct http_handles *handles);
/* Takes EASY, in no multi handle. */
void http_handles_keep(struct http_handles *handles, CURL *easy);

#endif
