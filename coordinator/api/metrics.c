// SPDX-License-Identifier: MIT
/*
 * GET /metrics in Prometheus' text format 0.0.4. A scrape needs a key like every other reader
 * (`authorization:` in Prometheus' scrape configuration). Names of the blackbox exporter are kept
 * where the meaning is the same, with the labels monitor, probe and region; what is only ours is
 * called quorate_….
 *
 * All samples of a family stand together, so there is a buffer for each; monitors are walked in
 * portions, a turn of the loop each, so that a large installation's scrape does not delay votes.
 */
#include "coordinator/api/handlers.h"
#include "coordinator/api/server.h"

#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MONITORS_PER_TURN 100
#define FAMILY_MAX_BYTES  ((size_t)64 * 1024 * 1024)

/* The families that have a sample per monitor, or per monitor and probe. */
#define FAMILIES(X)                                                                                \
	X(STATE, "quorate_monitor_state", "gauge", "1 for the state that the monitor is in")       \
	X(SUCCESS, "probe_success", "gauge", "Whether the newest check of this probe succeeded")   \
	X(DURATION, "probe_duration_seconds", "gauge", "How long the newest check took")           \
	X(DNS, "probe_dns_lookup_time_seconds", "gauge", "Time taken for the name lookup")         \
	X(HTTP_DURATION, "probe_http_duration_seconds", "gauge",                                   \
		"Duration of the HTTP request by phase")                                           \
	X(HTTP_STATUS, "probe_http_status_code", "gauge", "Response HTTP status code")             \
	X(HTTP_VERSION, "probe_http_version", "gauge", "Version of HTTP of the response")          \
	X(VALUE, "quorate_value", "gauge", "The number that the body of the newest check told")    \
	X(CERTIFICATE, "probe_ssl_earliest_cert_expiry", "gauge",                                  \
		"Earliest certificate expiry in Unix time")                                        \
	X(ICMP_DURATION, "probe_icmp_duration_seconds", "gauge", "Duration of the ping by phase")  \
	X(REASON, "quorate_check_reason", "gauge",                                                 \
		"1 for the reason of this probe's newest check, and its class")                    \
	X(DNS_DURATION, "probe_dns_duration_seconds", "gauge",                                     \
		"Duration of the DNS request by phase")                                            \
	X(DNS_ANSWERED, "probe_dns_query_succeeded", "gauge",                                      \
		"Whether the name server answered the question")                                   \
	X(DNS_ANSWERS, "probe_dns_answer_rrs", "gauge",                                            \
		"Number of records of the wanted kind in the answer")                              \
	X(LOSS, "quorate_ping_loss_ratio", "gauge",                                                \
		"Pings of the newest check that were not answered")

enum family {
#define FAMILY_ENUM(e, name, type, help) FAMILY_##e,
	FAMILIES(FAMILY_ENUM)
#undef FAMILY_ENUM
		FAMILY_COUNT
};

static const struct {
	const char *name, *type, *help;
} families[] = {
#define FAMILY_ROW(e, name, type, help) {name, type, help},
	FAMILIES(FAMILY_ROW)
#undef FAMILY_ROW
};

struct scrape {
	struct api_request *r;
	struct timer turn;
	struct id last; /* monitor done last */
	bool overflow;
	struct buf out, family[FAMILY_COUNT];
};

static void put(struct scrape *s, struct buf *b, const char *format, ...) PRINTF_LIKE(3, 4);
static void put(struct scrape *s, struct buf *b, const char *format, ...)
{
	char line[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line) || buf_add(b, line, (size_t)n) == -1)
		s->overflow = true;
}

/* TEXT as a label's value: backslash, quote and line feed escaped. The caller frees it. */
static char *label(const char *text)
{
	char *out = mem_alloc(2 * strlen(text) + 1), *to = out;

	for (; *text; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			*to++ = '\\';
		*to++ = *text;
		if (*text == '\n')
			to[-1] = 'n';
	}
	return out;
}

/* ---- one result */

static const json_t *member(const json_t *object, const char *a, const char *b)
{
	const json_t *inner = json_object_get(object, a);

	return b ? json_object_get(inner, b) : inner;
}

/* EXTRA: further labels, beginning with a comma; VALUE is divided by DIVISOR. Nothing when VALUE is
 * no number. */
