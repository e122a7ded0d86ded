// SPDX-License-Identifier: MIT
/* Token buckets (GCRA: one instant per bucket), and one of them for each destination's name. */
#include "probe/pace.h"

#include "probe/http_hop.h"
#include "probe/net.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SWEEP_AT_LEAST 256

struct destination {
	UT_hash_handle hh;
	struct bucket bucket;
	char host[];
};

struct rate rate_of(int64_t per_second)
{
	int64_t period_us = 1000000 / per_second;
	return (struct rate){.period_us = period_us, .depth_us = period_us * per_second};
}

/* When all its tokens are back, after one is taken at NOW_US. */
static int64_t full_at_us(const struct bucket *b, const struct rate *rate, int64_t now_us)
{
	return (b->full_at_us > now_us ? b->full_at_us : now_us) + rate->period_us;
}

int64_t bucket_next_us(const struct bucket *b, const struct rate *rate, int64_t now_us)
{
	int64_t at_us = full_at_us(b, rate, now_us) - rate->depth_us;
	return at_us > now_us ? at_us : now_us;
}

void bucket_take(struct bucket *b, const struct rate *rate, int64_t now_us)
{
	b->full_at_us = full_at_us(b, rate, now_us);
}

/* Whatever was found before is not to be trusted any more, nor what was found among others' places. */
static void new_epoch(struct paces *paces)
{
	static uint64_t last;
	paces->epoch = ++last;
}

static void sweep(struct paces *paces, int64_t now_us)
{
	struct destination *d, *next;
	if (HASH_COUNT(paces->destinations) < paces->sweep_at)
		return;
	HASH_ITER (hh, paces->destinations, d, next) {
		if (d->bucket.full_at_us > now_us)
			continue;
		HASH_DEL(paces->destinations, d);
		free(d);
	}
	paces->sweep_at = 2 * (size_t)HASH_COUNT(paces->destinations) + SWEEP_AT_LEAST;
	new_epoch(paces);
}

static struct place *place_of(const char *host)
{
	size_t n = strlen(host);
	struct place *place = mem_alloc(sizeof(*place) + n + 1);
	memcpy(place->host, host, n + 1);
	return place;
}

struct place *place_new(const struct monitor *m)
{
	char host[NET_HOST_SIZE] = "";
	const char *target = m->target != NULL ? m->target : "";
	bool is_url = m->type == CHECK_HTTP || m->type == CHECK_REDIRECT;
	int port, rc = -1;
	if (is_url)
		rc = http_url_split(target, host, &port);
	else if (m->type == CHECK_TCP)
		rc = net_split_target(target, host, &port);
	else if (m->type == CHECK_TLS || (m->type == CHECK_DNS && m->request.server != NULL))
		monitor_destination(m, host, &port), rc = 0;
	if (rc != 0) /* a ping's, or what the check itself will refuse */
		strncpy(host, target, NET_HOST_SIZE - 1);
	host[NET_HOST_SIZE - 1] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	size_t n = strlen(host);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	return place_of(host);
}

static struct destination *look_up(struct paces *paces, const char *host, int64_t now_us)
{
	struct destination *d;
	size_t n = strlen(host);
	HASH_FIND_STR(paces->destinations, host, d);
	if (d != NULL)
		return d;
	sweep(paces, now_us);
	d = mem_alloc(sizeof(*d) + n + 1);
	memcpy(d->host, host, n);
	HASH_ADD_STR(paces->destinations, host, d);
	return d;
}

struct bucket *paces_find(struct paces *paces, struct place *place, int64_t now_us)
{
	if (place->epoch != paces->epoch || paces->epoch == 0) {
		place->bucket = &look_up(paces, place->host, now_us)->bucket;
		place->epoch = paces->epoch;
	}
	return place->bucket;
}

void paces_clear(struct paces *paces)
{
	struct destination *d, *next;
	HASH_ITER (hh, paces->destinations, d, next) {
		HASH_DEL(paces->destinations, d);
		free(d);
	}
	paces->epoch = 0;
}
