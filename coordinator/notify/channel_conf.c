// SPDX-License-Identifier: MIT
/* The table of a channel in coordinator.yml. The URL counts as a secret: chat services put their
 * token into its path. */
#include "coordinator/notify/channel.h"

#include "proto/base/mem.h"
#include "quorate/limits.h"
#include "quorate/verdict.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONF(member) offsetof(struct channel_conf, member)

/* A part of idempotency keys, and so of a header: the safe characters only. */
static int check_name(const void *value, const char **why)
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *name = *(char *const *)value;
	if (!name || name[strspn(name, safe)] == '\0')
		return 0;
	*why = "letters, digits, '.', '_' and '-'";
	return -1;
}

/* What comes after "://", NULL when TEXT is neither http nor https. */
static const char *after_scheme(const char *text)
{
	if (strncasecmp(text, "http://", 7) == 0)
		return text + 7;
	return strncasecmp(text, "https://", 8) == 0 ? text + 8 : NULL;
}

static int check_url(const void *value, const char **why)
{
	const char *text = *(char *const *)value, *rest;
	if (!text)
		return 0;
	CURLU *url = curl_url();
	ensure(url);
	rest = after_scheme(text);
	/* curl forgives a third slash; we do not: "https:///x" has no host. */
	bool fine = rest && !strchr("/?#", rest[0]) && text[strcspn(text, " \t\r\n")] == '\0' &&
		    curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
	curl_url_cleanup(url);
	*why = "an http:// or https:// URL";
	return fine ? 0 : -1;
}

static int check_secret(const void *value, const char **why)
{
	const char *text = *(char *const *)value;
	struct signing_keys keys;
	if (!text)
		return 0;
	int rc = signing_keys_parse(text, &keys, why);
	signing_keys_clear(&keys);
	return rc;
}

static int check_kinds(const void *value, const char **why)
{
	const struct strings *kinds = value;
	for (size_t i = 0; i < kinds->n; i++) {
		int k = 0;
		while (k < ALERT_KIND_COUNT && strcmp(kinds->item[i], alert_kind_names[k]) != 0)
			k++;
		if (k == ALERT_KIND_COUNT && strcmp(kinds->item[i], NOTIFY_KIND_COORDINATOR) != 0) {
			*why = "kinds of alerts: down, slow, certificate, loss, value, "
			       "failures, regional, undetermined, flapping, probe, "
			       "coordinator";
			return -1;
		}
	}
	return 0;
}

static void check_channel(const void *object, const char *path, struct problems *problems)
{
	const struct channel_conf *conf = object;
	struct signing_keys keys;
	char at[sizeof(problems->item[0].path)], why[CHANNEL_WHY_SIZE];
	snprintf(at, sizeof(at), "%s%ssecret_file", path, path[0] ? "." : "");
	if (conf->secret && conf->secret_file) {
		problems_add(problems, at, "secret is given too; accepted: one of the two");
		return;
	}
	if (signing_keys_load(conf, &keys, why) == -1)
		problems_add(problems, at, "%s", why);
	signing_keys_clear(&keys);
}

static const char *const mass_flip_styles[] = {"each", "grouped", NULL};

static const struct field channel_conf_fields[] = {
	{.name = "name",
		.type = FIELD_STRING,
		.offset = CONF(name),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = NAME_MAX_BYTES,
		.check = check_name,
		.doc = "The channel's name: unique, of letters, digits, '.', '_' and '-'."},
	{.name = "webhook",
		.type = FIELD_STRING,
		.offset = CONF(webhook),
		.flags = FIELD_REQUIRED | FIELD_SECRET,
		.min = 1,
		.max = URL_MAX_BYTES,
		.check = check_url,
		.doc = "The http:// or https:// URL that messages are posted to, as Standard "
		       "Webhooks 1.0.0."},
	{.name = "secret",
		.type = FIELD_STRING,
		.offset = CONF(secret),
		.flags = FIELD_SECRET,
		.max = 1024,
		.check = check_secret,
		.doc = "Signs messages: whsec_ and base64 of 24 to 64 bytes; several, with blanks "
		       "between them, while a "
		       "key is rotated. Without one messages are not signed."},
	{.name = "secret_file",
		.type = FIELD_STRING,
		.offset = CONF(secret_file),
		.doc = "The secret is read from this file instead, which others must not be able "
		       "to read (mode 0600)."},
	{.name = "kinds",
		.type = FIELD_STRINGS,
		.offset = CONF(kinds),
		.max = ALERT_KIND_COUNT + 1,
		.check = check_kinds,
		.doc = "The kinds of alerts that it wants (down, slow, certificate, loss, value, "
		       "failures, regional, undetermined, flapping, probe; "
		       "coordinator for what the coordinator says of itself). Default: all."},
	{.name = "mass_flips",
		.type = FIELD_ENUM,
		.offset = CONF(mass_flips),
		.names = mass_flip_styles,
		.fallback = "\"each\"",
		.doc = "How it is told what a mass flip held back: each alert by itself, for "
		       "programs; or grouped, for people: one message per organization that names "
		       "the monitors and their cases."},
	{.name = "timeout",
		.type = FIELD_DURATION,
		.offset = CONF(timeout_ms),
		.min = 1000,
		.max = 60000,
		.fallback = "\"15s\"",
		.doc = "How long an attempt may take."},
};

const struct schema channel_conf_schema = {.name = "channel",
	.fields = channel_conf_fields,
	.n_fields = ARRAY_LEN(channel_conf_fields),
	.size_bytes = sizeof(struct channel_conf),
	.check = check_channel};
