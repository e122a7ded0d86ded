// SPDX-License-Identifier: MIT
/* What is checked: targets on the command line, or the monitors of a file; and the local file that
 * bounds it. */
#include "probe/once_internal.h"

#include "probe/joined.h"
#include "probe/net.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/base/utf8.h"
#include "proto/files.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

#define CONF_PATH "/etc/quorate/probe.yml"

/* What is wrong with FILE was said to people; a plugin says one line. */
static int complained(struct once *o, const char *file)
{
	return o->form == &once_nagios ? once_complain(o, "%s cannot be used", file) : ONCE_UNKNOWN;
}

/* ---- the local file */

static int read_conf(struct once *o)
{
	const char *path = args_value(&o->args, "config"), *cidr, *why;
	char ignored[TOKEN_WHY_SIZE];
	if (probe_conf_load_to(path ? path : CONF_PATH, !path, &o->conf, o->err) == -1)
		return complained(o, path ? path : CONF_PATH);
	/* where the coordinator is, if this probe has joined and we may know */
	(void)!joined_complete(&o->conf, ignored);
	bounds_policy(&o->conf, &o->policy);
	for (int i = 0; (cidr = args_nth(&o->args, "allow", i)); i++)
		if (policy_allow(&o->policy, cidr, &why) == -1)
			return once_complain(
				o, "--allow: '%s' cannot be used; accepted: %s", cidr, why);
	if (o->concurrency > o->conf.in_flight_max)
		o->concurrency = o->conf.in_flight_max;
	return -1;
}

/* ---- jobs */

/* M as it is checked here: whenever we say, and for whom this probe is there. Takes M. */
static void add_job(struct once *o, struct monitor *m)
{
	if (id_is_zero(&m->id))
		m->id = id_new();
	m->interval_ms = INTERVAL_MAX_MS; /* our turns are no schedule that could be missed */
	if (o->conf.organizations.n)
		mem_set(&m->organization, o->conf.organizations.item[0]);
	o->job = mem_resize(o->job, o->n_jobs + 1, sizeof(struct job *));
	o->job[o->n_jobs++] = job_new(m, 0);
}

void once_drop_jobs(struct once *o)
{
	for (size_t i = 0; i < o->n_jobs; i++)
		job_unref(o->job[i]);
	free(o->job);
	schema_clear(&probe_conf_schema, &o->conf);
}

/* ---- from the command line */

static bool is_url(const char *word)
{
	return strncasecmp(word, "http://", 7) == 0 || strncasecmp(word, "https://", 8) == 0;
}

static bool is_kind(const char *word)
{
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		if (strcmp(word, check_kind_names[kind]) == 0)
			return true;
	return false;
}

static int complain_kind(struct once *o, const char *word)
{
	char host[NET_HOST_SIZE];
	const char *near = o->args.n_operands > 1
				   ? nearest_name(word, check_kind_names, CHECK_KIND_COUNT)
				   : NULL;
	int port;
	if (near)
		return once_complain(o, "'%s' is no kind of check; did you mean '%s'?", word, near);
	if (net_split_target(word, host, &port) == 0)
		return once_complain(o,
			"'%s': what kind of check? accepted: tcp %s, or a URL such as "
			"http://%s/",
			word, word, word);
	return once_complain(o,
		"'%s': what kind of check? accepted: ping %s, dns %s, tcp HOST:PORT, or a URL such "
		"as https://%s/",
		word, word, word, word);
}

/* Problems of a member belong to the option that made it. */
static int complain_problems(struct once *o, const char *target, const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const char *path = problems->item[i].path;
		const char *option = monitor_options_name(o->options, path);
		if (option)
			once_complain(o, "--%s: %s", option, problems->item[i].message);
		else if (strcmp(path, "target") == 0)
			once_complain(o, "%s", problems->item[i].message);
		else
			once_complain(o, "%s: %s%s%s", target, path, *path ? ": " : "",
				problems->item[i].message);
		if (o->form == &once_nagios)
			break; /* a plugin says one line */
	}
	return ONCE_UNKNOWN;
}

static void set_family(const struct once *o, json_t *m)
{
	const char *family = args_has(&o->args, "ipv4")   ? "ipv4"
			     : args_has(&o->args, "ipv6") ? "ipv6"
							  : NULL;
	json_t *request = json_object_get(m, "request");
	if (!family)
		return;
	if (!request)
		json_object_set_new(m, "request", request = json_object());
	json_object_set_new(request, "family", json_string(family));
}

static json_t *describe(struct once *o, const char *kind, const char *target)
{
	json_t *m = json_object();
	char *name = utf8_clean(target, strlen(target), NAME_MAX_BYTES);
	utf8_replace_controls(name, '?');
	json_object_set_new(m, "name", json_string(name));
	json_object_set_new(m, "type", json_string(kind));
	json_object_set_new(m, "target", json_string(target));
	json_object_set_new(m, "interval", json_string("24h"));
	set_family(o, m);
	free(name);
	return m;
}

