// SPDX-License-Identifier: MIT
/*
 * quorate rehearse: which alerts another policy would have raised, on the results that really came.
 * Nothing is changed; the coordinator is only asked for its history.
 */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/evidence.h"
#include "coordinator/cli/history.h"
#include "coordinator/rule.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/table.h"
#include "proto/base/yaml.h"
#include "proto/monitor.h"
#include "quorate/duration.h"

#include <stdlib.h>
#include <string.h>

#define FROM_DEFAULT_MS (INT64_C(7) * 86400000)

struct rehearsal {
	struct cli *cli;
	struct client *client;
	struct yaml_doc *policy; /* NULL: the monitor's own */
	json_t *probes;
	int64_t from_wall_ms, to_wall_ms;
	/* of the monitor that is rehearsed just now */
	const char *name;
	json_t *actual; /* its alerts as they really were */
	json_t *alerts; /* of all monitors, as they would have been */
	int raised, really;
};

/* ---- what is asked for */

static bool read_instant(
	struct cli *cli, const struct args *args, const char *name, int64_t ago_ms, int64_t *out)
{
	const char *text = args_value(args, name);
	int64_t ms;

	*out = clock_wall_ms() - ago_ms;
	if (!text || time_parse(text, out) == 0)
		return true;
	if (duration_parse(text, &ms) == 0) {
		*out = clock_wall_ms() - ms;
		return true;
	}
	cli_usage(cli,
		"--%s: '%s' is not accepted; accepted: a time such as 2026-11-21T18:30:00Z, or how "
		"long ago, such as 7d",
		name, text);
	return false;
}

/* What a policy may say: the parts of a monitor that are judged by the coordinator. */
static void check_members(const json_t *policy, struct problems *problems)
{
	json_t *value, *inner;
	const char *name, *member;

	json_object_foreach ((json_t *)(uintptr_t)policy, name, value) {
		if (strcmp(name, "quorum") == 0 || strcmp(name, "alert") == 0)
			continue;
		if (strcmp(name, "expect") != 0) {
			problems_add(problems, name,
				"is not rehearsed; accepted: quorum, alert, and expect.failures");
			continue;
		}
		json_object_foreach (value, member, inner)
			if (strcmp(member, "failures") != 0)
				problems_add(problems, "expect",
					"'%s' was judged by the probes, then; accepted: failures",
					member);
	}
}

/* The parts of MONITOR that matter here, POLICY's in place of its own. */
static json_t *merged(const json_t *monitor, const json_t *policy)
{
	static const char *const parts[] = {
		"name", "type", "target", "interval", "timeout", "quorum", "alert", "expect"};
	json_t *out = json_object(), *value, *mine;
	const char *name;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (json_object_get(monitor, parts[i]))
			json_object_set_new(
				out, parts[i], json_deep_copy(json_object_get(monitor, parts[i])));
	json_object_foreach ((json_t *)(uintptr_t)policy, name, value) {
		mine = json_object_get(out, name);
		if (json_is_object(mine) && json_is_object(value))
			json_object_update(mine, value);
		else
			json_object_set(out, name, value);
	}
	return out;
}

/* Says on ERR what is wrong with the policy, if anything is. */
static bool decode_policy(struct rehearsal *re, const json_t *monitor, struct monitor *out)
{
	const json_t *policy = re->policy ? yaml_root(re->policy) : NULL;
	struct problems problems = {0};
	json_t *whole;

	if (policy && !json_is_object(policy))
		problems_add(&problems, "", "is no object; accepted: quorum, alert, expect");
	else if (policy)
		check_members(policy, &problems);
	whole = merged(monitor, problems.total > 0 ? NULL : policy);
	if (problems.total == 0)
		(void)!monitor_decode(whole, 0, "", out, &problems);
	json_decref(whole);
	if (problems.total == 0)
		return true;
	if (re->policy)
		yaml_print_problems(re->policy, &problems, re->cli->err);
	else
		cli_fail(re->cli, "monitor '%s': %s: %s", re->name, problems.item[0].path,
			problems.item[0].message);
	monitor_clear(out);
	return false;
}

