// SPDX-License-Identifier: MIT
/*
 * Law: decode(encode(x)) == x for monitors and results, on the wire and (monitors) in people's
 * form. The structs are filled at random by the very tables of their fields, so that a new field is
 * tested from its first day; equality is judged on the structs, not on their encodings. Usage:
 * monitor_prop [SEED]
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/pattern.h"
#include "proto/base/mem.h"
#include "proto/base/schema_internal.h"
#include "proto/fence.h"
#include "proto/monitor_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 1000

static uint64_t state_of_luck;

static uint64_t luck(uint64_t below)
{
	state_of_luck = state_of_luck * 6364136223846793005u + 1442695040888963407u;
	return (state_of_luck >> 33) % below;
}

static int64_t luck_between(int64_t low, int64_t high)
{
	switch (luck(6)) { /* the ends most of all */
	case 0:
		return low;
	case 1:
		return high;
	default:
		return low + (int64_t)(((uint64_t)luck(1u << 31) << 31 | luck(1u << 31)) %
				       (uint64_t)(high - low + 1));
	}
}

static char *luck_text(const char *alphabet, size_t min, size_t max)
{
	size_t n = min + (size_t)luck((max > min + 40 && luck(50) != 0 ? 40 : max - min) + 1);
	char *text = mem_array(n + 1, 1);

	for (size_t i = 0; i < n; i++)
		text[i] = alphabet[luck(strlen(alphabet))];
	return text;
}

#define NAME_LETTERS "abcxyzABCXYZ0189-_."
#define ALL_LETTERS  "abc XYZ 0189 \"\\/{}[]:,'%&=?"

/* ---- a random struct, by its table */

static void fill_object(const struct schema *schema, struct scope scope, void *out);

static void fill_custom(const struct field *f, void *out)
{
	struct share *share = out;
	struct status_set *set = out;

	if (f->custom == &status_custom) {
		for (int i = (int)luck(4); i > 0; i--) {
			int first = (int)luck_between(STATUS_MIN, STATUS_MAX),
			    last = first + (int)luck(150);

			for (int s = first; s <= last && s <= STATUS_MAX; s++)
				set->bit[(s - STATUS_MIN) / 64] |= UINT64_C(1)
								   << (s - STATUS_MIN) % 64;
		}
	} else if (f->custom == &down_custom || f->custom == &up_custom) {
		share->kind = (enum share_kind)luck_between(
			f->custom == &down_custom ? SHARE_MAJORITY : SHARE_AUTO, SHARE_PERCENT);
		share->value = share->kind == SHARE_PERCENT ? (int)luck_between(1, 100) : 0;
		share->value = share->kind == SHARE_NUMBER ? 1 : share->value;
	} else if (f->custom == &follow_custom) {
		*(int64_t *)out = luck_between(0, HOPS_MAX);
	} else if (f->custom == &severity_custom) {
		for (int t = 0; t < THRESHOLD_COUNT; t++)
			((int *)out)[t] = (int)luck_between(SEVERITY_NONE, SEVERITY_CRITICAL);
	} else if (f->custom == &number_custom) {
		*(double *)out = (double)luck_between(-1000000, 1000000) / (double)(1 + luck(7));
	} else if (f->custom == &scalar_custom) {
		static const char *const scalars[] = {
			"\"\"", "\"a b\\n\\u0001\"", "0", "-12.5", "true", "false"};
		*(char **)out = mem_strdup(scalars[luck(ARRAY_LEN(scalars))]);
	} else if (f->custom == &reason_custom) {
		*(int *)out = (int)luck(REASON_COUNT);
	} else {
		fail_msg("no filler for %s", f->name);
	}
}

static void fill_strings(struct strings *out, size_t max)
{
	out->n = 1 + (size_t)luck(max < 4 ? max : 4);
	out->item = mem_array(out->n, sizeof(*out->item));
	for (size_t i = 0; i < out->n; i++) {
		char *tail = luck_text(NAME_LETTERS, 0, 20);

		out->item[i] =
			mem_printf("%s%zu%s", luck(2) ? "@" : "", i, tail); /* all different */
		free(tail);
	}
}

