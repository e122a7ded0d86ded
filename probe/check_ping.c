// SPDX-License-Identifier: MIT
/*
 * ping: N echo requests to one address; loss, round trips and jitter with thresholds.
 *
 * Jitter is the mean difference, without sign, between the round trips of neighbouring packets that
 * were both answered: the mean of |IPDV| of RFC 3393 with the round trip as delay. (RFC 3550's is a
 * running estimate of the same, which never settles within the few packets of a check.)
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
#include "proto/base/text.h"
#include "proto/monitor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_DEFAULT    5
#define SPACING_DEFAULT_MS 200
#define SIZE_DEFAULT       56 /* as ping(8) */
#define UNANSWERED         (-1)
#define WAIT_FOR_LAST_MS   2000

struct ping_state {
	struct check *check;
	struct resolver_query *query;
	union net_address to, source; /* to: of a name */
	struct ping_packet packet;
	const char *at; /* packet.to as text: the result's */
	struct ping_listener listener;
	int64_t packets, spacing_ms;
	int64_t sent, received, refused; /* refused: answered by an ICMP error */
	double sum_us, sum_of_squares_us;
	int64_t min_us, max_us;
	int64_t *rtt_us;   /* of each packet; NULL: there is one only */
	enum reason error; /* of the last error */
	int64_t error_mtu;
	union net_address error_by; /* AF_UNSPEC: this machine */
};

/* ---- judging */

static int64_t jitter_us(const struct ping_state *s)
{
	int64_t sum_us = 0, n = 0;
	for (int64_t i = 1; s->rtt_us != NULL && i < s->sent; i++) {
		int64_t before_us = s->rtt_us[i - 1], us = s->rtt_us[i];
		if (us == UNANSWERED || before_us == UNANSWERED)
			continue;
		sum_us += us > before_us ? us - before_us : before_us - us;
		n++;
	}
	return n > 0 ? (sum_us + n / 2) / n : UNSET;
}

static void keep_facts(struct ping_state *s)
{
	struct ping_facts *f = &s->check->result.ping;
	f->sent = s->sent;
	f->received = s->received;
	f->jitter_us = jitter_us(s);
	f->duplicates = s->listener.duplicates > 0 ? s->listener.duplicates : UNSET;
	f->strays = s->listener.strays > 0 ? s->listener.strays : UNSET;
	if (s->received == 0)
		return;
	f->min_us = s->min_us;
	f->max_us = s->max_us;
	f->avg_us = s->min_us;
	f->stddev_us = 0;
	if (s->min_us == s->max_us)
		return;
	double n = (double)s->received, mean = s->sum_us / n;
	double variance = s->sum_of_squares_us / n - mean * mean;
	f->avg_us = (int64_t)llround(mean);
	f->stddev_us = variance > 0 ? (int64_t)llround(sqrt(variance)) : 0;
}

static void judge_loss(struct ping_state *s)
{
	const struct threshold_percent *t = &s->check->monitor->expect.loss;
	if (s->received == s->sent)
		return;
	double loss = 100.0 * (double)(s->sent - s->received) / (double)s->sent;
	bool critical = t->critical >= 0 && loss >= t->critical;
	bool warning = t->warning >= 0 && loss >= t->warning;
	if (critical || warning)
		check_cross(s->check, THRESHOLD_LOSS,
			critical ? SEVERITY_CRITICAL : SEVERITY_WARNING, REASON_L3_LOSS,
			"%lld of %lld pings to %s were lost (%.0f%%), %s from %.0f%%",
			(long long)(s->sent - s->received), (long long)s->sent, s->at, loss,
			critical ? "critical" : "warning", critical ? t->critical : t->warning);
}

static void judge_jitter(struct ping_state *s, const struct threshold_ms *t, int64_t us)
{
	bool critical = t->critical_ms != UNSET && us >= t->critical_ms * 1000;
	if (!critical && (t->warning_ms == UNSET || us < t->warning_ms * 1000))
		return;
	check_cross(s->check, THRESHOLD_SLOW, critical ? SEVERITY_CRITICAL : SEVERITY_WARNING,
		REASON_SLOW_JITTER,
		"round trips to %s differ by %lld.%03lld ms on average, %s from %lld ms", s->at,
		(long long)us / 1000, (long long)us % 1000, critical ? "critical" : "warning",
		(long long)(critical ? t->critical_ms : t->warning_ms));
}

