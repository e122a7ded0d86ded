// SPDX-License-Identifier: MIT
/*
 * What can be seen at once is told at once. What takes time, name servers and the coordinator's
 * addresses, is begun all together and told when the last of it is over, so that the slowest decides
 * how long it takes and not their sum.
 */
#include "probe/doctor_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include "probe/token.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES 1024

static const struct {
	const char *group; /* NULL: it names its own */
	void (*report)(struct doctor *d);
	bool waits; /* for the loop */
} steps[] = {
	{"configuration", doctor_conf_report, false},
	{"this machine", doctor_machine_report, false},
	{"network", doctor_network_report, true},
	{"network", doctor_dns_report, true},
	{"network", doctor_anchors_report, true},
	{"coordinator", doctor_link_report, true},
	{NULL, doctor_door_report, true},
};

/* ---- findings */

PRINTF_LIKE(1, 0) static char *clean_text(const char *format, va_list arguments)
{
	char text[TEXT_MAX_BYTES];
	vsnprintf(text, sizeof text, format, arguments);
	return utf8_replace_controls(utf8_clean(text, strlen(text), sizeof text), '?');
}

void doctor_say(struct doctor *d, enum mark mark, const char *step, const char *format, ...)
{
	va_list arguments;
	d->finding = mem_resize(d->finding, d->n_findings + 1, sizeof *d->finding);
	struct finding *f = &d->finding[d->n_findings++];
	va_start(arguments, format);
	*f = (struct finding){.mark = mark,
		.step = step,
		.group = mem_strdup(d->group),
		.text = clean_text(format, arguments)};
	va_end(arguments);
}

void doctor_advise(struct doctor *d, const char *format, ...)
{
	va_list arguments;
	ensure(d->n_findings > 0 && !d->finding[d->n_findings - 1].remedy);
	va_start(arguments, format);
	d->finding[d->n_findings - 1].remedy = clean_text(format, arguments);
	va_end(arguments);
}

void doctor_done(struct doctor *d)
{
	if (--d->pending == 0)
		loop_stop(d->loop);
}

bool doctor_is_stranger(const struct doctor *d)
{
	return geteuid() != 0 && geteuid() != d->owner;
}

/* ---- the course of it */

static void on_guard(void *arg)
{
	struct doctor *d = arg;
	loop_stop(d->loop);
}

static void wait_for_all(struct doctor *d)
{
	struct timer guard;
	timer_init(&guard, d->loop, on_guard, d);
	timer_set(&guard, DOCTOR_MS);
	if (d->pending)
		loop_run(d->loop);
	timer_clear(&guard);
}

static void run_steps(struct doctor *d, bool waits, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].waits != waits)
			continue;
		d->group = steps[i].group;
		steps[i].report(d);
		if (!d->options->json)
			doctor_tell_text(d, out);
	}
}

static void clear(struct doctor *d)
{
	for (size_t i = 0; i < d->n_findings; i++) {
		free(d->finding[i].group);
		free(d->finding[i].text);
		free(d->finding[i].remedy);
	}
	free(d->finding);
	doctor_visits_free(d);
	doctor_dns_free(d);
	doctor_anchors_free(d);
	resolver_free(d->resolver);
	curl_loop_free(d->cl);
	loop_free(d->loop);
	token_free(d->token);
	token_free(d->password);
	schema_clear(&probe_conf_schema, &d->conf);
}

int doctor_run(const struct doctor_options *options, FILE *out)
{
	struct doctor d = {.options = options, .owner = geteuid(), .owner_group = getegid()};
	const struct passwd *us = getpwuid(geteuid());
	snprintf(d.our_name, sizeof d.our_name, "%s", us ? us->pw_name : "?");
	snprintf(d.owner_name, sizeof d.owner_name, "%s", d.our_name);
	log_set_level(LOG_LEVEL_ERROR); /* what others would log is told here */
	d.loop = loop_new();
	d.cl = curl_loop_new(d.loop);
	d.resolver = resolver_new_with(d.loop,
		options->resolv_conf ? options->resolv_conf : "/etc/resolv.conf",
		options->dns_port);
	run_steps(&d, false, out);
	fflush(out);
	d.pending = 1; /* until all have begun: some end at once */
	doctor_dns_begin(&d);
	doctor_anchors_begin(&d);
	doctor_visits_begin(&d);
	doctor_done(&d);
	wait_for_all(&d);
	run_steps(&d, true, out);
	if (options->json)
		doctor_tell_json(&d, out);
	else
		doctor_tell_end(&d, out);
	fflush(out);
	int status = doctor_exit(&d);
	clear(&d);
	return status;
}