static void fill_hosts(struct strings *out)
{
	static const char *const words[] = {"allow", "forbid", "a.example.com", "*.example.net"};
	size_t first = (size_t)luck(ARRAY_LEN(words));

	out->n = first == 2 ? 2 : 1;
	out->item = mem_array(out->n, sizeof(*out->item));
	for (size_t i = 0; i < out->n; i++)
		out->item[i] = mem_strdup(words[first + i]);
}

static void fill_pairs(struct pairs *out)
{
	out->n = (size_t)luck(5);
	out->item = out->n == 0 ? NULL : mem_array(out->n, sizeof(*out->item));
	for (size_t i = 0; i < out->n; i++) {
		out->item[i].name = mem_printf("n%zu-%d", i, (int)luck(100));
		out->item[i].value = luck_text(ALL_LETTERS, 0, 200);
	}
}

/* Some of the values are names of secrets instead. */
static void fill_secrets(struct pairs *out)
{
	for (size_t i = 0; i < out->n; i++) {
		if (luck(2) == 0)
			continue;
		mem_set(&out->item[i].value, NULL);
		out->item[i].secret = mem_printf("acme/s%d", (int)luck(100));
	}
}

static void fill_list(const struct field *f, const struct scope *scope, struct list *out)
{
	out->n = (size_t)luck(field_max(f) < 6 ? field_max(f) : 6);
	out->item = out->n == 0 ? NULL : mem_array(out->n, f->sub->size_bytes);
	for (size_t i = 0; i < out->n; i++)
		fill_object(f->sub, *scope, (char *)out->item + i * f->sub->size_bytes);
}

static void fill_enum(const struct field *f, int *out)
{
	int n = 0;

	while (f->names[n] != NULL)
		n++;
	*out = (int)luck((uint64_t)n);
}

static void fill_string(const struct field *f, char **out)
{
	if (f->check == url_check)
		*out = mem_printf("https://x%d.example.com/?a=%d", (int)luck(100), (int)luck(100));
	else if (f->check == host_check)
		*out = mem_printf("x%d.example.com", (int)luck(100));
	else if (f->check == fingerprint_check)
		*out = mem_printf("%064x", (unsigned)luck(1000));
	else if (f->check == pattern_check)
		*out = luck_text(NAME_LETTERS, 1, 100);
	else if (f->check == organization_check)
		*out = mem_printf("acme-%d", (int)luck(100));
	else if (f->check == connect_to_check)
		*out = mem_printf("[2001:db8::%d]:8443", (int)luck(100));
	else if (f->check == pointer_check)
		*out = mem_printf("/a%d/~0~1", (int)luck(100));
	else if (f->check != NULL) /* a line, a pattern, a token … */
		*out = luck_text("abcxyz09", f->min > 0 ? (size_t)f->min : 1, field_max(f));
	else
		*out = luck_text(ALL_LETTERS, (size_t)f->min, field_max(f));
}

static void fill_credential(const struct field *f, struct credential *out)
{
	if (luck(2) == 0)
		out->secret = mem_printf("S_%d.x-y", (int)luck(100));
	else
		fill_string(f, &out->value);
}