/* ---- beside what really was */

static int64_t instant_of(const json_t *alert, const char *member, int64_t otherwise)
{
	int64_t at_ms;

	if (time_parse(value_text(alert, member, ""), &at_ms) == -1)
		return otherwise;
	return at_ms;
}

/* The real alert of the same kind that was open at the same time; NULL: there was none. */
static const json_t *counterpart(const struct rehearsal *re, const struct rehearsal_alert *a)
{
	json_t *one;
	size_t i;

	json_array_foreach (value_at(re->actual, "items"), i, one) {
		if (strcmp(value_text(one, "kind", ""), alert_kind_names[a->kind]) == 0 &&
			instant_of(one, "opened_at", 0) < a->closed_at_ms &&
			instant_of(one, "closed_at", INT64_MAX) > a->opened_at_ms)
			return one;
	}
	return NULL;
}

static json_t *instant_json(int64_t at_ms)
{
	char text[TIME_TEXT_SIZE];

	return at_ms == INT64_MAX ? json_null() : json_string(time_format(at_ms, text));
}

static void take_alert(void *arg, const struct rehearsal_alert *a)
{
	struct rehearsal *re = arg;
	const json_t *real = counterpart(re, a);

	re->raised++;
	json_array_append_new(re->alerts,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:s, s:s}, s:i, s:s?}", "monitor", re->name,
			"kind", alert_kind_names[a->kind], "severity", severity_names[a->severity],
			"opened_at", instant_json(a->opened_at_ms), "closed_at",
			instant_json(a->closed_at_ms), "reason", "code",
			reason_code((enum reason)a->reason), "text",
			reason_text_en((enum reason)a->reason), "rounds", a->rounds, "really",
			real ? value_text(real, "case", NULL) : NULL));
}

/* Real alerts about MONITOR of this time. */
static void count_real(struct rehearsal *re)
{
	json_t *one;
	size_t i;

	json_array_foreach (value_at(re->actual, "items"), i, one)
		re->really += instant_of(one, "opened_at", 0) <= re->to_wall_ms &&
			      instant_of(one, "closed_at", INT64_MAX) >= re->from_wall_ms;
}

/* ---- one monitor */

static void note_history(
	struct rehearsal *re, const struct history *h, const struct monitor *m, int seats)
{
	if (h->n == 0)
		cli_note(re->cli, "%s: no results of this time are stored.", re->name);
	else if (seats < m->quorum.seats)
		cli_note(re->cli,
			"%s: its results came from %d %s; the policy asks for %lld seats, %d are "
			"played.",
			re->name, h->domains, h->domains == 1 ? "place" : "places",
			(long long)m->quorum.seats, seats);
	if (h->late > 0)
		cli_note(re->cli, "%s: %lld results came too late to vote, and do not vote here.",
			re->name, (long long)h->late);
}

static int play(struct rehearsal *re, const json_t *monitor, const struct monitor *m)
{
	struct history h;
	struct watch_rule rule;
	struct id id;

	if (id_parse(value_text(monitor, "id", ""), &id) == -1 ||
		history_fetch(re->client, monitor, re->probes, re->from_wall_ms, re->to_wall_ms,
			&h) == -1)
		return CLI_FAILED;
	int seats = history_seat(&h, &id, (int)m->quorum.seats);
	note_history(re, &h, m, seats);
	if (h.n > 0) {
		rule_of(m, seats, &rule);
		rehearsal_play(&rule, (int)m->quorum.per_seat, h.votes, h.n,
			h.votes[h.n - 1].ended_at_ms, take_alert, re);
	}
	count_real(re);
	history_clear(&h);
	return CLI_OK;
}

