// SPDX-License-Identifier: MIT
/*
 * Results for people and as NDJSON. A lone check is told at length: its verdict, where the time
 * went, the redirects, the certificate; of several there is a line each, and their number at the
 * end.
 */
#include "probe/once_internal.h"

#include "probe/families.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/monitor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 13
#define TEXT_COLUMNS  85
#define BAR_COLUMNS   40
#define NAME_COLUMNS  60 /* a longer one moves what follows */

static const char *const words[] = {"up", "warning", "down", "unknown"};

/* ---- parts */

static void label(struct once *o, const char *name)
{
	fprintf(o->out, "%-*s", LABEL_COLUMNS, name);
}

static void line(struct once *o, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	label(o, name);
	text_print_wrapped(o->out, text, TEXT_COLUMNS, LABEL_COLUMNS);
	fputc('\n', o->out);
}

static void verdict(struct once *o, const struct result *r, int columns)
{
	static const char *const shown[] = {"UP", "WARNING", "DOWN", "UNKNOWN"};
	enum once_exit e = once_exit_of(r);
	style_print(o->out, o->color, style_of(words[e]), shown[e]);
	fprintf(o->out, "%*s", columns - (int)strlen(shown[e]), "");
}

static char *milliseconds(char text[TEXT_SIZE], int64_t us)
{
	snprintf(text, TEXT_SIZE, "%.*f ms", us < 10000 ? 2 : 1, (double)us / 1000);
	return text;
}

/* What was seen, else what the reason says. */
static const char *sentence(const struct result *r)
{
	return r->detail ? r->detail : reason_text_en((enum reason)r->reason);
}

/* ---- where the time went */

static void print_bar(struct once *o, int64_t from_us, int64_t us, int64_t all_us)
{
	int first = all_us > 0 ? (int)(from_us * BAR_COLUMNS / all_us) : 0;
	int last = all_us > 0 ? (int)((from_us + us) * BAR_COLUMNS / all_us) : 0;
	first = first >= BAR_COLUMNS ? BAR_COLUMNS - 1 : first;
	last = last > first ? last : first + 1;
	fprintf(o->out, "  %*s", first, "");
	for (int i = first; i < last && i < BAR_COLUMNS; i++)
		fputs(o->utf8 ? "█" : "#", o->out);
}

static void print_phases(struct once *o, const struct phases *p)
{
	const struct {
		const char *name;
		int64_t us;
	} phases[] = {{"name lookup", p->resolve_us}, {"connection", p->connect_us},
		{"TLS", p->tls_us}, {"first byte", p->first_byte_us}, {"transfer", p->transfer_us}};
	int64_t sum_us = 0, from_us = 0;
	char text[TEXT_SIZE];
	int n = 0;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		sum_us += phases[i].us > 0 ? phases[i].us : 0;
		n += phases[i].us >= 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		if (phases[i].us < 0)
			continue;
		label(o, phases[i].name);
		fprintf(o->out, "%12s", milliseconds(text, phases[i].us));
		if (n > 1) /* a lone one is compared with nothing */
			print_bar(o, from_us, phases[i].us, sum_us);
		fputc('\n', o->out);
		from_us += phases[i].us;
	}
	if (p->total_us >= 0) {
		label(o, "in all");
		fprintf(o->out, "%12s\n", milliseconds(text, p->total_us));
	}
}

/* ---- what was found out */

static void print_ping(struct once *o, const struct ping_facts *p)
{
	char *text;
	if (p->sent < 1)
		return;
	text = mem_printf("%" PRId64 " sent, %" PRId64 " answered, %.0f%% lost", p->sent,
		p->received, 100.0 * (double)(p->sent - p->received) / (double)p->sent);
	line(o, "packets", text);
	free(text);
	if (p->duplicates > 0 || p->strays > 0) {
		text = mem_printf("%" PRId64 " repeated, %" PRId64 " from others or altered",
			p->duplicates > 0 ? p->duplicates : 0, p->strays > 0 ? p->strays : 0);
		line(o, "ignored", text);
		free(text);
	}
	if (p->received < 1)
		return;
	text = mem_printf("%.3f / %.3f / %.3f ms (shortest, average, longest), deviation %.3f ms",
		(double)p->min_us / 1000, (double)p->avg_us / 1000, (double)p->max_us / 1000,
		(double)p->stddev_us / 1000);
	line(o, "round trip", text);
	free(text);
	if (p->jitter_us != UNSET) {
		text = mem_printf("%.3f ms between neighbouring packets, on average",
			(double)p->jitter_us / 1000);
		line(o, "jitter", text);
		free(text);
	}
}

