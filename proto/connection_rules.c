// SPDX-License-Identifier: MIT
/* The rules of a connection, its TLS and its dialogue (types tcp and tls) that no single bound can
 * say. */
#include "proto/monitor_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FINGERPRINT_DIGITS 64 /* SHA-256 */

/* ---- single fields */

int alpn_check(const void *value, const char **why)
{
	const struct strings *names = value;

	*why = "a list of names of application protocols, each of 1 to 64 bytes, for example h2";
	for (size_t i = 0; i < names->n; i++) {
		size_t n = strlen(names->item[i]);

		if (n == 0 || n > ALPN_NAME_MAX_BYTES)
			return -1;
	}
	return 0;
}

int fingerprint_check(const void *value, const char **why)
{
	size_t digits = 0;

	*why = "64 hexadecimal digits, with or without colons, as in what "
	       "'openssl x509 -noout -fingerprint -sha256' says behind '='";
	for (const char *c = *(char *const *)value; *c != '\0'; c++) {
		if (!isxdigit((unsigned char)*c) && *c != ':')
			return -1;
		digits += *c != ':';
	}
	return digits == FINGERPRINT_DIGITS ? 0 : -1;
}

/* ---- several of them */

void tls_versions_check(const void *object, const char *path, struct problems *problems)
{
	const struct tls_versions *v = object;

	if (v->min >= 0 && v->max >= 0 && v->min > v->max)
		problems_add_at(problems, path, "min", "%s is newer than max (%s)",
			tls_version_names[v->min], tls_version_names[v->max]);
}

static bool is_send(const struct dialogue_step *step)
{
	return step->send.value != NULL || step->send.secret != NULL;
}

void dialogue_step_check(const void *object, const char *path, struct problems *problems)
{
	const struct dialogue_step *step = object;
	int n = is_send(step) + (step->expect != NULL) + (step->expect_regex != NULL) +
		step->starttls;

	if (n != 1)
		problems_add_at(problems, path, "",
			"a step has %s; accepted: one of expect, expect_regex, send or starttls",
			n == 0 ? "nothing to do" : "several things to do");
}

/* Which step of the dialogue begins TLS; -1: none. */
static int starttls_step(const struct monitor *m)
{
	const struct dialogue_step *steps = m->request.dialogue.item;

	for (size_t i = 0; i < m->request.dialogue.n; i++)
		if (steps[i].starttls)
			return (int)i;
	return -1;
}

bool monitor_uses_tls(const struct monitor *m)
{
	switch (m->type) {
	case CHECK_HTTP:
	case CHECK_REDIRECT:
		return m->target != NULL && strncasecmp(m->target, "https://", 8) == 0;
	case CHECK_TCP:
		return m->request.tls || m->request.starttls >= 0 || starttls_step(m) >= 0;
	case CHECK_TLS:
		return true;
	default:
		return false;
	}
}

static void check_once(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct dialogue_step *steps = m->request.dialogue.item;
	bool tls = m->request.tls || m->request.starttls >= 0;
	int first = -1;

	if (m->request.tls && m->request.starttls >= 0)
		problems_add_at(problems, path, "request.starttls",
			"TLS has begun already with request.tls; accepted: one of both");
	for (size_t i = 0; i < m->request.dialogue.n; i++) {
		char name[64];

		if (!steps[i].starttls)
			continue;
		snprintf(name, sizeof(name), "request.dialogue[%zu].starttls", i);
		if (tls || first >= 0)
			problems_add_at(problems, path, name,
				"TLS has begun already with %s; accepted: once",
				first >= 0       ? "an earlier step"
				: m->request.tls ? "request.tls"
						 : "request.starttls");
		first = (int)i;
	}
}

/* What would never be looked at. */
static void check_use(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct {
		bool given;
		const char *name;
	} of_tls[] = {
		{m->request.server_name != NULL, "request.server_name"},
		{m->request.alpn.n > 0, "request.alpn"},
		{m->expect.certificate_days.warning_days != UNSET ||
				m->expect.certificate_days.critical_days != UNSET,
			"expect.certificate_days"},
		{m->expect.tls_version.min >= 0 || m->expect.tls_version.max >= 0,
			"expect.tls_version"},
		{m->expect.issuer != NULL, "expect.issuer"},
		{m->expect.fingerprint != NULL, "expect.fingerprint"},
	};

	for (size_t i = 0; i < ARRAY_LEN(of_tls) && !monitor_uses_tls(m); i++)
		if (of_tls[i].given)
			problems_add_at(problems, path, of_tls[i].name,
				"there is no TLS; accepted with request.tls, request.starttls or a "
				"starttls step of the dialogue");
	if (m->expect.port == PORT_CLOSED && (monitor_uses_tls(m) || m->request.dialogue.n > 0))
		problems_add_at(problems, path, "expect.port",
			"'closed' leaves nothing to talk to; accepted: open, or no TLS and no "
			"dialogue");
}

void connection_check(const struct monitor *m, const char *path, struct problems *problems)
{
	if (m->type != CHECK_TCP)
		return;
	check_once(m, path, problems);
	check_use(m, path, problems);
}