static int rehearse_one(struct rehearsal *re, const char *name)
{
	char *path = client_path("/api/v1/monitors/%s?effective=true", name), *alerts;
	json_t *monitor = NULL;
	struct monitor m = {0};
	int status = client_call(re->client, "GET", path, NULL, &monitor);

	free(path);
	if (status == -1)
		return CLI_FAILED;
	re->name = value_text(monitor, "name", name);
	alerts = client_path("/api/v1/alerts?limit=500&monitor=%s", value_text(monitor, "id", ""));
	status = CLI_FAILED;
	if (client_list(re->client, alerts, 0, &re->actual) == 0) {
		status = CLI_USAGE;
		if (decode_policy(re, monitor, &m)) {
			status = play(re, monitor, &m);
			monitor_clear(&m);
		}
		json_decref(re->actual);
	}
	free(alerts);
	json_decref(monitor);
	return status;
}

/* ---- for people */

static void add_row(struct table *t, const json_t *a)
{
	char local[TEXT_SIZE], lasted[TEXT_SIZE];

	table_add_styled(t, STYLE_BOLD, value_text(a, "monitor", NULL));
	table_add(t, value_text(a, "kind", NULL));
	table_add_styled(
		t, style_of(value_text(a, "severity", "")), value_text(a, "severity", NULL));
	table_add(t, text_local(local, value_text(a, "opened_at", NULL)));
	if (value_text(a, "closed_at", NULL))
		table_add(t, text_duration(lasted, instant_of(a, "closed_at", 0) -
							   instant_of(a, "opened_at", 0)));
	else
		table_add(t, "open");
	table_add(t, value_text(a, "reason.code", NULL));
	table_add(t, value_text(a, "really", "no alert"));
}

static void print_rehearsal(struct rehearsal *re)
{
	static const char *const headers[] = {
		"MONITOR", "KIND", "SEVERITY", "WOULD OPEN", "LASTED", "REASON", "REALLY", NULL};
	struct table *t = table_new(headers);
	json_t *one;
	size_t i;

	json_array_foreach (re->alerts, i, one)
		add_row(t, one);
	table_print(t, re->cli->out, re->cli->color, 0);
	cli_note(re->cli, "%d %s under this policy; %d really.", re->raised,
		re->raised == 1 ? "alert" : "alerts", re->really);
}

static int rehearse_all(struct rehearsal *re, const struct args *args)
{
	json_t *probes = NULL;
	int status = CLI_OK;

	if (client_list(re->client, "/api/v1/probes", 0, &probes) == -1)
		return CLI_FAILED;
	re->probes = value_at(probes, "items");
	re->alerts = json_array();
	for (int i = 0; i < args->n_operands && status == CLI_OK; i++)
		status = rehearse_one(re, args->operand[i]);
	if (status == CLI_OK && re->cli->json) {
		json_t *all = json_pack("{s:O, s:i}", "alerts", re->alerts, "really", re->really);
		cli_print_json(re->cli, all);
		json_decref(all);
	} else if (status == CLI_OK) {
		print_rehearsal(re);
	}
	json_decref(re->alerts);
	json_decref(probes);
	return status;
}

int command_rehearse(struct cli *cli, const struct args *args)
{
	struct rehearsal re = {.cli = cli};
	const char *file = args_value(args, "policy");
	struct yaml_error error;
	int status;

	if (!read_instant(cli, args, "from", FROM_DEFAULT_MS, &re.from_wall_ms) ||
		!read_instant(cli, args, "to", 0, &re.to_wall_ms))
		return CLI_USAGE;
	if (re.from_wall_ms >= re.to_wall_ms)
		return cli_usage(cli, "--from is not before --to");
	if (file && yaml_load_file(file, &re.policy, &error) == -1)
		return cli_usage(
			cli, "%s:%d:%d: %s", file, error.line, error.column, error.message);
	re.client = cli_client(cli);
	status = re.client ? rehearse_all(&re, args) : CLI_FAILED;
	yaml_doc_free(re.policy);
	return status;
}
