// SPDX-License-Identifier: MIT
/* What of HTTP's options does not go together, or can never be. */
#include "proto/monitor_internal.h"
#include "quorate/duration.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- numbers */

static void refuse_order(struct problems *problems, const char *path,
	const struct threshold_number *t, const char *must)
{
	problems_add_at(problems, path, "warning",
		"%.10g is not milder than critical (%.10g): the warning must be %s", t->warning,
		t->critical, must);
}

/* Comparisons with NAN are false. */
void thresholds_above_check(const void *object, const char *path, struct problems *problems)
{
	const struct threshold_number *t = object;

	if (t->warning >= t->critical)
		refuse_order(problems, path, t, "lower");
}

void thresholds_below_check(const void *object, const char *path, struct problems *problems)
{
	const struct threshold_number *t = object;

	if (t->warning <= t->critical)
		refuse_order(problems, path, t, "higher");
}

static bool has_threshold(const struct threshold_number *t)
{
	return !isnan(t->warning) || !isnan(t->critical);
}

void value_check(const void *object, const char *path, struct problems *problems)
{
	const struct value_rule *v = object;
	const char *source = v->json != NULL ? v->json : v->regex;

	if (v->json != NULL && v->regex != NULL)
		problems_add_at(problems, path, "regex",
			"'json' is given too; accepted: one of both says where the number is");
	if (source == NULL && (has_threshold(&v->above) || has_threshold(&v->below)))
		problems_add_at(problems, path, "json",
			"is missing: where is the number? accepted: a JSON Pointer here, or regex");
}

/* ---- JSON values, headers */

void json_rule_check(const void *object, const char *path, struct problems *problems)
{
	const struct json_rule *r = object;
	bool compares = r->equals != NULL || r->not_equals != NULL || r->matches != NULL ||
			!isnan(r->less) || !isnan(r->greater);

	if (!r->exists && compares)
		problems_add_at(problems, path, "exists",
			"false: what is not there is compared with nothing; accepted: either of "
			"both");
	if (r->greater >= r->less)
		problems_add_at(problems, path, "less",
			"no number is below %.10g and above %.10g (greater)", r->less, r->greater);
}

void header_rule_check(const void *object, const char *path, struct problems *problems)
{
	const struct header_rule *r = object;

	if (r->absent && (r->equals != NULL || r->matches != NULL))
		problems_add_at(problems, path, "absent",
			"true: what is not there has no value; accepted: either of both");
}

/* ---- log-in */

static bool given(const struct credential *c)
{
	return c->value != NULL || c->secret != NULL;
}

void auth_check(const void *object, const char *path, struct problems *problems)
{
	const struct auth *a = object;
	bool token = given(&a->token), named = a->user != NULL, password = given(&a->password);

	if (token && (named || password))
		problems_add_at(problems, path, "token",
			"is for bearer, user and password are for basic and digest; accepted: "
			"either of both");
	else if (a->scheme == AUTH_BEARER && !token)
		problems_add_at(problems, path, "token", "is missing; bearer needs it");
	else if (token && a->scheme != UNSET && a->scheme != AUTH_BEARER)
		problems_add_at(problems, path, "token", "is for bearer, not for %s",
			auth_scheme_names[a->scheme]);
	else if (!named && (password || (a->scheme != UNSET && !token)))
		problems_add_at(problems, path, "user", "is missing; basic and digest need it");
	else if (named && !password)
		problems_add_at(problems, path, "password", "is missing; accepted: {secret: NAME}");
}

/* ---- the whole monitor */

static bool has_header(const struct monitor *m, const char *name)
{
	for (size_t i = 0; i < m->request.headers.n; i++)
		if (strcasecmp(m->request.headers.item[i].name, name) == 0)
			return true;
	return false;
}

static void check_body(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct expect *e = &m->expect;
	const char *name = e->body_contains.n > 0       ? "body_contains"
			   : e->body_not_contains.n > 0 ? "body_not_contains"
			   : e->body_regex.n > 0        ? "body_regex"
			   : e->body_not_regex.n > 0    ? "body_not_regex"
			   : e->json.n > 0              ? "json"
			   : e->value.json != NULL      ? "value.json"
			   : e->value.regex != NULL     ? "value.regex"
							: NULL;
	char at[64];

	if (m->type != CHECK_HTTP || m->request.method != METHOD_HEAD || name == NULL)
		return;
	snprintf(at, sizeof(at), "expect.%s", name);
	problems_add_at(
		problems, path, at, "the answer to a HEAD request has no body; use method GET");
}

/* What is expected of a connection that will never be made. */
static void check_versions(const struct monitor *m, const char *path, struct problems *problems)
{
	bool plain = strncasecmp(m->target, "http://", 7) == 0;
	const struct expect *e = &m->expect;

	if (m->type != CHECK_HTTP || e->follow > 0)
		return;
	if (plain && (e->tls_version.min >= 0 || e->tls_version.max >= 0))
		problems_add_at(problems, path, "expect.tls_version",
			"an http:// target has no TLS; accepted with: https://, or 'follow'");
	if (plain && e->http_version == HTTP_2 && m->request.http_version != HTTP_2)
		problems_add_at(problems, path, "expect.http_version",
			"http:// is asked in version 1.1; accepted with: request.http_version: 2, "
			"or https://");
}

/* Of one check is no average. */
static void check_average(const struct monitor *m, const char *path, struct problems *problems)
{
	char over[DURATION_TEXT_SIZE], least[DURATION_TEXT_SIZE];
	int64_t over_ms = m->expect.average_over_ms;

	if (over_ms > 0 && over_ms < 2 * m->interval_ms)
		problems_add_at(problems, path, "expect.response_time.average_over",
			"%s holds one check only; accepted: two intervals at least (%s)",
			duration_format(over_ms, over), duration_format(2 * m->interval_ms, least));
}

void http_check(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct auth *a = &m->request.auth;

	check_average(m, path, problems);
	if (m->type != CHECK_HTTP && m->type != CHECK_REDIRECT)
		return;
	check_body(m, path, problems);
	check_versions(m, path, problems);
	if ((a->user != NULL || given(&a->token)) && has_header(m, "authorization"))
		problems_add_at(problems, path, "request.auth",
			"there is a header Authorization, too; accepted: one of both");
	if (m->request.proxy != NULL && m->request.connect_to != NULL)
		problems_add_at(problems, path, "request.proxy",
			"the proxy connects, so connect_to has no use; accepted: one of both");
	if (m->request.http_version == HTTP_1_1 && m->expect.http_version == HTTP_2)
		problems_add_at(problems, path, "expect.http_version",
			"2 can never be, since request.http_version is 1.1");
	if (m->type == CHECK_HTTP && m->request.cookies && m->expect.follow <= 0)
		problems_add_at(problems, path, "request.cookies",
			"are kept from hop to hop, and no redirect is followed; accepted with: "
			"expect.follow");
	if (has_header(m, "accept-encoding") && m->request.compression)
		problems_add_at(problems, path, "request.compression",
			"there is a header Accept-Encoding, too; accepted: one of both");
}