static void sample(struct scrape *s, enum family f, const char *labels, const char *extra,
	const json_t *value, double divisor)
{
	if (json_is_number(value))
		put(s, &s->family[f], "%s{%s%s} %.9g\n", families[f].name, labels, extra,
			json_number_value(value) / divisor);
}

static void certificate_sample(struct scrape *s, const char *labels, const json_t *not_after)
{
	int64_t wall_ms;

	if (json_is_string(not_after) && time_parse(json_string_value(not_after), &wall_ms) == 0)
		put(s, &s->family[FAMILY_CERTIFICATE], "%s{%s} %" PRId64 "\n",
			families[FAMILY_CERTIFICATE].name, labels, wall_ms / 1000);
}

static void http_samples(struct scrape *s, const char *labels, const json_t *result)
{
	static const char *const phases[][2] = {{"resolve_us", ",phase=\"resolve\""},
		{"connect_us", ",phase=\"connect\""}, {"tls_us", ",phase=\"tls\""},
		{"first_byte_us", ",phase=\"processing\""}, {"transfer_us", ",phase=\"transfer\""}};

	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		sample(s, FAMILY_HTTP_DURATION, labels, phases[i][1],
			member(result, "phases", phases[i][0]), 1e6);
	sample(s, FAMILY_HTTP_STATUS, labels, "", member(result, "status", NULL), 1);
	const json_t *version = member(result, "http_version", NULL);
	if (member(result, "status", NULL))
		put(s, &s->family[FAMILY_HTTP_VERSION], "%s{%s} %.2g\n",
			families[FAMILY_HTTP_VERSION].name, labels,
			version ? strtod(json_string_value(version), NULL) : 1.1);
	sample(s, FAMILY_VALUE, labels, "", member(result, "value", NULL), 1);
}

static void ping_samples(struct scrape *s, const char *labels, const json_t *result)
{
	int64_t sent = json_integer_value(member(result, "ping", "sent"));
	int64_t received = json_integer_value(member(result, "ping", "received"));

	sample(s, FAMILY_ICMP_DURATION, labels, ",phase=\"rtt\"", member(result, "ping", "avg_us"),
		1e6);
	if (sent > 0)
		put(s, &s->family[FAMILY_LOSS], "%s{%s} %.6g\n", families[FAMILY_LOSS].name, labels,
			(double)(sent - received) / (double)sent);
}

static void dns_samples(struct scrape *s, const char *labels, const json_t *result)
{
	static const char *const phases[][2] = {{"resolve_us", ",phase=\"resolve\""},
		{"connect_us", ",phase=\"connect\""}, {"first_byte_us", ",phase=\"request\""}};

	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		sample(s, FAMILY_DNS_DURATION, labels, phases[i][1],
			member(result, "phases", phases[i][0]), 1e6);
	put(s, &s->family[FAMILY_DNS_ANSWERED], "%s{%s} %d\n", families[FAMILY_DNS_ANSWERED].name,
		labels, member(result, "dns", "rcode") != NULL);
	sample(s, FAMILY_DNS_ANSWERS, labels, "", member(result, "dns", "answer_count"), 1);
}

/* Why, as a label to count and to route by; a result without a reason is a good one. */
static void reason_sample(struct scrape *s, const char *labels, const json_t *result)
{
	const char *code = json_string_value(member(result, "reason", NULL));
	enum reason reason = code ? reason_find(code) : REASON_OK;

	if (reason != REASON_COUNT)
		put(s, &s->family[FAMILY_REASON], "%s{%s,reason=\"%s\",class=\"%s\"} 1\n",
			families[FAMILY_REASON].name, labels, reason_code(reason),
			reason_class_names[reason_class(reason)]);
}