static void fill_field(const struct field *f, const struct scope *scope, void *out)
{
	struct id *id = out;

	field_unset(f, out);
	if (!field_exists(f, scope))
		return;
	if (f->fallback == NULL && (f->flags & FIELD_REQUIRED) == 0 && luck(3) == 0 &&
		f->type != FIELD_OBJECT)
		return;
	switch (f->type) {
	case FIELD_BOOL:
		*(bool *)out = luck(2) != 0;
		return;
	case FIELD_INT:
	case FIELD_DURATION:
		*(int64_t *)out = luck_between(f->min, f->max);
		return;
	case FIELD_TIME:
		*(int64_t *)out = luck_between(0, INT64_C(253402300799999));
		return;
	case FIELD_NUMBER:
		*(double *)out = (double)luck_between(f->min, f->max) / 7;
		return;
	case FIELD_PERCENT:
		*(double *)out = (double)luck_between(0, 700) / 7;
		return;
	case FIELD_STRING:
		fill_string(f, out);
		return;
	case FIELD_ENUM:
		fill_enum(f, out);
		return;
	case FIELD_ID:
		for (int i = 0; i < 16; i++)
			id->byte[i] = (uint8_t)(luck(255) + 1);
		return;
	case FIELD_STRINGS:
		if (f->check == foreign_hosts_check)
			fill_hosts(out);
		else
			fill_strings(out, field_max(f));
		return;
	case FIELD_PAIRS:
		fill_pairs(out);
		return;
	case FIELD_CREDENTIAL:
		fill_credential(f, out);
		return;
	case FIELD_CREDENTIALS:
		fill_pairs(out);
		fill_secrets(out);
		return;
	case FIELD_LIST:
		fill_list(f, scope, out);
		return;
	case FIELD_OBJECT:
		fill_object(f->sub, *scope, out);
		return;
	case FIELD_CUSTOM:
		fill_custom(f, out);
		return;
	}
}

static void fill_object(const struct schema *schema, struct scope scope, void *out)
{
	const struct field *selector =
		schema->selector == NULL ? NULL : field_find(schema, schema->selector);

	if (selector != NULL) {
		fill_enum(selector, field_at(selector, out));
		scope.mask = 1u << *(int *)field_at(selector, out);
	}
	for (size_t i = 0; i < schema->n_fields; i++)
		if (&schema->fields[i] != selector)
			fill_field(&schema->fields[i], &scope, field_at(&schema->fields[i], out));
}

static void random_object(const struct schema *schema, void *out)
{
	const struct scope all = {.mask = UINT32_MAX};

	memset(out, 0, schema->size_bytes);
	fill_object(schema, all, out);
}

/* ---- equality, by the table */

static bool same_object(const struct schema *schema, const void *a, const void *b);

static bool same_texts(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_texts(a->item[i].name, b->item[i].name) &&
		       same_texts(a->item[i].value, b->item[i].value) &&
		       same_texts(a->item[i].secret, b->item[i].secret);
	return same;
}

static bool same_strings(const struct strings *a, const struct strings *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_texts(a->item[i], b->item[i]);
	return same;
}

static bool same_list(const struct schema *sub, const struct list *a, const struct list *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_object(sub, (char *)a->item + i * sub->size_bytes,
			(char *)b->item + i * sub->size_bytes);
	return same;
}

static size_t custom_size(const struct field_custom *custom)
{
	if (custom == &status_custom)
		return sizeof(struct status_set);
	if (custom == &severity_custom)
		return THRESHOLD_COUNT * sizeof(int);
	if (custom == &reason_custom)
		return sizeof(int);
	return custom == &follow_custom ? sizeof(int64_t) : sizeof(struct share);
}

static bool same_custom(const struct field_custom *custom, const void *a, const void *b)
{
	if (custom == &scalar_custom)
		return same_texts(*(char *const *)a, *(char *const *)b);
	if (custom == &number_custom)
		return *(const double *)a == *(const double *)b ||
		       (isnan(*(const double *)a) && isnan(*(const double *)b));
	return memcmp(a, b, custom_size(custom)) == 0;
}

