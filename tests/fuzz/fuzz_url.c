// SPDX-License-Identifier: MIT
/*
 * Two lines, a URL and a text that is read relative to it, into http_url.c and proto/target.c. Normal
 * forms stay as they are, host and port survive being taken apart and put together, what was meant
 * for one host is told to no other, and where a check of an accepted target goes is known
 * beforehand. (fuzz_redirect has fixed bases, and all of the input as the text.)
 */
#include "probe/http_hop.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"
#include "proto/monitor_internal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

struct place {
	char host[NET_HOST_SIZE];
	int port;
	bool https;
};

static struct place place_of(const char *url)
{
	struct place p = {.https = http_url_is_https(url)};
	ensure(http_url_split(url, p.host, &p.port) == 0);
	ensure(*p.host != '\0' && p.port >= 0 && p.port <= 65535);
	return p;
}

/* Taken apart and put together it is the same place. */
static void check_place(const char *url)
{
	char root[NET_HOST_SIZE + 32];
	const char *why;
	struct place p = place_of(url);
	snprintf(root, sizeof(root), "%s://%s:%d/", p.https ? "https" : "http", p.host, p.port);
	char *again = http_url_normalize(NULL, root, &why);
	ensure(again != NULL);
	struct place q = place_of(again);
	ensure(strcmp(p.host, q.host) == 0 && p.port == q.port && p.https == q.https);
	ensure(strlen(again) <= strlen(url)); /* the shortest spelling, and no path */
	ensure(http_url_same_host(url, again) && http_url_same_host(again, url));
	free(again);
}

/* TEXT at BASE (NULL: alone) in its normal form, which it keeps, wherever it is read. */
static char *normalize(const char *base, const char *text)
{
	const char *why = NULL;
	char *url = http_url_normalize(base, text, &why);
	if (url == NULL) {
		ensure(why != NULL && *why != '\0');
		return NULL;
	}
	char *again = http_url_normalize(base, url, &why);
	ensure(again != NULL && strcmp(url, again) == 0);
	free(again);
	check_place(url);
	return url;
}

static void check_same_host(const char *a, const char *b)
{
	struct place of_a = place_of(a), of_b = place_of(b);
	bool same = strcmp(of_a.host, of_b.host) == 0;
	if (of_a.https == of_b.https)
		same = same && of_a.port == of_b.port;
	else /* a step up, each on its own port */
		same = same && of_b.https &&
		       (of_a.port == of_b.port || (of_a.port == 80 && of_b.port == 443));
	ensure(http_url_same_host(a, b) == same);
}

/* What the coordinator knows of a check's destination is where the probe goes. */
static void check_target(const char *target)
{
	struct monitor m;
	char host[MONITOR_HOST_SIZE];
	int port;
	const char *why;
	memset(&m, 0, sizeof(m));
	m.type = CHECK_HTTP;
	if (target_problem(m.type, target) != NULL)
		return;
	m.target = (char *)(uintptr_t)target;
	monitor_destination(&m, host, &port);
	char *url = http_url_normalize(NULL, target, &why);
	if (url == NULL) /* encoding has made it too long */
		return;
	struct place p = place_of(url);
	struct sockaddr_storage a, b;
	ensure(p.port == port);
	if (net_parse_literal(host, &a))
		ensure(net_parse_literal(p.host, &b) && memcmp(&a, &b, sizeof(a)) == 0);
	else
		ensure(strcasecmp(host, p.host) == 0);
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	const uint8_t *newline = size_bytes > 0 ? memchr(data, '\n', size_bytes) : NULL;
	size_t n = newline != NULL ? (size_t)(newline - data) : size_bytes;
	char *first = mem_strndup((const char *)data, n);
	char *second = mem_strndup(
		(const char *)data + n + (newline != NULL), size_bytes - n - (newline != NULL));
	check_target(first);
	char *base = normalize(NULL, first);
	char *url = base != NULL ? normalize(base, second) : NULL;
	if (url != NULL) {
		check_same_host(base, url);
		check_same_host(url, base);
	}
	free(url);
	free(base);
	free(second);
	free(first);
	return 0;
}
