// SPDX-License-Identifier: MIT
/* The rules of a monitor that no single bound can say. Each sentence names what was found and what
 * would be right. */
#include "proto/base/utf8.h"
#include "proto/monitor_internal.h"
#include "quorate/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 80

/* ---- single fields */

int line_check(const void *value, const char **why)
{
	*why = "one line of text without control characters";
	return utf8_has_control(*(char *const *)value) ? -1 : 0;
}

static bool is_region(const char *name)
{
	if (strcmp(name, "*") == 0)
		return true;
	if (*name == '@')
		name++;
	if (*name == '\0' || strlen(name) > NAME_MAX_BYTES)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && strchr("-_.", *name) == NULL)
			return false;
	return true;
}

int regions_check(const void *value, const char **why)
{
	const struct strings *regions = value;

	*why = "a list of different names of regions (letters, digits, - _ .), sets of them "
	       "(@name), or \"*\" for all";
	for (size_t i = 0; i < regions->n; i++) {
		if (!is_region(regions->item[i]))
			return -1;
		for (size_t j = 0; j < i; j++)
			if (strcmp(regions->item[i], regions->item[j]) == 0)
				return -1;
	}
	return regions->n > 0 ? 0 : -1;
}

int headers_check(const void *value, const char **why)
{
	const struct pairs *headers = value;

	for (size_t i = 0; i < headers->n; i++) {
		const struct pair *h = &headers->item[i];

		bool named = token_check(&h->name, why) == 0;
		*why = "header names of letters, digits and - (RFC 9110)";
		if (!named)
			return -1;
		*why = "other headers than Content-Length, Transfer-Encoding and Connection, which "
		       "the check sets itself";
		if (strcasecmp(h->name, "content-length") == 0 ||
			strcasecmp(h->name, "transfer-encoding") == 0 ||
			strcasecmp(h->name, "connection") == 0)
			return -1;
		*why = "header values of one line without control characters";
		if (h->value != NULL && utf8_has_control(h->value))
			return -1;
	}
	return 0;
}

/* ---- thresholds: the warning comes before the critical */

static void refuse_order(struct problems *problems, const char *path, const char *warning,
	const char *critical, const char *must)
{
	problems_add_at(problems, path, "warning",
		"%s is not milder than critical (%s): the warning must be %s", warning, critical,
		must);
}

void thresholds_ms_check(const void *object, const char *path, struct problems *problems)
{
	const struct threshold_ms *t = object;
	char warning[DURATION_TEXT_SIZE], critical[DURATION_TEXT_SIZE];

	if (t->warning_ms != UNSET && t->critical_ms != UNSET && t->warning_ms >= t->critical_ms)
		refuse_order(problems, path, duration_format(t->warning_ms, warning),
			duration_format(t->critical_ms, critical), "shorter");
}

void thresholds_days_check(const void *object, const char *path, struct problems *problems)
{
	const struct threshold_days *t = object;
	char warning[24], critical[24];

	if (t->warning_days == UNSET || t->critical_days == UNSET ||
		t->warning_days > t->critical_days)
		return;
	snprintf(warning, sizeof(warning), "%" PRId64, t->warning_days);
	snprintf(critical, sizeof(critical), "%" PRId64, t->critical_days);
	refuse_order(problems, path, warning, critical, "more days");
}

void thresholds_percent_check(const void *object, const char *path, struct problems *problems)
{
	const struct threshold_percent *t = object;
	char warning[32], critical[32];

	if (t->warning < 0 || t->critical < 0 || t->warning < t->critical)
		return;
	snprintf(warning, sizeof(warning), "%g%%", t->warning);
	snprintf(critical, sizeof(critical), "%g%%", t->critical);
	refuse_order(problems, path, warning, critical, "less");
}

/* ---- the whole monitor */