static char *joined(const struct strings *list, const char *separator)
{
	char *all = mem_strdup("");
	for (size_t i = 0; i < list->n; i++) {
		char *longer = mem_printf("%s%s%s", all, i > 0 ? separator : "", list->item[i]);
		free(all);
		all = longer;
	}
	return all;
}

static void print_dns(struct once *o, const struct dns_facts *d)
{
	if (!d->rcode)
		return;
	char *flags = joined(&d->flags, " "),
	     *text = mem_printf("%s over %s, flags %s", d->rcode, d->transport, flags);
	line(o, "answer", text);
	free(text);
	free(flags);
	for (size_t i = 0; i < d->answers.n; i++)
		line(o, i == 0 ? "records" : "", d->answers.item[i]);
	if (d->answer_count > (int64_t)d->answers.n) {
		text = mem_printf(
			"and %lld more", (long long)d->answer_count - (long long)d->answers.n);
		line(o, "", text);
		free(text);
	}
	if (d->ttl_s != UNSET) {
		text = mem_printf("%lld s", (long long)d->ttl_s);
		line(o, "TTL", text);
		free(text);
	}
}

static void print_hops(struct once *o, const struct list *hops)
{
	static const char *const headers[] = {
		">HOP", "STATUS", "URL", "ADDRESS", ">TIME", ">CERTIFICATE", NULL};
	char text[TEXT_SIZE];
	if (hops->n < 2)
		return;
	struct table *t = table_new(headers);
	for (size_t i = 0; i < hops->n; i++) {
		const struct hop *hop = (const struct hop *)hops->item + i;
		table_printf(t, "%zu", i + 1);
		if (hop->status >= 0)
			table_printf(t, "%" PRId64, hop->status);
		else
			table_add(t, NULL);
		table_add(t, hop->url);
		table_add(t, hop->address);
		table_add(t, hop->total_us >= 0 ? milliseconds(text, hop->total_us) : NULL);
		if (hop->certificate_days != UNSET)
			table_printf(t, "%" PRId64 " days", hop->certificate_days);
		else
			table_add(t, NULL);
	}
	fputc('\n', o->out);
	table_print(t, o->out, o->color, 0);
	const char *location = ((const struct hop *)hops->item)[hops->n - 1].location;
	if (location) {
		char *next = mem_printf("it leads on to %s", location);
		line(o, "", next);
		free(next);
	}
}

/* What the server sent: a lone certificate is told above. */
static void print_chain(struct once *o, const struct certificate *c)
{
	const struct chained *chain = c->chain.item;
	char until[TIME_TEXT_SIZE];
	for (size_t i = 0; i < c->chain.n && c->sent > 1; i++) {
		char *text = mem_printf("%zu: %s, until %.10s", i + 1, chain[i].subject,
			time_format(chain[i].not_after_wall_ms, until));
		line(o, i == 0 ? "chain" : "", text);
		free(text);
	}
	if (c->sent <= (int64_t)c->chain.n)
		return;
	char *text = mem_printf("and %" PRId64 " more", c->sent - (int64_t)c->chain.n);
	line(o, "", text);
	free(text);
}

static void print_connection(struct once *o, const struct certificate *c)
{
	char said[TIME_TEXT_SIZE];
	char *text = mem_printf("%s%s%s%s%s", c->tls_version ? c->tls_version : "",
		c->cipher ? ", " : "", c->cipher ? c->cipher : "", c->alpn ? ", " : "",
		c->alpn ? c->alpn : "");
	if (c->ocsp.status >= 0 && c->ocsp.this_update_wall_ms != UNSET) {
		char *ocsp = mem_printf("%s, said on %.10s", ocsp_status_names[c->ocsp.status],
			time_format(c->ocsp.this_update_wall_ms, said));
		line(o, "revocation", ocsp);
		free(ocsp);
	} else if (c->ocsp.status >= 0) {
		line(o, "revocation", ocsp_status_names[c->ocsp.status]);
	}
	line(o, "TLS version", text);
	free(text);
}

