// SPDX-License-Identifier: MIT
/*
 * Results as a plugin of Nagios and its relatives says them (Monitoring Plugins Development
 * Guidelines): a line "TYPE STATE - sentence | performance data", of several checks a summary and a
 * line each. Thresholds keep their severity: a critical one is CRITICAL. Labels are those of
 * check_http, check_tcp and check_icmp where the meaning is the same.
 */
#include "probe/once_internal.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* ---- texts */

/* On one line, and without the sign that begins performance data. */
static char *clean(const char *text)
{
	char *out = utf8_replace_controls(mem_strdup(text), ' ');
	for (char *c = out; *c; c++)
		*c = *c == '|' ? '/' : *c;
	return out;
}

void once_nagios_unknown(FILE *out, const char *why)
{
	char *text = clean(why);
	fprintf(out, "QUORATE UNKNOWN - %s\n", text);
	free(text);
}

static enum once_exit severe_exit(const struct result *r)
{
	for (int t = 0; t < THRESHOLD_COUNT; t++)
		if (r->verdict == VERDICT_WARNING && r->severity[t] == SEVERITY_CRITICAL)
			return ONCE_DOWN;
	return once_exit_of(r);
}

/* "HTTP OK - status 200" */
static char *state_line(const struct job *job, const struct result *r, const char *name)
{
	char kind[32], *said;
	const char *sentence = r->detail ? r->detail : reason_text_en((enum reason)r->reason);
	snprintf(kind, sizeof(kind), "%s", check_kind_names[job->monitor->type]);
	for (char *c = kind; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	char *line = mem_printf(
		"%s %s - %s%s%s", kind, states[severe_exit(r)], name, *name ? ": " : "", sentence);
	said = clean(line);
	free(line);
	return said;
}

/* ---- performance data: 'label'=value[unit];warning;critical;least;most */

struct perf {
	FILE *to;
	const char *prefix; /* of labels, when there are several checks */
};

static void add_label(const struct perf *p, const char *label)
{
	fputc(' ', p->to);
	if (!*p->prefix) {
		fprintf(p->to, "%s=", label);
		return;
	}
	fputc('\'', p->to);
	for (const char *c = p->prefix; *c; c++) {
		if (*c == '\'')
			fputc('\'', p->to);
		fputc(*c == '=' || *c == '|' || (unsigned char)*c < ' ' ? '_' : *c, p->to);
	}
	fprintf(p->to, "::%s'=", label);
}

static char *seconds_or_nothing(int64_t ms)
{
	return ms == UNSET ? mem_strdup("") : mem_printf("%.6f", (double)ms / 1000);
}

static void add_time(const struct perf *p, const struct monitor *m, int64_t us)
{
	char *warning = seconds_or_nothing(m->expect.response_time.warning_ms);
	char *critical = seconds_or_nothing(m->expect.response_time.critical_ms);
	add_label(p, "time");
	fprintf(p->to, "%.6fs;%s;%s;0.000000;%.6f", (double)us / 1e6, warning, critical,
		(double)m->timeout_ms / 1000);
	free(warning);
	free(critical);
}

static void add_phases(const struct perf *p, const struct monitor *m, const struct phases *phases)
{
	const struct {
		const char *label;
		int64_t us;
	} known[] = {{"time_dns", phases->resolve_us}, {"time_connect", phases->connect_us},
		{"time_ssl", phases->tls_us}, {"time_firstbyte", phases->first_byte_us},
		{"time_transfer", phases->transfer_us}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].us == UNSET)
			continue;
		add_label(p, known[i].label);
		fprintf(p->to, "%.6fs;;;;%.6f", (double)known[i].us / 1e6,
			(double)m->timeout_ms / 1000);
	}
}

/* Fewer days are worse: "@~:21" is a warning inside of the range, as it is here. */
static void add_days(const struct perf *p, const struct monitor *m, int64_t days)
{
	const struct threshold_days *t = &m->expect.certificate_days;
	char warning[32] = "", critical[32] = "";
	if (t->warning_days != UNSET)
		snprintf(warning, sizeof(warning), "@~:%" PRId64, t->warning_days);
	if (t->critical_days != UNSET)
		snprintf(critical, sizeof(critical), "@~:%" PRId64, t->critical_days);
	add_label(p, "certificate_days");
	fprintf(p->to, "%" PRId64 ";%s;%s;;", days, warning, critical);
}

/* A range that is fine, "10:100", with either end open: "~:100", "10:". */
static void add_range(FILE *to, double low, double high)
{
	fputc(';', to);
	if (isnan(low) && isnan(high))
		return;
	if (isnan(low))
		fputs("~:", to);
	else
		fprintf(to, "%.10g:", low);
	if (!isnan(high))
		fprintf(to, "%.10g", high);
}

