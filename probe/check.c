// SPDX-License-Identifier: MIT
/* The table of check types, and what every check does at its end. */
#include "probe/check.h"

#include "probe/average.h"
#include "probe/engine.h"
#include "probe/net.h"
#include "probe/resolver.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"
#include "quorate/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct check_type *const check_types[CHECK_KIND_COUNT] = {
	[CHECK_PING] = &check_ping,
	[CHECK_TCP] = &check_tcp,
	[CHECK_HTTP] = &check_http,
	[CHECK_REDIRECT] = &check_redirect,
	[CHECK_DNS] = &check_dns,
	[CHECK_TLS] = &check_tls,
};

const struct check_type *check_type_find(enum check_kind kind)
{
	return (int)kind >= 0 && kind < CHECK_KIND_COUNT ? check_types[kind] : NULL;
}

/* ---- findings */

/* Printable ASCII that needs no cut. Every check says something: eight bytes at a time. */
static bool is_plain(const char *text)
{
	const uint64_t each = 0x0101010101010101;
	size_t n = strlen(text);
	uint64_t eight, outside = 0; /* a byte's top bit: it is below ' ', or above '~' */
	if (n > RESULT_DETAIL_MAX_BYTES)
		return false;
	for (; n >= 8; n -= 8, text += 8) {
		memcpy(&eight, text, 8);
		outside |= (eight - ' ' * each) | (eight + each) | eight;
	}
	for (; n > 0; n--, text++)
		if (*text < ' ' || *text > '~')
			return false;
	return (outside & 0x80 * each) == 0;
}

/* Texts of peers end up in here: valid UTF-8 on one line, cut. */
static PRINTF_LIKE(1, 0) char *detail_text(const char *format, va_list args)
{
	/* a character that is cut in half stands behind the end of what is kept */
	char raw[RESULT_DETAIL_MAX_BYTES + 4];
	const char *text = raw;
	if (strcmp(format, "%s") == 0) /* as most are that were made before */
		text = va_arg(args, const char *);
	else if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		return NULL;
	if (is_plain(text))
		return mem_strdup(text);
	return utf8_replace_controls(utf8_clean(text, strlen(text), RESULT_DETAIL_MAX_BYTES), ' ');
}

void check_cross(struct check *check, enum threshold threshold, enum severity severity,
	enum reason reason, const char *format, ...)
{
	int worst = SEVERITY_NONE;
	if (check->ended)
		return;
	for (int i = 0; i < THRESHOLD_COUNT; i++)
		if (check->result.severity[i] > worst)
			worst = check->result.severity[i];
	if ((int)severity > check->result.severity[threshold])
		check->result.severity[threshold] = (int)severity;
	if ((int)severity <= worst)
		return;
	va_list args;
	va_start(args, format);
	free(check->crossed_detail);
	check->crossed_detail = detail_text(format, args);
	check->crossed_reason = (int)reason;
	va_end(args);
}

void check_judge_time(struct check *check, enum threshold threshold,
	const struct threshold_ms *limits, int64_t took_us, enum reason reason, const char *what)
{
	bool critical = limits->critical_ms != UNSET && took_us >= limits->critical_ms * 1000;
	bool warning = limits->warning_ms != UNSET && took_us >= limits->warning_ms * 1000;
	if (!critical && !warning)
		return;
	check_cross(check, threshold, critical ? SEVERITY_CRITICAL : SEVERITY_WARNING, reason,
		"%s took %lld ms, %s from %lld ms", what, (long long)took_us / 1000,
		critical ? "critical" : "warning",
		(long long)(critical ? limits->critical_ms : limits->warning_ms));
}

void check_judge_days(struct check *check)
{
	const struct certificate *cert = &check->result.certificate;
	const struct threshold_days *t = &check->monitor->expect.certificate_days;
	bool critical = t->critical_days != UNSET && cert->days <= t->critical_days;
	bool warning = t->warning_days != UNSET && cert->days <= t->warning_days;
	if (cert->not_after_wall_ms == UNSET || (!critical && !warning))
		return;
	bool over = cert->days < 0; /* seen without verification only */
	check_cross(check, THRESHOLD_CERTIFICATE, critical ? SEVERITY_CRITICAL : SEVERITY_WARNING,
		REASON_TLS_EXPIRES_SOON, "the certificate %s %lld days%s, %s from %lld days",
		over ? "expired" : "expires in", (long long)(over ? -cert->days : cert->days),
		over ? " ago" : "", critical ? "critical" : "warning",
		(long long)(critical ? t->critical_days : t->warning_days));
}

static struct average *average_of(struct check *check)
{
	struct job *job = check->job;
	if (job->average == NULL) {
		job->average = mem_alloc(sizeof(*job->average));
		average_init(job->average, check->monitor->expect.average_over_ms);
	}
	return job->average;
}

void check_judge_response(struct check *check, int64_t took_us, bool answered, const char *what)
{
	const struct expect *expect = &check->monitor->expect;
	char over[DURATION_TEXT_SIZE], on_average[96];
	int64_t now_ms = clock_now_ms(), n;
	if (expect->average_over_ms <= 0) {
		check_judge_time(check, THRESHOLD_SLOW, &expect->response_time, took_us,
			REASON_SLOW_RESPONSE, what);
		return;
	}
	struct average *average = average_of(check);
	if (answered)
		average_add(average, now_ms, took_us);
	int64_t average_took_us = average_us(average, now_ms, &n);
	if (n == 0)
		return;
	snprintf(on_average, sizeof(on_average), "%s, on average over %s (%lld check%s),", what,
		duration_format(expect->average_over_ms, over), (long long)n, n == 1 ? "" : "s");
	check_judge_time(check, THRESHOLD_SLOW, &expect->response_time, average_took_us,
		REASON_SLOW_RESPONSE, on_average);
}