static void print_families(struct once *o, const struct list *families)
{
	static const char *const headers[] = {
		"FAMILY", "VERDICT", ">TIME", "ADDRESS", "WHAT WAS SEEN", NULL};
	char text[TEXT_SIZE];
	if (families->n == 0)
		return;
	struct table *t = table_new(headers);
	for (size_t i = 0; i < families->n; i++) {
		const struct family_finding *f = (const struct family_finding *)families->item + i;
		table_add(t, family_label(f->family));
		table_add(t, verdict_names[f->verdict]);
		table_add(t, f->total_us >= 0 ? milliseconds(text, f->total_us) : NULL);
		table_add(t, f->address);
		table_add(t, f->detail ? f->detail : reason_text_en((enum reason)f->reason));
	}
	fputc('\n', o->out);
	table_print(t, o->out, o->color, 0);
}

static void print_certificate(struct once *o, const struct certificate *c)
{
	char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
	if (c->not_after_wall_ms == UNSET)
		return;
	fputc('\n', o->out);
	line(o, "certificate", c->subject && *c->subject ? c->subject : "without a subject");
	line(o, "names", c->names);
	line(o, "issuer", c->issuer);
	char *text = mem_printf("from %.10s until %.10s: %" PRId64 " day%s left",
		time_format(c->not_before_wall_ms, from), time_format(c->not_after_wall_ms, until),
		c->days, c->days == 1 ? "" : "s");
	line(o, "valid", text);
	free(text);
	if (c->key_type && c->signature) {
		text = mem_printf("%s, %" PRId64 " bits; signed with %s", c->key_type, c->key_bits,
			c->signature);
		line(o, "key", text);
		free(text);
	}
	print_chain(o, c);
	print_connection(o, c);
}

/* ---- one check at length */

static void print_answer(struct once *o, const struct result *r)
{
	char text[TEXT_SIZE];
	line(o, "address", r->address);
	if (r->status >= 0) {
		snprintf(text, sizeof(text), "%" PRId64 "%s%s", r->status,
			r->http_version ? ", HTTP/" : "", r->http_version ? r->http_version : "");
		line(o, "status", text);
	}
	if (r->bytes >= 0) {
		snprintf(text, sizeof(text), "%" PRId64 " byte%s", r->bytes,
			r->bytes == 1 ? "" : "s");
		line(o, "body", text);
	}
	line(o, r->bytes >= 0 ? "" : "body", r->body_excerpt);
	if (!isnan(r->value)) {
		snprintf(text, sizeof(text), "%.10g", r->value);
		line(o, "value", text);
	}
}

/* What would open it: an address in this run, too; anything else only in the probe's own file. */
static void print_remedy(struct once *o, const struct monitor *m, const struct result *r)
{
	char option[FENCE_WORDS_SIZE], text[FENCE_WORDS_SIZE + 32];
	if (r->reason != REASON_INTERNAL_POLICY && r->reason != REASON_DNS_FORBIDDEN_ADDRESS)
		return;
	enum fence fence = bounds_judge(&o->conf, &o->policy, m);
	if (fence == FENCE_ADDRESS || r->reason == REASON_DNS_FORBIDDEN_ADDRESS) {
		line(o, "to allow it",
			"in this run: --allow ADDRESS; always: 'allow' in the probe's own file");
		return;
	}
	snprintf(text, sizeof(text), "in the probe's own file: %s",
		fence == FENCE_OPEN ? "ports" /* of a redirect */
				    : fence_remedy(fence, m, option));
	line(o, "to allow it", text);
}

static void print_block(struct once *o, const struct job *job, const struct result *r)
{
	const struct monitor *m = job->monitor;
	char *text;
	verdict(o, r, LABEL_COLUMNS);
	if (strcmp(m->name, m->target) != 0)
		text = mem_printf("%s: %s %s", m->name, check_kind_names[m->type], m->target);
	else
		text = mem_printf("%s %s", check_kind_names[m->type], m->target);
	text_print(o->out, text);
	fputc('\n', o->out);
	free(text);
	line(o, "", sentence(r));
	if (r->reason != REASON_OK) {
		text = mem_printf("%s: %s", reason_code((enum reason)r->reason),
			reason_text_en((enum reason)r->reason));
		line(o, "reason", text);
		free(text);
	}
	print_remedy(o, m, r);
	print_answer(o, r);
	print_ping(o, &r->ping);
	print_dns(o, &r->dns);
	print_phases(o, &r->phases);
	print_families(o, &r->families);
	print_hops(o, &r->hops);
	print_certificate(o, &r->certificate);
}