static void result_samples(struct scrape *s, const struct monitor *m, const json_t *result)
{
	const char *verdict = json_string_value(member(result, "verdict", NULL));
	const char *probe = json_string_value(member(result, "probe", NULL));
	const char *region = json_string_value(member(result, "region", NULL));
	char *name = label(m->name), *probe_name = label(probe ? probe : ""),
	     *region_name = label(region ? region : "");
	char *labels = mem_printf(
		"monitor=\"%s\",probe=\"%s\",region=\"%s\"", name, probe_name, region_name);

	if (verdict && strcmp(verdict, verdict_names[VERDICT_NONE]) != 0)
		put(s, &s->family[FAMILY_SUCCESS], "%s{%s} %d\n", families[FAMILY_SUCCESS].name,
			labels, strcmp(verdict, verdict_names[VERDICT_DOWN]) != 0);
	reason_sample(s, labels, result);
	sample(s, FAMILY_DURATION, labels, "", member(result, "phases", "total_us"), 1e6);
	sample(s, FAMILY_DNS, labels, "", member(result, "phases", "resolve_us"), 1e6);
	certificate_sample(s, labels, member(result, "certificate", "not_after"));
	if (m->type == CHECK_HTTP || m->type == CHECK_REDIRECT)
		http_samples(s, labels, result);
	else if (m->type == CHECK_PING)
		ping_samples(s, labels, result);
	else if (m->type == CHECK_DNS)
		dns_samples(s, labels, result);
	free(labels);
	free(name);
	free(probe_name);
	free(region_name);
}

static void monitor_samples(struct scrape *s, const struct monitor *m)
{
	struct coordinator *c = s->r->coordinator;
	int64_t since_wall_ms;
	enum monitor_state now = verdicts_state(c->verdicts, &m->id, &since_wall_ms);
	json_t *results = verdicts_results(c->verdicts, &m->id), *result;
	char *name = label(m->name);
	size_t i;

	for (int state = 0; state <= STATE_MAINTENANCE; state++)
		put(s, &s->family[FAMILY_STATE], "%s{monitor=\"%s\",type=\"%s\",state=\"%s\"} %d\n",
			families[FAMILY_STATE].name, name, check_kind_names[m->type],
			monitor_state_names[state], state == (int)now);
	json_array_foreach (results, i, result)
		result_samples(s, m, result);
	json_decref(results);
	free(name);
}

/* ---- the coordinator itself */

static void head(struct scrape *s, const char *name, const char *type, const char *help)
{
	put(s, &s->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(
	struct scrape *s, const char *name, const char *type, const char *help, int64_t value)
{
	head(s, name, type, help);
	put(s, &s->out, "%s %" PRId64 "\n", name, value);
}

static void verdict_metrics(struct scrape *s, struct coordinator *c)
{
	struct verdict_counts n;

	verdicts_counts(c->verdicts, &n);
	head(s, "quorate_monitors", "gauge", "Registered monitors by state");
	for (int state = 0; state <= STATE_MAINTENANCE; state++)
		put(s, &s->out, "quorate_monitors{state=\"%s\"} %" PRId64 "\n",
			monitor_state_names[state], n.by_state[state]);
	head(s, "quorate_monitors_margin", "gauge",
		"Monitors by how many more silent seats their quorum bears; blind: it is out of "
		"reach");
	put(s, &s->out,
		"quorate_monitors_margin{margin=\"blind\"} %" PRId64 "\n"
		"quorate_monitors_margin{margin=\"0\"} %" PRId64 "\n"
		"quorate_monitors_margin{margin=\"1\"} %" PRId64 "\n"
		"quorate_monitors_margin{margin=\"more\"} %" PRId64 "\n",
		n.blind, n.margin_0, n.margin_1, n.margin_more);
	single(s, "quorate_sight_lost", "gauge",
		"1 while more than half of the probes are silent since the same time",
		n.sight_lost);
	single(s, "quorate_votes_total", "counter", "Results that became votes", n.votes);
	single(s, "quorate_bursts_total", "counter", "Confirmation bursts ordered", n.bursts);
	single(s, "quorate_bursts_denied_total", "counter",
		"Confirmation bursts that no budget was left for", n.bursts_denied);
	single(s, "quorate_transitions_total", "counter", "Changes of a monitor's state",
		n.transitions);
	single(s, "quorate_hold", "gauge",
		"1 while alerts are neither opened nor closed after a start", n.held);
	single(s, "quorate_mass_flip", "gauge",
		"1 while so many monitors turn that each is looked at once more", n.mass_flip);
	single(s, "quorate_alerts_open", "gauge", "Open alerts",
		(int64_t)alerts_count_open(c->alerts));
	head(s, "quorate_loop_lag_seconds", "gauge", "Worst delay of the event loop lately");
	put(s, &s->out, "quorate_loop_lag_seconds %.6f\n", (double)n.lag_us / 1e6);
}

static void probe_metrics(struct scrape *s, struct coordinator *c)
{
	struct fleet_facts facts;

	head(s, "quorate_probe_voting", "gauge", "1 when the probe is heard and votes");
	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p));) {
		fleet_facts(c->fleet, p, &facts);
		put(s, &s->out, "quorate_probe_voting{probe=\"%s\",region=\"%s\"} %d\n", p->name,
			p->region, facts.standing == STANDING_VOTING);
	}
	head(s, "quorate_probe_spooled_results", "gauge", "Results that wait on the probe");
	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p));) {
		fleet_facts(c->fleet, p, &facts);
		put(s, &s->out,
			"quorate_probe_spooled_results{probe=\"%s\",region=\"%s\"} %" PRId64 "\n",
			p->name, p->region, facts.spooled);
	}
}

