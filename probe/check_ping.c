// SPDX-License-Identifier: MIT
/*
 * ping: N echo requests to one address; loss and round trips with thresholds.
 *
 * The address is the first permitted one of the name for which ICMP works here. Packets go out
 * packet_interval apart, whatever came back. It ends when every packet was answered (by a reply or
 * an ICMP error), or some time after the last one was sent: two seconds, or twice the largest round
 * trip that a threshold speaks of; the deadline at the latest.
 */
#include "probe/check.h"
#include "probe/net.h"
#include "probe/pinger.h"
#include "probe/resolver.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_DEFAULT    5
#define SPACING_DEFAULT_MS 200
#define WAIT_FOR_LAST_MS   2000

struct ping_state {
	struct check *check;
	struct resolver_query *query;
	struct sockaddr_storage to;
	char at[NET_ADDRESS_SIZE];
	struct ping_listener listener;
	struct timer next;
	int64_t packets, spacing_ms;
	int64_t sent, received, refused; /* refused: answered by an ICMP error */
	double sum_us, sum_of_squares_us;
	int64_t min_us, max_us;
	enum reason error; /* of the last ICMP error */
	char error_by[NET_ADDRESS_SIZE];
};

/* ---- judging */

static void keep_facts(struct ping_state *s)
{
	struct ping_facts *f = &s->check->result.ping;
	f->sent = s->sent;
	f->received = s->received;
	if (s->received == 0)
		return;
	double n = (double)s->received, mean = s->sum_us / n;
	double variance = s->sum_of_squares_us / n - mean * mean;
	f->min_us = s->min_us;
	f->max_us = s->max_us;
	f->avg_us = (int64_t)llround(mean);
	f->stddev_us = variance > 0 ? (int64_t)llround(sqrt(variance)) : 0;
}

static void judge_loss(struct ping_state *s)
{
	const struct threshold_percent *t = &s->check->monitor->expect.loss;
	double loss = 100.0 * (double)(s->sent - s->received) / (double)s->sent;
	bool critical = t->critical >= 0 && loss >= t->critical && loss > 0;
	bool warning = t->warning >= 0 && loss >= t->warning && loss > 0;
	if (critical || warning)
		check_cross(s->check, THRESHOLD_LOSS,
			critical ? SEVERITY_CRITICAL : SEVERITY_WARNING, REASON_L3_LOSS,
			"%lld of %lld pings to %s were lost (%.0f%%), %s from %.0f%%",
			(long long)(s->sent - s->received), (long long)s->sent, s->at, loss,
			critical ? "critical" : "warning", critical ? t->critical : t->warning);
}

/* All that there is to say; returns the reason and writes its detail. */
static enum reason conclude(struct ping_state *s, char *detail, size_t room)
{
	const struct ping_facts *f = &s->check->result.ping;
	keep_facts(s);
	if (s->sent == 0) {
		snprintf(detail, room, "no ping could be sent");
		return REASON_INTERNAL_OVERLOAD;
	}
	judge_loss(s);
	if (s->received > 0) {
		check_judge_time(s->check, THRESHOLD_SLOW, &s->check->monitor->expect.rtt,
			f->avg_us, REASON_SLOW_RTT, "the average round trip");
		snprintf(detail, room, "%lld of %lld answered by %s, %lld.%03lld ms on average",
			(long long)s->received, (long long)s->sent, s->at,
			(long long)f->avg_us / 1000, (long long)f->avg_us % 1000);
		return REASON_OK;
	}
	if (s->refused > 0) {
		snprintf(detail, room, "%s: %s, says %s", s->at, reason_text_en(s->error),
			s->error_by);
		return s->error;
	}
	snprintf(detail, room, "none of %lld pings was answered by %s", (long long)s->sent, s->at);
	return REASON_L3_NO_REPLY;
}

static void conclude_and_end(struct ping_state *s)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	enum reason reason = conclude(s, detail, sizeof(detail));
	check_end(s->check, reason, "%s", detail);
}

static void end_if_all_answered(struct ping_state *s)
{
	if (s->sent == s->packets && s->received + s->refused == s->sent)
		conclude_and_end(s);
}

/* ---- answers */

static void on_reply(void *arg, int64_t rtt_us)
{
	struct ping_state *s = arg;
	double us = (double)rtt_us;
	if (s->check->ended)
		return;
	s->min_us = s->received == 0 || rtt_us < s->min_us ? rtt_us : s->min_us;
	s->max_us = s->received == 0 || rtt_us > s->max_us ? rtt_us : s->max_us;
	s->received++;
	check_trace(s->check, "a reply after %lld.%03lld ms", (long long)rtt_us / 1000,
		(long long)rtt_us % 1000);
	s->sum_us += us;
	s->sum_of_squares_us += us * us;
	end_if_all_answered(s);
}