static bool same_field(const struct field *f, const void *a, const void *b)
{
	switch (f->type) {
	case FIELD_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case FIELD_INT:
	case FIELD_DURATION:
	case FIELD_TIME:
		return *(const int64_t *)a == *(const int64_t *)b;
	case FIELD_NUMBER:
	case FIELD_PERCENT:
		return *(const double *)a == *(const double *)b;
	case FIELD_STRING:
		return same_texts(*(char *const *)a, *(char *const *)b);
	case FIELD_ENUM:
		return *(const int *)a == *(const int *)b;
	case FIELD_ID:
		return id_equal(a, b);
	case FIELD_STRINGS:
		return same_strings(a, b);
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		return same_pairs(a, b);
	case FIELD_CREDENTIAL:
		return same_texts(((const struct credential *)a)->value,
			       ((const struct credential *)b)->value) &&
		       same_texts(((const struct credential *)a)->secret,
			       ((const struct credential *)b)->secret);
	case FIELD_LIST:
		return same_list(f->sub, a, b);
	case FIELD_OBJECT:
		return same_object(f->sub, a, b);
	case FIELD_CUSTOM:
		return same_custom(f->custom, a, b);
	}
	return false;
}

static bool same_object(const struct schema *schema, const void *a, const void *b)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];

		if (!same_field(f, field_in(f, a), field_in(f, b))) {
			print_error("%s.%s differs\n", schema->name, f->name);
			return false;
		}
	}
	return true;
}

/* ---- the laws */

static void print_problems(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		print_error("%s: %s\n", p->item[i].path, p->item[i].message);
}

static void order(int64_t *low, int64_t *high)
{
	int64_t swap = *low;

	if (*low != UNSET && *high != UNSET && *low > *high) {
		*low = *high;
		*high = swap;
	}
	if (*low != UNSET && *low == *high)
		*high = UNSET;
}

static const char *host_of(const struct monitor *m)
{
	static char host[MONITOR_HOST_SIZE];
	int port;

	monitor_destination(m, host, &port);
	return host;
}

/* A step does one thing; TLS begins once, and what is said of it needs it. */
static void obey_dialogue(struct list *dialogue, bool *tls)
{
	struct dialogue_step *steps = dialogue->item;

	for (size_t i = 0; i < dialogue->n; i++) {
		int what = (int)luck(3);

		steps[i].starttls = steps[i].starttls && !*tls;
		*tls = *tls || steps[i].starttls;
		if (steps[i].starttls || what != 0)
			mem_set(&steps[i].expect, NULL);
		if (steps[i].starttls || what != 1)
			mem_set(&steps[i].expect_regex, NULL);
		if (steps[i].starttls || what != 2) {
			mem_set(&steps[i].send.value, NULL);
			mem_set(&steps[i].send.secret, NULL);
		}
		if (!steps[i].starttls && what == 0)
			mem_set(&steps[i].expect, "x");
		if (!steps[i].starttls && what == 1)
			mem_set(&steps[i].expect_regex, "^220 ");
		if (!steps[i].starttls && what == 2 && steps[i].send.secret == NULL)
			mem_set(&steps[i].send.value, "QUIT\r\n");
	}
}

static void forget_tls(struct monitor *m)
{
	mem_set(&m->request.server_name, NULL);
	for (size_t i = 0; i < m->request.alpn.n; i++)
		free(m->request.alpn.item[i]);
	free(m->request.alpn.item);
	m->request.alpn = (struct strings){NULL, 0};
	m->expect.certificate_days =
		(struct threshold_days){.warning_days = UNSET, .critical_days = UNSET};
	m->expect.tls_version = (struct tls_versions){UNSET, UNSET};
	mem_set(&m->expect.issuer, NULL);
	mem_set(&m->expect.fingerprint, NULL);
}

static void obey_connection(struct monitor *m)
{
	bool tls;

	if (m->expect.tls_version.min > m->expect.tls_version.max)
		m->expect.tls_version.max = UNSET;
	if (m->type != CHECK_TCP)
		return;
	if (m->request.tls)
		m->request.starttls = UNSET;
	tls = m->request.tls || m->request.starttls >= 0;
	obey_dialogue(&m->request.dialogue, &tls);
	if (!tls)
		forget_tls(m);
	if (tls || m->request.dialogue.n > 0)
		m->expect.port = PORT_OPEN;
}