static void judge_times(struct ping_state *s)
{
	const struct ping_facts *f = &s->check->result.ping;
	const struct expect *expect = &s->check->monitor->expect;
	check_judge_time(s->check, THRESHOLD_SLOW, &expect->rtt, f->avg_us, REASON_SLOW_RTT,
		"the average round trip");
	if (f->jitter_us != UNSET)
		judge_jitter(s, &expect->jitter, f->jitter_us);
}

/* Answers that this machine has thrown away are not lost on the way. */
static bool lost_here(struct ping_state *s)
{
	return s->received + s->refused < s->sent &&
	       pinger_overflowed(engine_pinger(s->check->engine), s->packet.to->sa_family,
		       s->check->started_at_us);
}

/* Who told the last error. OUT has room for NET_ADDRESS_SIZE. */
static const char *teller(const struct ping_state *s, char *out)
{
	if (s->error_by.any.sa_family == AF_UNSPEC)
		return "this machine"; /* its routing says what a router would have said */
	return net_format(&s->error_by.any, out);
}

/* What a router, or this machine, said about the last packet that it refused. */
static char *describe_error(const struct ping_state *s)
{
	char by[NET_ADDRESS_SIZE];
	if (s->error != REASON_L3_FRAGMENTATION_NEEDED || s->error_mtu == 0)
		return mem_printf(
			"%s: %s, says %s", s->at, reason_text_en(s->error), teller(s, by));
	int headers = s->packet.to->sa_family == AF_INET6 ? 48 : 28;
	return mem_printf(
		"%s: a packet of %d bytes (%d of payload) must be fragmented to fit into %lld, "
		"says %s",
		s->at, s->packet.size + headers, s->packet.size, (long long)s->error_mtu,
		teller(s, by));
}

/* "5 of 5 answered by 192.0.2.1, 1.234 ms on average"; every check says it, so without printf. */
static char *describe_success(const struct ping_state *s)
{
	char text[RESULT_DETAIL_MAX_BYTES], *end;
	end = stpcpy(text_put_number(text, s->received), " of ");
	end = stpcpy(text_put_number(end, s->sent), " answered by ");
	end = stpcpy(stpcpy(end, s->at), ", ");
	end = stpcpy(text_put_ms(end, s->check->result.ping.avg_us), " ms on average");
	return mem_copy(text, (size_t)(end - text));
}

/* All that there is to say; returns the reason. DETAIL: in plain words, owned by the caller. */
static enum reason conclude(struct ping_state *s, char **detail)
{
	keep_facts(s);
	if (s->sent == 0) {
		*detail = mem_strdup("no ping could be sent");
		return REASON_INTERNAL_OVERLOAD;
	}
	if (lost_here(s)) {
		*detail = mem_printf("%lld of %lld answered by %s: others were dropped unread by "
				     "this machine",
			(long long)s->received, (long long)s->sent, s->at);
		return REASON_INTERNAL_OVERLOAD;
	}
	judge_loss(s);
	if (s->received > 0) {
		judge_times(s);
		*detail = describe_success(s);
		return REASON_OK;
	}
	if (s->refused > 0) {
		*detail = describe_error(s);
		return s->error;
	}
	*detail = mem_printf("none of %lld pings was answered by %s", (long long)s->sent, s->at);
	return REASON_L3_NO_REPLY;
}

static void conclude_and_end(struct ping_state *s)
{
	char *detail;
	enum reason reason = conclude(s, &detail);
	check_end_taking(s->check, reason, detail);
}

/* The last answer came at AT_US; 0: right now. */
static void end_if_all_answered(struct ping_state *s, int64_t at_us)
{
	if (s->sent < s->packets || s->received + s->refused < s->sent)
		return;
	s->check->ended_at_us = at_us;
	conclude_and_end(s);
}

/* ---- answers */