static void on_error(void *arg, enum reason reason, const char *by)
{
	struct ping_state *s = arg;
	if (s->check->ended)
		return;
	s->refused++;
	check_trace(s->check, "%s, says %s", reason_text_en(reason), by);
	s->error = reason;
	snprintf(s->error_by, sizeof(s->error_by), "%s", by);
	end_if_all_answered(s);
}

/* ---- sending */

static int64_t wait_for_last_ms(const struct ping_state *s)
{
	const struct threshold_ms *t = &s->check->monitor->expect.rtt;
	int64_t largest_ms = t->critical_ms > t->warning_ms ? t->critical_ms : t->warning_ms;
	return 2 * largest_ms > WAIT_FOR_LAST_MS ? 2 * largest_ms : WAIT_FOR_LAST_MS;
}

static void send_next(void *arg)
{
	struct ping_state *s = arg;
	struct check *check = s->check;
	if (check->ended)
		return;
	if (s->sent == s->packets) { /* this was the wait for the last one */
		conclude_and_end(s);
		return;
	}
	enum reason reason =
		pinger_send(engine_pinger(check->engine), (struct sockaddr *)&s->to, &s->listener);
	if (reason_class(reason) == REASON_CLASS_INTERNAL) {
		check_end(check, reason, "%s: the ping could not be sent", s->at);
		return;
	}
	s->sent++;
	check_trace(check, "ping %lld to %s is sent", (long long)s->sent, s->at);
	timer_set(&s->next, s->sent < s->packets ? s->spacing_ms : wait_for_last_ms(s));
	if (reason != REASON_OK) /* this machine's routing says what a router would have said */
		on_error(s, reason, "this machine");
}

/* ---- start, stop */

/* Of several, the first that there is a way to; a lone one is tried, and says why not. */
static bool choose_address(struct ping_state *s, const struct addresses *permitted)
{
	const struct sockaddr_storage *chosen = NULL;
	for (int i = 0; i < permitted->n; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&permitted->item[i];
		if (!engine_can_ping(s->check->engine, a->sa_family))
			continue;
		chosen = &permitted->item[i];
		if (net_has_route(a))
			break;
	}
	if (chosen == NULL)
		return false;
	s->to = *chosen;
	mem_set(&s->check->result.address, net_format((struct sockaddr *)&s->to, s->at));
	return true;
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct ping_state *s = arg;
	struct check *check = s->check;
	struct addresses permitted;
	char detail[RESULT_DETAIL_MAX_BYTES];
	s->query = NULL;
	check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
	if (reason != REASON_OK) {
		check_end(check, reason, "%s: %s", check->monitor->target, reason_text_en(reason));
		return;
	}
	struct check_way way = {.host = check->monitor->target};
	reason = check_police(check, &way, found, &permitted, detail);
	if (reason != REASON_OK)
		check_end(check, reason, "%s", detail);
	else if (choose_address(s, &permitted))
		send_next(s);
	else
		check_end(check, REASON_INTERNAL_PERMISSION,
			"this probe may not send pings: net.ipv4.ping_group_range or CAP_NET_RAW");
}

static void ping_start(struct check *check)
{
	struct ping_state *s = check->state;
	const struct request *request = &check->monitor->request;
	s->check = check;
	s->listener = (struct ping_listener){.reply = on_reply, .error = on_error, .arg = s};
	s->packets = request->packets > 0 ? request->packets : PACKETS_DEFAULT;
	s->spacing_ms =
		request->packet_interval_ms > 0 ? request->packet_interval_ms : SPACING_DEFAULT_MS;
	timer_init(&s->next, check->loop, send_next, s);
	check_trace_lookup(check, check->monitor->target);
	s->query = resolver_find(engine_resolver(check->engine), check->monitor->target,
		request->family < 0 ? FAMILY_AUTO : (enum address_family)request->family,
		on_resolved, s);
}

static void ping_stop(struct check *check)
{
	struct ping_state *s = check->state;
	resolver_cancel(s->query);
	pinger_forget(engine_pinger(check->engine), &s->listener);
	timer_clear(&s->next);
}

static enum reason ping_expired(struct check *check)
{
	struct ping_state *s = check->state;
	char detail[RESULT_DETAIL_MAX_BYTES];
	if (s->query != NULL) {
		check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
		return REASON_DNS_TIMEOUT;
	}
	return conclude(s, detail, sizeof(detail));
}

const struct check_type check_ping = {
	.kind = CHECK_PING,
	.state_bytes = sizeof(struct ping_state),
	.start = ping_start,
	.stop = ping_stop,
	.expired = ping_expired,
};