void check_tell_step(const struct check *check, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = detail_text(format, args);
	va_end(args);
	if (text != NULL)
		engine_tell_step(check, text);
	free(text);
}

void check_trace_lookup(const struct check *check, const char *host)
{
	struct sockaddr_storage literal;
	if (check->traced && !net_parse_literal(host, &literal))
		check_trace(check, "looking up %s", host);
}

static enum verdict verdict_of(const struct check *check, enum reason reason)
{
	switch (reason_class(reason)) {
	case REASON_CLASS_OK:
		return check->crossed_reason != REASON_OK ? VERDICT_WARNING : VERDICT_UP;
	case REASON_CLASS_WARNING:
		return VERDICT_WARNING;
	case REASON_CLASS_DOWN:
		return VERDICT_DOWN;
	case REASON_CLASS_INTERNAL:
		break;
	}
	return VERDICT_NONE;
}

void check_end(struct check *check, enum reason reason, const char *format, ...)
{
	char *detail = NULL;
	if (check->ended)
		return;
	if (format != NULL) {
		va_list args;
		va_start(args, format);
		detail = detail_text(format, args);
		va_end(args);
	} else if (reason != REASON_OK) {
		detail = mem_strdup(reason_text_en(reason));
	}
	check_end_taking(check, reason, detail);
}

void check_end_taking(struct check *check, enum reason reason, char *detail)
{
	struct result *r = &check->result;
	if (check->ended) {
		free(detail);
		return;
	}
	check->ended = true;
	r->verdict = (int)verdict_of(check, reason);
	r->reason = (int)reason;
	r->detail = detail;
	if (reason == REASON_OK && check->crossed_reason != REASON_OK) {
		free(detail);
		r->reason = check->crossed_reason;
		r->detail = check->crossed_detail;
		check->crossed_detail = NULL;
	}
	check_trace(check, "ends: %s, %s%s%s", verdict_names[r->verdict],
		reason_code((enum reason)r->reason), r->detail != NULL ? ": " : "",
		r->detail != NULL ? r->detail : "");
	engine_check_ended(check);
}

int64_t check_left_us(const struct check *check)
{
	int64_t left_us = check->deadline_at_us - clock_now_us();
	return left_us > 0 ? left_us : 0;
}

bool check_wants_family(const struct check *check, int family)
{
	return check->family == FAMILY_AUTO ||
	       (check->family == FAMILY_IPV6) == (family == AF_INET6);
}

bool check_permits(const struct check *check, const struct sockaddr *address)
{
	return check->job->own || policy_permits(engine_policy(check->engine), address);
}

bool check_permits_port(const struct check *check, int port)
{
	return check->job->own || policy_permits_port(engine_policy(check->engine), port);
}

static enum reason refuse_way(
	const struct check_way *way, const char *address, char detail[RESULT_DETAIL_MAX_BYTES])
{
	struct sockaddr_storage literal;
	bool is_literal = net_parse_literal(way->host, &literal);
	if (is_literal && !way->redirect) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "this probe may not contact %s", address);
		return REASON_INTERNAL_POLICY;
	}
	if (is_literal)
		snprintf(detail, RESULT_DETAIL_MAX_BYTES,
			"a redirect leads to %s, which must not be contacted", address);
	else
		snprintf(detail, RESULT_DETAIL_MAX_BYTES,
			"%.150s leads to %s, which must not be contacted", way->host, address);
	return REASON_DNS_FORBIDDEN_ADDRESS;
}

/* What became of each address that was found. */
static void trace_police(const struct check *check, const char *host, const struct addresses *found)
{
	char text[NET_ADDRESS_SIZE];
	for (int i = 0; i < found->n && check->traced; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&found->item[i];
		check_trace(check, "%.150s is %s%s", host, net_format(a, text),
			check_permits(check, a) ? "" : ", refused by the address policy");
	}
}

enum reason check_police(const struct check *check, const struct check_way *way,
	const struct addresses *found, struct addresses *permitted,
	char detail[RESULT_DETAIL_MAX_BYTES])
{
	char text[NET_ADDRESS_SIZE];
	permitted->n = 0;
	if (way->port && !check_permits_port(check, way->port)) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "this probe may not connect to port %d%s",
			way->port, way->redirect ? ", to which a redirect leads" : "");
		return REASON_INTERNAL_POLICY;
	}
	trace_police(check, way->host, found);
	for (int i = 0; i < found->n; i++)
		if (check_permits(check, (const struct sockaddr *)&found->item[i]))
			permitted->item[permitted->n++] = found->item[i];
	if (permitted->n > 0)
		return REASON_OK;
	net_format((const struct sockaddr *)&found->item[0], text);
	return refuse_way(way, text, detail);
}

static void add_us(int64_t *sum, int64_t one)
{
	if (one != UNSET)
		*sum = (*sum != UNSET ? *sum : 0) + one;
}

void phases_add(struct phases *sum, const struct phases *one)
{
	add_us(&sum->resolve_us, one->resolve_us);
	add_us(&sum->connect_us, one->connect_us);
	add_us(&sum->tls_us, one->tls_us);
	add_us(&sum->first_byte_us, one->first_byte_us);
	add_us(&sum->transfer_us, one->transfer_us);
}