static void on_reply(void *arg, int index, int64_t rtt_us, int64_t read_at_us)
{
	struct ping_state *s = arg;
	double us = (double)rtt_us;
	if (s->check->ended)
		return;
	s->min_us = s->received == 0 || rtt_us < s->min_us ? rtt_us : s->min_us;
	s->max_us = s->received == 0 || rtt_us > s->max_us ? rtt_us : s->max_us;
	s->received++;
	if (s->rtt_us != NULL)
		s->rtt_us[index] = rtt_us;
	check_trace(s->check, "a reply after %lld.%03lld ms", (long long)rtt_us / 1000,
		(long long)rtt_us % 1000);
	s->sum_us += us;
	s->sum_of_squares_us += us * us;
	end_if_all_answered(s, read_at_us);
}

/* What lies at this machine ends the check: the other packets would fare no better. */
static void not_sent(struct ping_state *s, enum reason reason)
{
	if (reason == REASON_INTERNAL_SOURCE)
		check_end(s->check, reason, "this probe has no address %s",
			s->check->monitor->request.source);
	else
		check_end(s->check, reason, "%s: the ping could not be sent: %s", s->at,
			reason_text_en(reason));
}

static void on_error(void *arg, int index UNUSED, const struct ping_error *error)
{
	struct ping_state *s = arg;
	if (s->check->ended)
		return;
	char by[NET_ADDRESS_SIZE];
	bool foreign_source =
		error->by == NULL && s->packet.source != NULL && !net_is_own(s->packet.source);
	if (foreign_source || reason_class(error->reason) == REASON_CLASS_INTERNAL) {
		not_sent(s, foreign_source ? REASON_INTERNAL_SOURCE : error->reason);
		return;
	}
	s->error_by = (union net_address){.any.sa_family = AF_UNSPEC};
	if (error->by != NULL)
		memcpy(&s->error_by, error->by, net_length(error->by));
	s->refused++;
	s->error = error->reason;
	s->error_mtu = error->mtu;
	check_trace(s->check, "%s, says %s", reason_text_en(s->error), teller(s, by));
	end_if_all_answered(s, 0);
}

/* ---- sending */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t wait_for_last_ms(const struct ping_state *s)
{
	const struct threshold_ms *t = &s->check->monitor->expect.rtt;
	int64_t largest_ms = larger(t->critical_ms, t->warning_ms);
	return 2 * largest_ms > WAIT_FOR_LAST_MS ? 2 * largest_ms : WAIT_FOR_LAST_MS;
}

static void send_at(struct ping_state *s, int64_t now_us)
{
	struct check *check = s->check;
	if (check->ended)
		return;
	if (s->sent == s->packets) { /* this was the wait for the last one */
		conclude_and_end(s);
		return;
	}
	s->packet.index = (int)s->sent++; /* before: an error may come from within */
	if (s->rtt_us != NULL)
		s->rtt_us[s->packet.index] = UNANSWERED;
	check_wake_at(check,
		now_us + 1000 * (s->sent < s->packets ? s->spacing_ms : wait_for_last_ms(s)));
	check_trace(check, "ping %lld to %s is sent", (long long)s->sent, s->at);
	enum reason reason = pinger_send(engine_pinger(check->engine), &s->packet, &s->listener);
	if (reason != REASON_OK)
		not_sent(s, reason);
}

static void ping_wake(struct check *check)
{
	send_at(check->state, clock_now_us());
}

/* ---- start, stop */

/* TO stays for as long as the check; AT is its text. Taken. */
static void choose(struct ping_state *s, const struct sockaddr *to, char *at)
{
	s->packet.to = to;
	s->at = s->check->result.address = at;
}

/* Of several, the first that there is a way to; a lone one is tried, and says why not. */
static bool choose_address(struct ping_state *s, const struct addresses *permitted)
{
	const struct sockaddr *chosen = NULL;
	char text[NET_ADDRESS_SIZE];
	for (int i = 0; i < permitted->n; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&permitted->item[i];
		if (!engine_can_ping(s->check->engine, a->sa_family))
			continue;
		chosen = a;
		if (permitted->n == 1 || net_has_route(a))
			break;
	}
	if (chosen == NULL)
		return false;
	memcpy(&s->to, chosen, net_length(chosen));
	choose(s, &s->to.any, mem_strdup(net_format(&s->to.any, text)));
	return true;
}