static void obey_dns(struct monitor *m)
{
	struct expect *e = &m->expect;

	mem_set(&m->target, "_dmarc.example.com.");
	mem_set(&m->request.server, luck(2) ? "[2001:db8::53]:5353" : NULL);
	for (size_t i = 0; i < e->rcode.n; i++)
		mem_set(&e->rcode.item[i], i == 0 ? "NOERROR" : luck(2) ? "NXDOMAIN" : "NODATA");
	m->request.record = RECORD_TXT; /* takes any answer */
	order(&e->ttl.min_ms, &e->ttl.max_ms);
}

static void calm_down(int *counts_as, bool has_critical)
{
	if (*counts_as == COUNTS_AS_DOWN && !has_critical)
		*counts_as = COUNTS_AS_DEGRADED;
}

static void same_counts(struct threshold_ms *a, struct threshold_ms *b)
{
	calm_down(&a->counts_as, a->critical_ms != UNSET);
	calm_down(&b->counts_as, b->critical_ms != UNSET);
	if (a->critical_ms != UNSET && b->critical_ms != UNSET)
		a->counts_as = b->counts_as;
}

static void obey_verdict(struct monitor *m)
{
	struct expect *e = &m->expect;
	struct failures_policy *f = &e->failures;
	const int64_t least_ms = FAILURE_INTERVALS_MIN * m->interval_ms;

	same_counts(&e->response_time, &e->connect_time);
	same_counts(&e->rtt, &e->jitter);
	calm_down(&e->certificate_days.counts_as, e->certificate_days.critical_days != UNSET);
	calm_down(&e->loss.counts_as, e->loss.critical >= 0);
	calm_down(&e->value.counts_as,
		!isnan(e->value.above.critical) || !isnan(e->value.below.critical));
	if (m->alert.flapping.changes == 1)
		m->alert.flapping.changes = 2;
	if (f->warning >= f->critical)
		f->critical = UNSET;
	if (f->window_ms == UNSET || least_ms > INTERVAL_MAX_MS ||
		(f->warning < 0 && f->critical < 0))
		*f = (struct failures_policy){UNSET, UNSET, UNSET};
	else if (f->window_ms < least_ms)
		f->window_ms = least_ms;
}

static void clear_texts(struct strings *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->item[i]);
	free(texts->item);
	*texts = (struct strings){0};
}

static void forget(struct credential *c)
{
	mem_set(&c->value, NULL);
	mem_set(&c->secret, NULL);
}

/* Of a log-in either half, or nothing. */
static void obey_auth(struct auth *a)
{
	bool token = a->token.value != NULL || a->token.secret != NULL;

	if (token || a->user == NULL) {
		mem_set(&a->user, NULL);
		forget(&a->password);
		a->scheme = token && luck(2) ? AUTH_BEARER : UNSET;
		return;
	}
	if (a->password.value == NULL && a->password.secret == NULL)
		a->password.secret = mem_strdup("login");
	if (a->scheme == AUTH_BEARER)
		a->scheme = AUTH_DIGEST;
}

static void order_numbers(double *low, double *high)
{
	if (*low >= *high) {
		double swap = *low;
		*low = *high;
		*high = swap;
	}
	if (*low == *high)
		*high = NAN;
}

static void obey_value(struct value_rule *v)
{
	if (v->json == NULL && v->regex == NULL)
		v->json = mem_strdup("");
	if (v->json != NULL)
		mem_set(&v->regex, NULL);
	order_numbers(&v->above.warning, &v->above.critical);
	order_numbers(&v->below.critical, &v->below.warning);
}

static void obey_json(struct json_rule *r)
{
	if (r->exists) {
		order_numbers(&r->greater, &r->less);
		return;
	}
	mem_set(&r->equals, NULL);
	mem_set(&r->not_equals, NULL);
	mem_set(&r->matches, NULL);
	r->less = r->greater = NAN;
}