static void check_target(const struct monitor *m, const char *path, struct problems *problems)
{
	const char *why = target_problem(m->type, m->target);
	char shown[SHOWN_MAX + 8];

	if (why == NULL)
		return;
	snprintf(shown, sizeof(shown), "'%.*s", SHOWN_MAX, m->target);
	utf8_trim(shown);
	for (char *c = shown; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	strcat(shown, "'");
	if (strchr(m->target, '@') != NULL) /* it may be a password: do not repeat it */
		strcpy(shown, "the target");
	problems_add_at(problems, path, "target", "%s %s; accepted: %s", shown, why,
		target_accepts(m->type));
}

/* A threshold that the timeout comes before would never be seen. */
static void check_below_timeout(const struct monitor *m, const struct threshold_ms *t,
	const char *name, const char *path, struct problems *problems)
{
	int64_t worst_ms = t->warning_ms > t->critical_ms ? t->warning_ms : t->critical_ms;
	char worst[DURATION_TEXT_SIZE], timeout[DURATION_TEXT_SIZE];

	if (worst_ms >= m->timeout_ms)
		problems_add_at(problems, path, name,
			"%s is not below the timeout (%s): the check would end before it",
			duration_format(worst_ms, worst), duration_format(m->timeout_ms, timeout));
}

static void check_times(const struct monitor *m, const char *path, struct problems *problems)
{
	char first[DURATION_TEXT_SIZE], second[DURATION_TEXT_SIZE];
	int64_t spread_ms = (m->quorum.rounds - 1) * m->quorum.gap_ms;

	if (m->timeout_ms > m->interval_ms)
		problems_add_at(problems, path, "timeout",
			"%s is longer than the interval (%s); accepted: at most the interval",
			duration_format(m->timeout_ms, first),
			duration_format(m->interval_ms, second));
	if (spread_ms > CONFIRM_MAX_MS)
		problems_add_at(problems, path, "quorum.gap",
			"%" PRId64 " rounds %s apart take %s; accepted: at most 1m from the first "
			"to the last round",
			m->quorum.rounds, duration_format(m->quorum.gap_ms, first),
			duration_format(spread_ms, second));
	check_below_timeout(m, &m->expect.response_time, "expect.response_time", path, problems);
	check_below_timeout(m, &m->expect.rtt, "expect.rtt", path, problems);
	check_below_timeout(m, &m->expect.jitter, "expect.jitter", path, problems);
	check_below_timeout(m, &m->expect.connect_time, "expect.connect_time", path, problems);
}

static void check_packets(const struct monitor *m, const char *path, struct problems *problems)
{
	int64_t takes_ms = (m->request.packets - 1) * m->request.packet_interval_ms;
	char gap[DURATION_TEXT_SIZE], takes[DURATION_TEXT_SIZE], timeout[DURATION_TEXT_SIZE];

	if (m->type == CHECK_PING && takes_ms >= m->timeout_ms)
		problems_add_at(problems, path, "request.packets",
			"%" PRId64 " packets %s apart take %s: they must fit into the timeout (%s)",
			m->request.packets, duration_format(m->request.packet_interval_ms, gap),
			duration_format(takes_ms, takes), duration_format(m->timeout_ms, timeout));
}

static void check_jitter(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct threshold_ms *t = &m->expect.jitter;

	if (m->request.packets == 1 && (t->warning_ms != UNSET || t->critical_ms != UNSET))
		problems_add_at(problems, path, "expect.jitter",
			"is about the difference between packets, and there is one only; accepted "
			"with request.packets from 2");
}

static const char *family_shown(enum address_family family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

/* Family, source and a literal target have to go together. */
static void check_family(const struct monitor *m, const char *path, struct problems *problems)
{
	const char *source = m->request.source;
	enum address_family from = source == NULL ? FAMILY_AUTO : address_family_of(source), to;
	char host[MONITOR_HOST_SIZE];
	int port;

	monitor_destination(m, host, &port);
	to = address_family_of(host);
	if (m->request.family == FAMILY_BOTH && to != FAMILY_AUTO)
		problems_add_at(problems, path, "request.family",
			"'both' needs a name as target: %.60s is an address of one family", host);
	if (from == FAMILY_AUTO)
		return;
	if (m->request.family > FAMILY_AUTO && m->request.family != (int)from)
		problems_add_at(problems, path, "request.source",
			"%s is an %s address, but request.family is '%s'", source,
			family_shown(from), address_family_names[m->request.family]);
	else if (to != FAMILY_AUTO && to != from)
		problems_add_at(problems, path, "request.source",
			"%s is an %s address, but the target %.60s is an %s address", source,
			family_shown(from), host, family_shown(to));
}

static void check_share(const struct monitor *m, const struct share *share, const char *name,
	const char *path, struct problems *problems)
{
	if (share->kind == SHARE_NUMBER && share->value > m->quorum.seats)
		problems_add_at(problems, path, name,
			"%d can never be reached with %" PRId64
			" seats; accepted: at most the seats",
			share->value, m->quorum.seats);
}

static void check_request(const struct monitor *m, const char *path, struct problems *problems)
{
	bool bodyless = m->request.method == METHOD_GET || m->request.method == METHOD_HEAD;

	if (m->type == CHECK_REDIRECT && !bodyless)
		problems_add_at(problems, path, "request.method",
			"'%s' is not for redirects; accepted: GET or HEAD",
			http_method_names[m->request.method]);
	if (m->type == CHECK_HTTP && bodyless &&
		(m->request.body.value != NULL || m->request.body.secret != NULL))
		problems_add_at(problems, path, "request.body",
			"a %s request has no body; accepted with: POST, PUT, DELETE or OPTIONS",
			http_method_names[m->request.method]);
}

bool method_changes(int kind, int method)
{
	return kind == CHECK_HTTP &&
	       (method == METHOD_POST || method == METHOD_PUT || method == METHOD_DELETE);
}

void monitor_check(const void *object, const char *path, struct problems *problems)
{
	const struct monitor *m = object;

	check_target(m, path, problems);
	check_times(m, path, problems);
	check_packets(m, path, problems);
	check_jitter(m, path, problems);
	check_family(m, path, problems);
	check_share(m, &m->quorum.down, "quorum.down", path, problems);
	check_share(m, &m->quorum.up, "quorum.up", path, problems);
	check_request(m, path, problems);
	verdict_check(m, path, problems);
	connection_check(m, path, problems);
	dns_check(m, path, problems);
	http_check(m, path, problems);
	if (m->type == CHECK_REDIRECT && (int64_t)m->expect.hops.n > m->expect.max_hops)
		problems_add_at(problems, path, "expect.hops",
			"%zu hops are more than max_hops (%" PRId64 ")", m->expect.hops.n,
			m->expect.max_hops);
}