static void limit_metrics(struct scrape *s, struct coordinator *c)
{
	struct fleet_facts facts;

	head(s, "quorate_probe_held_back_seconds_total", "counter",
		"Time for which the probe was held back since it sent more than its limits");
	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p));) {
		fleet_facts(c->fleet, p, &facts);
		put(s, &s->out,
			"quorate_probe_held_back_seconds_total{probe=\"%s\",region=\"%s\"} %.3f\n",
			p->name, p->region, (double)facts.held_ms / 1000);
	}
	head(s, "quorate_probe_refused_messages_total", "counter",
		"Messages refused since the probe did not wait");
	for (struct probe *p = NULL; (p = registry_next_probe(c->registry, p));) {
		fleet_facts(c->fleet, p, &facts);
		put(s, &s->out,
			"quorate_probe_refused_messages_total{probe=\"%s\",region=\"%s\"} %" PRId64
			"\n",
			p->name, p->region, facts.refused);
	}
}

static void link_metrics(struct scrape *s, struct coordinator *c)
{
	struct fleet_counts n;

	fleet_counts(c->fleet, &n);
	single(s, "quorate_link_sessions", "gauge", "Probes with a session", n.sessions);
	single(s, "quorate_link_messages_total", "counter", "Messages received from probes",
		n.messages);
	single(s, "quorate_link_invalid_messages_total", "counter",
		"Messages that could not be used", n.invalid_messages);
	single(s, "quorate_results_total", "counter", "Results received", n.results);
	single(s, "quorate_results_duplicate_total", "counter", "Results received before",
		n.duplicate_results);
	single(s, "quorate_results_late_total", "counter", "Results that came too late to vote",
		n.late_results);
	single(s, "quorate_results_foreign_total", "counter",
		"Results for monitors that the probe was not asked for", n.foreign_results);
	single(s, "quorate_link_silent_sessions_total", "counter",
		"Sessions that ended for lack of a heartbeat", n.silent_sessions);
	single(s, "quorate_results_unstored_total", "counter",
		"Results that voted but were not stored", n.unstored_results);
}

static void door_metrics(struct scrape *s, struct coordinator *c)
{
	struct door_counts n;

	if (!c->door)
		return;
	door_counts(c->door, &n);
	head(s, "quorate_door_connections", "gauge", "Connections that came in by the door");
	put(s, &s->out,
		"quorate_door_connections{kind=\"stranger\"} %zu\n"
		"quorate_door_connections{kind=\"link\"} %zu\n"
		"quorate_door_connections{kind=\"api\"} %zu\n",
		n.strangers, n.links, n.api);
	single(s, "quorate_door_accepted_total", "counter", "Connections that came to the door",
		n.accepted);
	head(s, "quorate_door_ended_total", "counter", "Connections of the door, by their end");
	for (int i = 0; i < DOOR_END_COUNT; i++)
		put(s, &s->out, "quorate_door_ended_total{why=\"%s\"} %" PRId64 "\n",
			door_end_names[i], n.ended[i]);
}