static void obey_http(struct monitor *m)
{
	struct expect *e = &m->expect;

	obey_auth(&m->request.auth);
	for (size_t i = 0; i < e->json.n; i++)
		obey_json((struct json_rule *)e->json.item + i);
	for (size_t i = 0; i < e->headers.n; i++) {
		struct header_rule *r = (struct header_rule *)e->headers.item + i;
		r->absent = r->absent && r->equals == NULL && r->matches == NULL;
	}
	if (m->request.proxy != NULL)
		mem_set(&m->request.connect_to, NULL);
	if (m->request.http_version == HTTP_1_1 ||
		(m->request.http_version != HTTP_2 && e->http_version == HTTP_2))
		e->http_version = HTTP_ANY;
	if (e->follow <= 0) {
		m->request.cookies = false;
		e->tls_version = (struct tls_versions){UNSET, UNSET};
	}
	if (m->request.method != METHOD_HEAD) {
		obey_value(&e->value);
		return;
	}
	clear_texts(&e->body_contains);
	clear_texts(&e->body_not_contains);
	clear_texts(&e->body_regex);
	clear_texts(&e->body_not_regex);
	schema_clear(&value_schema, &e->value);
	schema_defaults(&value_schema, &e->value);
	for (size_t i = 0; i < e->json.n; i++)
		schema_clear(&json_rule_schema, (struct json_rule *)e->json.item + i);
	free(e->json.item);
	e->json = (struct list){0};
}

/* Bends a random monitor to the rules that no table says. */
static void obey(struct monitor *m)
{
	static const char *const targets[] = {"edge.example.net", "[2001:db8::1]:443",
		"https://example.com/", "http://x/?y", "mail.example.com", "."};
	struct expect *e = &m->expect;

	mem_set(&m->target,
		targets[m->type == CHECK_REDIRECT || (m->type == CHECK_HTTP && luck(2)) ? 3
											: m->type]);
	if (m->type == CHECK_REDIRECT && luck(2))
		mem_set(&m->target, "HTTPS://192.0.2.1:8443");
	if (m->type == CHECK_DNS)
		obey_dns(m);
	m->interval_ms = luck_between(20000, INTERVAL_MAX_MS);
	m->timeout_ms = luck_between(1000, 20000);
	m->quorum.gap_ms = luck_between(100, 15000);
	order(&e->response_time.warning_ms, &e->response_time.critical_ms);
	order(&e->rtt.warning_ms, &e->rtt.critical_ms);
	order(&e->certificate_days.critical_days, &e->certificate_days.warning_days);
	if (e->loss.warning >= e->loss.critical)
		e->loss.critical = UNSET;
	if (e->response_time.warning_ms >= m->timeout_ms ||
		e->response_time.critical_ms >= m->timeout_ms)
		e->response_time = (struct threshold_ms){
			.warning_ms = UNSET, .critical_ms = m->timeout_ms - 1};
	if (e->average_over_ms < 2 * m->interval_ms)
		e->average_over_ms = UNSET;
	if (e->rtt.warning_ms >= m->timeout_ms || e->rtt.critical_ms >= m->timeout_ms)
		e->rtt = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = 1};
	order(&e->connect_time.warning_ms, &e->connect_time.critical_ms);
	if (e->connect_time.warning_ms >= m->timeout_ms ||
		e->connect_time.critical_ms >= m->timeout_ms)
		e->connect_time = (struct threshold_ms){.warning_ms = 1, .critical_ms = UNSET};
	obey_connection(m);
	if (m->type == CHECK_PING &&
		(m->request.packets - 1) * m->request.packet_interval_ms >= m->timeout_ms)
		m->request.packet_interval_ms = 10;
	order(&e->jitter.warning_ms, &e->jitter.critical_ms);
	if (m->request.packets == 1)
		e->jitter = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = UNSET};
	if (e->jitter.warning_ms >= m->timeout_ms || e->jitter.critical_ms >= m->timeout_ms)
		e->jitter = (struct threshold_ms){
			.warning_ms = m->request.packets > 1 ? 2 : UNSET, .critical_ms = UNSET};
	if (address_family_of(host_of(m)) != FAMILY_AUTO && m->request.family == FAMILY_BOTH)
		m->request.family = FAMILY_AUTO;
	mem_set(&m->request.source, m->request.family == FAMILY_IPV4   ? "192.0.2.7"
				    : m->request.family == FAMILY_IPV6 ? "2001:db8::7"
								       : NULL);
	if (address_family_of(host_of(m)) != FAMILY_AUTO)
		mem_set(&m->request.source, NULL);
	if (m->type == CHECK_REDIRECT)
		m->request.method = (int)luck_between(METHOD_GET, METHOD_HEAD);
	if (m->type == CHECK_REDIRECT && (int64_t)e->hops.n > e->max_hops)
		e->max_hops = HOPS_MAX;
	if (m->type == CHECK_HTTP && m->request.method <= METHOD_HEAD) {
		mem_set(&m->request.body.value, NULL);
		mem_set(&m->request.body.secret, NULL);
	}
	if (m->type == CHECK_REDIRECT) {
		obey_auth(&m->request.auth);
		mem_set(&m->request.proxy, NULL);
	}
	if (m->type == CHECK_HTTP)
		obey_http(m);
	obey_verdict(m);
}