/* ---- one of several: a line */

static void table_begin(struct once *o)
{
	for (size_t i = 0; i < o->n_jobs; i++) {
		int width = text_width(o->job[i]->monitor->name);
		o->name_columns = width > o->name_columns ? width : o->name_columns;
	}
	if (o->name_columns > NAME_COLUMNS)
		o->name_columns = NAME_COLUMNS;
}

static void print_line(struct once *o, const struct job *job, const struct result *r)
{
	const char *name = job->monitor->name;
	int blanks = o->name_columns - text_width(name);
	char text[TEXT_SIZE];
	verdict(o, r, 9);
	fprintf(o->out, "%10s  ",
		r->phases.total_us >= 0 ? milliseconds(text, r->phases.total_us) : "-");
	text_print(o->out, name);
	fprintf(o->out, "%*s  ", blanks > 0 ? blanks : 0, "");
	text_print(o->out, sentence(r));
	fputc('\n', o->out);
}

static void table_one(struct once *o, const struct job *job, const struct result *result)
{
	if (args_has(&o->args, "explain") || (o->details && o->sequence > 1))
		fputc('\n', o->out);
	if (once_is_lone(o) || o->details)
		print_block(o, job, result);
	else
		print_line(o, job, result);
	if (args_has(&o->args, "explain") && !once_is_lone(o))
		fputc('\n', o->out);
}

static void table_step(struct once *o, int64_t at_us, const char *text)
{
	fprintf(o->out, "%10.3f ms  ", (double)at_us / 1000);
	text_print(o->out, text);
	fputc('\n', o->out);
	fflush(o->out);
}

static void table_end(struct once *o)
{
	const char *separator = ": ";
	int64_t all = 0;
	if (once_is_lone(o))
		return;
	for (size_t i = 0; i < ARRAY_LEN(o->found); i++)
		all += o->found[i];
	fprintf(o->out, "%s%" PRId64 " check%s", args_has(&o->args, "explain") ? "" : "\n", all,
		all == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_LEN(o->found); i++) {
		if (o->found[i] == 0)
			continue;
		fprintf(o->out, "%s%" PRId64 " %s", separator, o->found[i], words[i]);
		separator = ", ";
	}
	if (o->timed)
		fprintf(o->out, "; %.1f / %.1f / %.1f ms (shortest, average, longest of those up)",
			(double)o->min_us / 1000, (double)o->sum_us / (double)o->timed / 1000,
			(double)o->max_us / 1000);
	fputc('\n', o->out);
}

const struct once_form once_table = {.name = "table",
	.begin = table_begin,
	.one = table_one,
	.step = table_step,
	.end = table_end};

/* ---- NDJSON */

static void ndjson_one(struct once *o, const struct job *job, const struct result *result)
{
	const struct monitor *m = job->monitor;
	json_t *all = json_pack("{s:s, s:s, s:s}", "name", m->name, "type",
		check_kind_names[m->type], "target", m->target);
	json_t *members = schema_encode(&result_schema, SCHEMA_STRICT, result);
	if (!json_object_get(members, "reason")) /* the wire leaves it out */
		json_object_set_new(members, "reason", json_string(reason_code(REASON_OK)));
	ensure(all && json_object_update(all, members) == 0);
	if (o->steps)
		json_object_set_new(all, "steps", o->steps);
	o->steps = NULL;
	json_dumpf(all, o->out, JSON_COMPACT);
	fputc('\n', o->out);
	json_decref(members);
	json_decref(all);
}

static void ndjson_step(struct once *o, int64_t at_us, const char *text)
{
	if (!o->steps)
		o->steps = json_array();
	json_array_append_new(
		o->steps, json_pack("{s:I, s:s}", "at_us", (json_int_t)at_us, "text", text));
}

static void ndjson_end(struct once *o UNUSED)
{
}

const struct once_form once_ndjson = {
	.name = "ndjson", .one = ndjson_one, .step = ndjson_step, .end = ndjson_end};