static void add_value(const struct perf *p, const struct monitor *m, double value)
{
	const struct value_rule *rule = &m->expect.value;
	add_label(p, "value");
	fprintf(p->to, "%.10g", value);
	add_range(p->to, rule->below.warning, rule->above.warning);
	add_range(p->to, rule->below.critical, rule->above.critical);
	fputs(";;", p->to);
}

static char *number_or_nothing(double number)
{
	return number < 0 ? mem_strdup("") : mem_printf("%g", number);
}

static void add_ping(const struct perf *p, const struct monitor *m, const struct ping_facts *f)
{
	const struct threshold_ms *rtt = &m->expect.rtt;
	char *warning = number_or_nothing((double)rtt->warning_ms);
	char *critical = number_or_nothing((double)rtt->critical_ms);
	if (f->received > 0) {
		add_label(p, "rta");
		fprintf(p->to, "%.3fms;%s;%s;0;", (double)f->avg_us / 1000, warning, critical);
	}
	free(warning);
	free(critical);
	if (f->jitter_us != UNSET) {
		warning = number_or_nothing((double)m->expect.jitter.warning_ms);
		critical = number_or_nothing((double)m->expect.jitter.critical_ms);
		add_label(p, "jitter");
		fprintf(p->to, "%.3fms;%s;%s;0;", (double)f->jitter_us / 1000, warning, critical);
		free(warning);
		free(critical);
	}
	warning = number_or_nothing(m->expect.loss.warning);
	critical = number_or_nothing(m->expect.loss.critical);
	add_label(p, "pl");
	fprintf(p->to, "%.0f%%;%s;%s;0;100",
		100.0 * (double)(f->sent - f->received) / (double)f->sent, warning, critical);
	free(warning);
	free(critical);
	if (f->received < 1)
		return;
	add_label(p, "rtmax");
	fprintf(p->to, "%.3fms;;;;", (double)f->max_us / 1000);
	add_label(p, "rtmin");
	fprintf(p->to, "%.3fms;;;;", (double)f->min_us / 1000);
}

/* Of what was seen: a time in which nothing answered is no response time. */
static void add_perfdata(const struct perf *p, const struct monitor *m, const struct result *r)
{
	bool answered = r->status != UNSET || once_exit_of(r) <= ONCE_WARNING;
	if (r->ping.sent > 0) {
		add_ping(p, m, &r->ping);
		return;
	}
	if (answered && m->type != CHECK_PING) {
		add_time(p, m, r->phases.total_us);
		add_phases(p, m, &r->phases);
	}
	if (r->bytes != UNSET) {
		add_label(p, "size");
		fprintf(p->to, "%" PRId64 "B;;;0;", r->bytes);
	}
	if (!isnan(r->value))
		add_value(p, m, r->value);
	if (r->certificate.not_after_wall_ms != UNSET)
		add_days(p, m, r->certificate.days);
}

/* ---- telling */

static void nagios_one(struct once *o, const struct job *job, const struct result *result)
{
	const char *name = once_is_lone(o) ? "" : job->monitor->name;
	struct perf perf = {.to = o->plugin.perfdata, .prefix = name};
	char *line = state_line(job, result, name);
	fprintf(o->plugin.lines, "%s%s", o->sequence > 1 ? "\n" : "", line);
	free(line);
	if (o->sequence <= (int64_t)o->n_jobs) /* of the first time: a label stands once */
		add_perfdata(&perf, job->monitor, result);
	o->plugin.worst = o->sequence == 1 ? severe_exit(result)
					   : once_worse(o->plugin.worst, severe_exit(result));
}

static void nagios_begin(struct once *o)
{
	struct once_plugin *p = &o->plugin;
	p->worst = ONCE_UNKNOWN;
	p->lines = open_memstream(&p->lines_text, &p->lines_bytes);
	p->perfdata = open_memstream(&p->perfdata_text, &p->perfdata_bytes);
	ensure(p->lines && p->perfdata);
}

static void nagios_end(struct once *o)
{
	struct once_plugin *p = &o->plugin;
	fclose(p->lines);
	fclose(p->perfdata);
	const char *bar = *p->perfdata_text ? " |" : ""; /* each value begins with a blank */
	if (o->sequence == 0)
		once_nagios_unknown(o->out, "nothing was checked");
	else if (once_is_lone(o))
		fprintf(o->out, "%s%s%s\n", p->lines_text, bar, p->perfdata_text);
	else
		fprintf(o->out,
			"QUORATE %s - %" PRId64 " checks: %" PRId64 " up, %" PRId64
			" warning, %" PRId64 " down, %" PRId64 " unknown%s%s\n%s\n",
			states[p->worst], o->sequence, o->found[ONCE_UP], o->found[ONCE_WARNING],
			o->found[ONCE_DOWN], o->found[ONCE_UNKNOWN], bar, p->perfdata_text,
			p->lines_text);
	free(p->lines_text);
	free(p->perfdata_text);
}

const struct once_form once_nagios = {
	.name = "nagios", .begin = nagios_begin, .one = nagios_one, .end = nagios_end};