static void found_addresses(struct ping_state *s, enum reason reason, const struct addresses *found)
{
	struct check *check = s->check;
	struct addresses permitted;
	char detail[RESULT_DETAIL_MAX_BYTES];
	if (reason != REASON_OK) {
		check_end(check, reason, "%s: %s", check->monitor->target, reason_text_en(reason));
		return;
	}
	struct check_way way = {.host = check->monitor->target};
	reason = check_police(check, &way, found, &permitted, detail);
	if (reason != REASON_OK)
		check_end(check, reason, "%s", detail);
	else if (choose_address(s, &permitted))
		send_at(s, check->started_at_us + check->result.phases.resolve_us);
	else
		check_end(check, REASON_INTERNAL_PERMISSION,
			"this probe may not send pings: net.ipv4.ping_group_range or CAP_NET_RAW");
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct ping_state *s = arg;
	s->query = NULL;
	s->check->result.phases.resolve_us = clock_now_us() - s->check->started_at_us;
	found_addresses(s, reason, found);
}

/* An address that stands in the monitor, the long way: who wants to see the steps does, and why it may
 * not be pinged is said. */
static void explain_literal(struct ping_state *s, const struct sockaddr *to)
{
	struct addresses found;
	bool fits = check_wants_family(s->check, to->sa_family);
	found.n = 1;
	memset(&found.item[0], 0, sizeof(found.item[0]));
	memcpy(&found.item[0], to, net_length(to));
	found_addresses(s, fits ? REASON_OK : REASON_DNS_NO_ADDRESS, &found);
}

/* It needs no looking up. */
static void take_literal(struct ping_state *s, const struct net_literal *literal)
{
	struct check *check = s->check;
	const struct sockaddr *to = &literal->address.any;
	check->result.phases.resolve_us = 0;
	if (check->traced || !check_wants_family(check, to->sa_family) ||
		!check_permits(check, to) || !engine_can_ping(check->engine, to->sa_family)) {
		explain_literal(s, to);
		return;
	}
	choose(s, to, mem_copy(literal->text, literal->bytes));
	send_at(s, check->started_at_us);
}

static void take_source(struct ping_state *s, const char *text)
{
	struct sockaddr_storage found;
	if (!net_parse_literal(text, &found))
		return;
	memcpy(&s->source, &found, sizeof(s->source));
	s->packet.source = &s->source.any;
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
	s->packet.size = (int)(request->size > 0 ? request->size : SIZE_DEFAULT);
	s->packet.ttl = request->ttl > 0 ? (int)request->ttl : 0;
	s->packet.df = request->df;
	if (request->source != NULL)
		take_source(s, request->source);
	if (s->packets > 1)
		s->rtt_us = mem_array((size_t)s->packets, sizeof(*s->rtt_us));
	if (check->job->literal != NULL) {
		take_literal(s, check->job->literal);
		return;
	}
	check_trace_lookup(check, check->monitor->target);
	s->query = resolver_find(engine_resolver(check->engine), check->monitor->target,
		check->family, on_resolved, s);
}

static void ping_stop(struct check *check)
{
	struct ping_state *s = check->state;
	if (s->query != NULL)
		resolver_cancel(s->query);
	pinger_forget(engine_pinger(check->engine), &s->listener);
	free(s->rtt_us);
}

static enum reason ping_expired(struct check *check)
{
	struct ping_state *s = check->state;
	char *detail;
	if (s->query != NULL) {
		check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
		return REASON_DNS_TIMEOUT;
	}
	enum reason reason = conclude(s, &detail);
	free(detail);
	return reason;
}

const struct check_type check_ping = {
	.kind = CHECK_PING,
	.state_bytes = sizeof(struct ping_state),
	.start = ping_start,
	.stop = ping_stop,
	.expired = ping_expired,
	.wake = ping_wake,
};
