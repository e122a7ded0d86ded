// SPDX-License-Identifier: MIT
/*
 * Laws of the messages, on random ones:
 *   what is encoded decodes to the same values (numbers compared one by one, texts by the second
 * encoding); damaged bytes are refused with a sentence, or decode to a message that keeps the first
 * law. The seed is printed; SEED=n or the first argument repeats a run.
 */
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/messages.h"
#include "proto/monitor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 3000

static uint64_t state;

static uint64_t next(void) /* splitmix64: the same everywhere */
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int64_t below(int64_t limit)
{
	return (int64_t)(next() % (uint64_t)limit);
}

/* Small, large and the limits. */
static int64_t number(int64_t max)
{
	switch (below(4)) {
	case 0:
		return 0;
	case 1:
		return max;
	case 2:
		return below(max < 10 ? max + 1 : 10);
	default:
		return below(max) + 1;
	}
}

#define BIG INT64_C(9007199254740991)

static char *text(int64_t max)
{
	static const char *const bits[] = {
		"a", "0", " ", "\"", "\\", "/", "\n", "\t", "\x01", "é", "日", "😀", "{", "]"};
	char *out = mem_alloc((size_t)max + 8);
	int64_t wanted = below(max) + 1;
	size_t n = 0;
	while ((int64_t)n < wanted) {
		const char *bit = bits[below(ARRAY_LEN(bits))];
		if ((int64_t)(n + strlen(bit)) > max)
			bit = "x";
		strcpy(out + n, bit);
		n += strlen(bit);
	}
	return out;
}

static char *hex32(void)
{
	return mem_printf("%016" PRIx64 "%016" PRIx64, next(), next());
}

static struct id id(void)
{
	struct id out;
	for (size_t i = 0; i < sizeof out.byte; i++)
		out.byte[i] = (uint8_t)next();
	return out;
}

static struct strings texts(int64_t n_max, int64_t max)
{
	struct strings out = {.n = (size_t)below(n_max + 1)};
	out.item = mem_array(out.n + 1, sizeof *out.item);
	for (size_t i = 0; i < out.n; i++)
		out.item[i] = text(max);
	return out;
}

/* ---- one of each */

static void make_hello(struct hello *h)
{
	h->version = below(1000) + 1;
	h->probe = text(128);
	h->token = hex32();
	h->boot = id();
	h->software = text(128);
	h->capabilities = (struct capabilities){.ipv4 = next() & 1,
		.ipv6 = next() & 1,
		.icmp = next() & 1,
		.types = texts(4, 20),
		.allow = texts(4, 40),
		.min_interval_ms = number(86400000)};
}

static void make_result(struct result *r)
{
	schema_defaults(&result_schema, r);
	static const enum reason reasons[] = {[VERDICT_NONE] = REASON_INTERNAL_POLICY,
		[VERDICT_UP] = REASON_OK,
		[VERDICT_WARNING] = REASON_SLOW_RTT,
		[VERDICT_DOWN] = REASON_TCP_REFUSED};
	r->monitor = id();
	r->monitor_revision = number(BIG);
	r->assignment = number(BIG);
	r->round = number(BIG);
	r->sequence = 1 + number(BIG - 1);
	r->started_wall_ms = below(4102444800000);
	r->duration_ms = number(60000);
	r->age_ms = number(86400000);
	r->verdict = (int)below(4);
	r->reason = (int)reasons[r->verdict];
	r->detail = next() & 1 ? text(RESULT_DETAIL_MAX_BYTES) : NULL;
	r->body_excerpt = next() & 1 ? text(BODY_EXCERPT_MAX_BYTES) : NULL;
	r->phases.total_us = number(60000000);
	r->status = next() & 1 ? below(500) + 100 : UNSET;
	r->ping.sent = next() & 1 ? number(100) : UNSET;
}

static void make_report(struct report *r)
{
	r->session = hex32();
	r->sent_wall_ms = number(BIG);
	r->loop_lag_us = number(BIG);
	r->spooled = number(BIG);
	r->dropped = number(BIG);
	r->results.n = (size_t)below(20);
	struct result *results = mem_array(r->results.n + 1, sizeof *results);
	for (size_t i = 0; i < r->results.n; i++)
		make_result(&results[i]);
	r->results.item = results;
}

static void make_orders(struct orders *o)
{
	o->revision = number(BIG);
	o->reset = next() & 1;
	o->complete = next() & 1;
	o->stale_session = next() & 1;
	o->drop = texts(5, 36);
	o->assign.n = (size_t)below(10);
	struct assignment *assign = mem_array(o->assign.n + 1, sizeof *assign);
	for (size_t i = 0; i < o->assign.n; i++) {
		char *name = text(100);
		assign[i] = (struct assignment){
			.monitor = json_pack("{s:s, s:[i, b, n]}", "name", name, "x", 1, 0),
			.assignment = number(BIG),
			.next_in_ms = number(86400000)};
		free(name);
	}
	o->assign.item = assign;
	o->bursts.n = (size_t)below(10);
	struct burst_order *bursts = mem_array(o->bursts.n + 1, sizeof *bursts);
	for (size_t i = 0; i < o->bursts.n; i++)
		bursts[i] = (struct burst_order){.monitor = id(),
			.monitor_revision = number(BIG),
			.first_round = number(BIG - 1) + 1,
			.rounds = below(5) + 1,
			.gap_ms = number(60000)};
	o->bursts.item = bursts;
}