static void store_metrics(struct scrape *s, struct coordinator *c)
{
	struct notify_counts n;

	head(s, "quorate_store_ok", "gauge", "1 while the store can commit");
	put(s, &s->out,
		"quorate_store_ok{what=\"state\"} %d\nquorate_store_ok{what=\"results\"} %d\n",
		!c->store_problem[STORE_PART_STATE], !c->store_problem[STORE_PART_RESULTS]);
	struct disk_space disk = store_disk(c->store);
	single(s, "quorate_store_disk_free_bytes", "gauge", "Room on the disk of the store",
		disk.free_bytes);
	single(s, "quorate_store_disk_bytes", "gauge", "Size of the disk of the store (0: none)",
		disk.total_bytes);
	single(s, "quorate_store_results_queued", "gauge", "Results that wait for their commit",
		store_results_queued(c->store));
	notify_counts(c->notify, &n);
	single(s, "quorate_outbox_pending", "gauge", "Messages to be delivered", n.pending);
	single(s, "quorate_outbox_sent_total", "counter", "Messages delivered", n.sent);
	single(s, "quorate_outbox_failed_attempts_total", "counter",
		"Deliveries that failed and are tried again", n.failed_attempts);
	single(s, "quorate_outbox_dead", "gauge", "Messages that could not be delivered", n.dead);
}

static void api_metrics(struct scrape *s, const struct api *api)
{
	struct api_counts n;

	if (!api)
		return;
	api_counts(api, &n);
	single(s, "quorate_api_requests_total", "counter", "Requests received", n.requests);
	head(s, "quorate_api_answers_total", "counter", "Answers by class of their status");
	for (int class = 2; class <= 5; class ++)
		put(s, &s->out, "quorate_api_answers_total{class=\"%dxx\"} %" PRId64 "\n", class,
			n.answers[class]);
	single(s, "quorate_api_unauthorized_total", "counter",
		"Requests with a wrong or missing key", n.unauthorized);
	single(s, "quorate_api_connections", "gauge", "Open connections", (int64_t)n.connections);
	single(s, "quorate_api_cut_total", "counter", "Connections cut by a deadline or a ceiling",
		n.cut);
	single(s, "quorate_api_streams", "gauge", "Open event streams", (int64_t)n.streams);
	single(s, "quorate_api_streams_dropped_total", "counter",
		"Streams whose reader was too slow", n.streams_dropped);
}

/* ---- a scrape, turn by turn */

static void scrape_free(void *arg)
{
	struct scrape *s = arg;

	timer_clear(&s->turn);
	buf_clear(&s->out);
	for (int f = 0; f < FAMILY_COUNT; f++)
		buf_clear(&s->family[f]);
	free(s);
}

static void finish(struct scrape *s)
{
	struct coordinator *c = s->r->coordinator;

	head(s, "quorate_info", "gauge", "The coordinator's version");
	put(s, &s->out, "quorate_info{version=\"%s\"} 1\n", QUORATE_VERSION);
	verdict_metrics(s, c);
	probe_metrics(s, c);
	limit_metrics(s, c);
	link_metrics(s, c);
	door_metrics(s, c);
	store_metrics(s, c);
	api_metrics(s, c->api);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		if (s->family[f].size_bytes == 0)
			continue;
		head(s, families[f].name, families[f].type, families[f].help);
		if (buf_add(&s->out, s->family[f].data, s->family[f].size_bytes) == -1)
			s->overflow = true;
		buf_clear(&s->family[f]);
	}
	if (s->overflow)
		api_problem(s->r, 500, "too-large", "the metrics are larger than 64 MiB", NULL);
	else
		api_reply_text(
			s->r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&s->out));
}

static void turn_cb(void *arg)
{
	struct scrape *s = arg;
	struct registered *m;

	for (int i = 0; i < MONITORS_PER_TURN; i++) {
		m = registry_next_monitor(s->r->coordinator->registry, &s->last);
		if (!m) {
			finish(s);
			return;
		}
		monitor_samples(s, &m->m);
		s->last = m->m.id;
	}
	timer_set(&s->turn, 0);
}

void handle_metrics(struct api_request *r)
{
	struct scrape *s = mem_alloc(sizeof(*s));

	s->r = r;
	buf_init(&s->out, FAMILY_MAX_BYTES);
	for (int f = 0; f < FAMILY_COUNT; f++)
		buf_init(&s->family[f], FAMILY_MAX_BYTES);
	timer_init(&s->turn, r->coordinator->loop, turn_cb, s);
	r->context = s;
	r->context_free = scrape_free;
	turn_cb(s);
}