static void check_monitor(const struct monitor *m, unsigned encode_flags, unsigned decode_flags)
{
	struct problems problems = {.n = 0};
	json_t *json = monitor_encode(m, encode_flags);
	struct monitor back, bare = *m;

	if (monitor_decode(json, decode_flags, "", &back, &problems) == -1)
		print_problems(&problems);
	assert_int_equal(problems.total, 0);
	if ((decode_flags & SCHEMA_WIRE) == 0) { /* read-only for people */
		memset(&bare.id, 0, sizeof(bare.id));
		bare.revision = 0;
		bare.domain = UNSET;
	}
	if (!same_object(&monitor_schema, &bare, &back)) {
		char *text = json_dumps(json, JSON_INDENT(1));

		fail_msg("monitor is not the same after:\n%s", text);
	}
	assert_true(monitor_same_check(m, m));
	monitor_clear(&back);
	json_decref(json);
}

static void monitors_come_back(void **state)
{
	(void)state;
	for (int i = 0; i < RUNS; i++) {
		struct monitor m;

		random_object(&monitor_schema, &m);
		obey(&m);
		check_monitor(&m, SCHEMA_WIRE, SCHEMA_WIRE | SCHEMA_WHOLE);
		check_monitor(&m, SCHEMA_WIRE | SCHEMA_FULL, SCHEMA_WIRE | SCHEMA_WHOLE);
		check_monitor(&m, SCHEMA_STRICT, SCHEMA_STRICT);
		check_monitor(&m, SCHEMA_FULL, SCHEMA_STRICT);
		monitor_clear(&m);
	}
}

static void results_come_back(void **state)
{
	(void)state;
	for (int i = 0; i < RUNS; i++) {
		static const int verdicts[] = {
			VERDICT_UP, VERDICT_DOWN, VERDICT_WARNING, VERDICT_NONE};
		struct problems problems = {.n = 0};
		struct result r, back;
		json_t *json;

		random_object(&result_schema, &r);
		r.verdict = verdicts[reason_class((enum reason)r.reason)];
		json = schema_encode(&result_schema, SCHEMA_WIRE, &r);
		if (schema_decode(&result_schema, SCHEMA_WIRE, json, &back, &problems) == -1)
			print_problems(&problems);
		assert_int_equal(problems.total, 0);
		assert_true(same_object(&result_schema, &r, &back));
		result_clear(&r);
		result_clear(&back);
		json_decref(json);
	}
}

int main(int argc, char **argv)
{
	const char *seed = argc > 1 ? argv[1] : getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(monitors_come_back), cmocka_unit_test(results_come_back)};

	state_of_luck = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)state_of_luck);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