static struct message *make(void)
{
	struct message *m = mem_alloc(sizeof *m);
	m->type = (enum message_type)below(MESSAGE_TYPE_COUNT);
	switch (m->type) {
	case MESSAGE_HELLO:
		make_hello(&m->u.hello);
		break;
	case MESSAGE_WELCOME:
		m->u.welcome = (struct welcome){.session = hex32(),
			.probe_id = id(),
			.heartbeat_ms = below(59001) + 1000,
			.now_wall_ms = number(BIG)};
		break;
	case MESSAGE_REFUSED:
		m->u.refused = (struct refused){.code = text(64), .detail = text(512)};
		break;
	case MESSAGE_REPORT:
		make_report(&m->u.report);
		break;
	case MESSAGE_RECEIPT:
		m->u.receipt = (struct receipt){
			.status = (int)below(4), .detail = text(512), .now_wall_ms = number(BIG)};
		break;
	case MESSAGE_POLL:
		m->u.poll = (struct poll){.session = hex32(), .revision = number(BIG)};
		break;
	case MESSAGE_ORDERS:
		make_orders(&m->u.orders);
		break;
	case MESSAGE_TYPE_COUNT:
		break;
	}
	return m;
}

/* ---- the laws */

static void same_numbers(const struct message *a, const struct message *b)
{
	ensure(a->type == b->type);
	if (a->type == MESSAGE_ORDERS) {
		const struct orders *x = &a->u.orders, *y = &b->u.orders;
		ensure(x->revision == y->revision && x->reset == y->reset &&
			x->complete == y->complete);
		ensure(x->assign.n == y->assign.n && x->bursts.n == y->bursts.n &&
			x->drop.n == y->drop.n);
		const struct burst_order *p = x->bursts.item, *q = y->bursts.item;
		for (size_t i = 0; i < x->bursts.n; i++)
			ensure(p[i].first_round == q[i].first_round && p[i].rounds == q[i].rounds &&
				p[i].gap_ms == q[i].gap_ms &&
				id_equal(&p[i].monitor, &q[i].monitor));
	} else if (a->type == MESSAGE_REPORT) {
		const struct report *x = &a->u.report, *y = &b->u.report;
		ensure(x->dropped == y->dropped && x->spooled == y->spooled &&
			x->results.n == y->results.n);
		const struct result *p = x->results.item, *q = y->results.item;
		for (size_t i = 0; i < x->results.n; i++)
			ensure(p[i].sequence == q[i].sequence && p[i].verdict == q[i].verdict &&
				p[i].age_ms == q[i].age_ms && p[i].status == q[i].status &&
				p[i].started_wall_ms == q[i].started_wall_ms);
	} else if (a->type == MESSAGE_POLL) {
		ensure(a->u.poll.revision == b->u.poll.revision);
	} else if (a->type == MESSAGE_HELLO) {
		ensure(a->u.hello.capabilities.min_interval_ms ==
			b->u.hello.capabilities.min_interval_ms);
		ensure(a->u.hello.capabilities.ipv6 == b->u.hello.capabilities.ipv6);
	}
}

static void round_trip(const struct message *m)
{
	size_t first_bytes, second_bytes;
	char *first = message_encode(m->type, &m->u, &first_bytes);
	if (!first)
		return; /* too large, which is an answer */
	struct problems problems = {0};
	struct message *again = message_decode(first, first_bytes, &problems);
	if (!again) {
		fprintf(stderr, "%s: %s\n%s\n", problems.item[0].path, problems.item[0].message,
			first);
		ensure(again);
	}
	same_numbers(m, again);
	char *second = message_encode(again->type, &again->u, &second_bytes);
	ensure(second && first_bytes == second_bytes && memcmp(first, second, first_bytes) == 0);
	free(second);
	message_free(again);
	free(first);
}

static void damaged(const struct message *m)
{
	size_t size_bytes;
	char *bytes = message_encode(m->type, &m->u, &size_bytes);
	ensure(bytes);
	for (int64_t n = below(4) + 1; n > 0; n--)
		bytes[below((int64_t)size_bytes)] =
			next() & 1 ? (char)next() : "0{}[]\",:-1e9\\"[below(13)];
	if (next() % 8 == 0)
		size_bytes = (size_t)below((int64_t)size_bytes);
	struct problems problems = {0};
	struct message *got = message_decode(bytes, size_bytes, &problems);
	ensure(got || problems.total > 0);
	if (got)
		round_trip(got);
	message_free(got);
	free(bytes);
}

int main(int argc, char **argv)
{
	const char *given = argc > 1 ? argv[1] : getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : rand_below(UINT32_MAX);
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	state = seed;
	for (int i = 0; i < RUNS; i++) {
		struct message *m = make();
		round_trip(m);
		damaged(m);
		message_free(m);
	}
	printf("[  PASSED  ] 2 test(s): %d messages each\n", RUNS);
	return 0;
}