static int add_target(struct once *o, const char *kind, const char *target)
{
	struct problems problems = {0};
	struct monitor m = {0};
	const char *wrong;
	char path[160], why[320];
	int status = -1;
	json_t *in = describe(o, kind, target);
	if (monitor_options_apply(o->options, &o->args, in, &wrong) == -1)
		status = once_complain(o, "--%s: accepted: 'NAME: VALUE'", wrong);
	else if (!json_object_get(in, "target")) /* json_string() takes UTF-8 only */
		status = once_complain(o, "a target is no text; accepted: UTF-8");
	else if (monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) == -1)
		status = complain_problems(o, target, &problems);
	else if (once_fill_secrets(o, &m, path, why))
		status = once_complain(o, "--%s: %s", monitor_options_name(o->options, path), why);
	json_decref(in);
	if (status == -1)
		add_job(o, &m);
	else
		monitor_clear(&m);
	return status;
}

static int add_targets(struct once *o)
{
	const char *first = o->args.operand[0];
	bool typed = is_kind(first);
	if (typed && o->args.n_operands == 1)
		return once_complain(
			o, "%s: the target is missing; accepted: %s TARGET", first, first);
	for (int i = typed; i < o->args.n_operands; i++) {
		const char *word = o->args.operand[i];
		if (!typed && !is_url(word))
			return complain_kind(o, word);
		int status = add_target(o, typed ? first : "http", word);
		if (status != -1)
			return status;
	}
	return -1;
}

/* ---- from a file */

static bool is_wanted(struct once *o, const struct monitor *m)
{
	if (o->args.n_operands == 0)
		return m->enabled;
	for (int i = 0; i < o->args.n_operands; i++)
		if (strcmp(o->args.operand[i], m->name) == 0)
			return true;
	return false;
}

static void add_monitor(struct once *o, struct files *files, size_t index, const json_t *in)
{
	struct problems problems = {0};
	struct monitor m;
	char path[160], why[320];
	/* files_check() has found no mistake in it */
	ensure(monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) == 0);
	if (!is_wanted(o, &m)) {
		monitor_clear(&m);
	} else if (once_fill_secrets(o, &m, path, why)) {
		char *at = mem_printf("monitors[%zu].%s", index, path);
		files_complain(files, at, why);
		free(at);
		monitor_clear(&m);
	} else {
		add_job(o, &m);
	}
}

/* Every name that was asked for is there. */
static int check_names(struct once *o, const json_t *monitors)
{
	size_t n = json_array_size(monitors), i;
	const char **names = mem_array(n + 1, sizeof(*names));
	int status = -1;
	json_t *m;
	json_array_foreach ((json_t *)(uintptr_t)monitors, i, m)
		names[i] = json_string_value(json_object_get(m, "name"));
	for (int k = 0; k < o->args.n_operands && status == -1; k++) {
		const char *word = o->args.operand[k];
		for (i = 0; i < n && strcmp(names[i], word) != 0; i++)
			;
		if (i < n)
			continue;
		const char *near = nearest_name(word, names, n);
		status = near ? once_complain(o, "%s has no monitor '%s'; did you mean '%s'?",
					args_value(&o->args, "file"), word, near)
			      : once_complain(o, "%s has no monitor '%s'",
					args_value(&o->args, "file"), word);
	}
	free(names);
	return status;
}

static int add_file(struct once *o)
{
	const char *path = args_value(&o->args, "file");
	struct files *files = files_new();
	json_t *monitors = files_monitors(files), *m;
	int status = -1;
	size_t i;
	files_add(files, path);
	files_check(files);
	if (files_complaints(files) == 0)
		status = check_names(o, monitors);
	if (files_complaints(files) == 0 && status == -1)
		json_array_foreach (monitors, i, m)
			add_monitor(o, files, i, m);
	if (files_complaints(files) > 0) {
		files_print_complaints(files, o->err);
		status = complained(o, path);
	} else if (status == -1 && o->n_jobs == 0) {
		status = once_complain(o, "%s has no monitor that is enabled", path);
	}
	files_free(files);
	return status;
}

int once_make_jobs(struct once *o)
{
	int status = read_conf(o);
	if (status == -1)
		status = once_read_secrets(o);
	if (status != -1)
		return status;
	status = args_has(&o->args, "file") ? add_file(o) : add_targets(o);
	if (status == -1)
		for (size_t i = 0; i < o->n_secrets; i++)
			if (!o->secret[i].used)
				return once_complain(o,
					"--secret %s: nothing that is checked here names it",
					o->secret[i].name);
	return status;
}
