// SPDX-License-Identifier: MIT
/* Values with forms of their own: sets of status codes, shares of seats, follow, and a result's
 * reason and severities. */
#include "proto/base/mem.h"
#include "proto/monitor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- status: 301, "2xx", "200-204" or a list of these */

static int add_status(struct status_set *set, const json_t *in)
{
	char text[24];

	if (json_is_string(in))
		return status_set_add(set, json_string_value(in));
	if (!json_is_integer(in))
		return -1;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(in));
	return status_set_add(set, text);
}

static int status_decode(const json_t *in, void *out, const char **why)
{
	struct status_set *set = out;

	*why = "a status code from 100 to 599, a class (2xx), a range (200-204), or a list of "
	       "these";
	if (!json_is_array(in))
		return add_status(set, in);
	for (size_t i = 0; i < json_array_size(in); i++)
		if (add_status(set, json_array_get(in, i)) == -1)
			return -1;
	return json_array_size(in) > 0 ? 0 : -1;
}

/* The last status of the run that begins with FIRST. */
static int run_end(const struct status_set *set, int first)
{
	while (status_set_has(set, first + 1))
		first++;
	return first;
}

static json_t *status_encode(const void *in)
{
	const struct status_set *set = in;
	json_t *out;

	if (status_set_is_empty(set))
		return NULL;
	out = json_array();
	for (int status = STATUS_MIN; status <= STATUS_MAX; status++) {
		int last;

		if (!status_set_has(set, status))
			continue;
		last = run_end(set, status);
		if (status % 100 == 0 && last >= status + 99) {
			last = status + 99;
			json_array_append_new(out, json_sprintf("%dxx", status / 100));
		} else if (last == status) {
			json_array_append_new(out, json_integer(status));
		} else {
			if (last / 100 !=
				status / 100) /* up to the next class, which may be whole */
				last = status / 100 * 100 + 99;
			json_array_append_new(out, json_sprintf("%d-%d", status, last));
		}
		status = last;
	}
	return out;
}

static void status_unset(void *out)
{
	memset(out, 0, sizeof(struct status_set));
}

const struct field_custom status_custom = {
	.decode = status_decode,
	.encode = status_encode,
	.unset = status_unset,
	.json_schema =
		"{\"oneOf\": [{\"type\": \"integer\", \"minimum\": 100, \"maximum\": 599},"
		" {\"type\": \"string\", \"pattern\": \"^[1-5](xx|[0-9]{2}(-[1-5][0-9]{2})?)$\"},"
		" {\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": [\"integer\", "
		"\"string\"]}}]}",
};

/* ---- quorum.down and quorum.up: "majority", 3, "60%"; up also "auto" */

static int share_decode(const json_t *in, struct share *out)
{
	const char *text = json_string_value(in);
	char *end;
	long value;

	if (json_is_integer(in) && json_integer_value(in) >= 1 &&
		json_integer_value(in) <= SEATS_MAX) {
		*out = (struct share){.kind = SHARE_NUMBER, .value = (int)json_integer_value(in)};
		return 0;
	}
	if (text != NULL && strcmp(text, "majority") == 0) {
		*out = (struct share){.kind = SHARE_MAJORITY};
		return 0;
	}
	if (text == NULL || strspn(text, "0123456789") == 0 || strlen(text) > 4)
		return -1;
	value = strtol(text, &end, 10);
	if (strcmp(end, "%") != 0 || value < 1 || value > 100)
		return -1;
	*out = (struct share){.kind = SHARE_PERCENT, .value = (int)value};
	return 0;
}

static int down_decode(const json_t *in, void *out, const char **why)
{
	*why = "majority, a number of seats from 1 to 15, or a percentage of the seats from 1% to "
	       "100%";
	return share_decode(in, out);
}

static int up_decode(const json_t *in, void *out, const char **why)
{
	*why = "auto, majority, a number of seats from 1 to 15, or a percentage of the seats from "
	       "1% to 100%";
	if (json_is_string(in) && strcmp(json_string_value(in), "auto") == 0) {
		*(struct share *)out = (struct share){.kind = SHARE_AUTO};
		return 0;
	}
	return share_decode(in, out);
}

static json_t *share_encode(const void *in)
{
	const struct share *share = in;

	switch (share->kind) {
	case SHARE_MAJORITY:
		return json_string("majority");
	case SHARE_NUMBER:
		return json_integer(share->value);
	case SHARE_PERCENT:
		return json_sprintf("%d%%", share->value);
	case SHARE_AUTO:
		return json_string("auto");
	}
	return NULL;
}

static json_t *down_encode(const void *in)
{
	/* the default rule for down is the majority: "auto" is not a word for it */
	return ((const struct share *)in)->kind == SHARE_AUTO ? json_string("majority")
							      : share_encode(in);
}

static void share_unset(void *out)
{
	*(struct share *)out = (struct share){.kind = SHARE_AUTO};
}

#define SHARE_SCHEMA(words)                                                                        \
	"{\"oneOf\": [{\"enum\": [" words                                                          \
	"]}, {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 15},"                            \
	" {\"type\": \"string\", \"pattern\": \"^(100|[1-9][0-9]?)%$\"}]}"

const struct field_custom down_custom = {
	.decode = down_decode,
	.encode = down_encode,
	.unset = share_unset,
	.json_schema = SHARE_SCHEMA("\"majority\""),
};

const struct field_custom up_custom = {
	.decode = up_decode,
	.encode = share_encode,
	.unset = share_unset,
	.json_schema = SHARE_SCHEMA("\"auto\", \"majority\""),
};

/* ---- expect.follow: a number of redirects, or true for the usual one */

static int follow_decode(const json_t *in, void *out, const char **why)
{
	int64_t *follow = out;

	*why = "a number of redirects from 0 (not followed) to 20, true for at most 5, or false";
	if (json_is_boolean(in))
		*follow = json_is_true(in) ? FOLLOW_DEFAULT : 0;
	else if (json_is_integer(in) && json_integer_value(in) >= 0 &&
		 json_integer_value(in) <= HOPS_MAX)
		*follow = json_integer_value(in);
	else
		return -1;
	return 0;
}

static json_t *follow_encode(const void *in)
{
	return *(const int64_t *)in < 0 ? NULL : json_integer(*(const int64_t *)in);
}

static void follow_unset(void *out)
{
	*(int64_t *)out = UNSET;
}

const struct field_custom follow_custom = {
	.decode = follow_decode,
	.encode = follow_encode,
	.unset = follow_unset,
	.json_schema = "{\"oneOf\": [{\"type\": \"integer\", \"minimum\": 0, \"maximum\": 20}, "
		       "{\"type\": \"boolean\"}]}",
};

/* ---- result: severities of its thresholds, {"slow": "warning"} */

static const char *const threshold_names[THRESHOLD_COUNT] = {
	"slow", "certificate", "loss", "value"};

static int severity_decode(const json_t *in, void *out, const char **why)
{
	int *severity = out;

	*why = "an object of slow, certificate, loss and value with none, unknown, warning or "
	       "critical";
	if (!json_is_object(in))
		return -1;
	for (int t = 0; t < THRESHOLD_COUNT; t++) {
		const json_t *value = json_object_get(in, threshold_names[t]);
		const char *text = json_string_value(value);
		int s = SEVERITY_NONE;

		if (value == NULL)
			continue;
		while (text != NULL && severity_names[s] != NULL &&
			strcmp(severity_names[s], text) != 0)
			s++;
		if (text == NULL || severity_names[s] == NULL)
			return -1;
		severity[t] = s;
	}
	return 0;
}

static json_t *severity_encode(const void *in)
{
	const int *severity = in;
	json_t *out = NULL;

	for (int t = 0; t < THRESHOLD_COUNT; t++) {
		if (severity[t] == SEVERITY_NONE)
			continue;
		ensure(severity[t] > SEVERITY_NONE && severity[t] <= SEVERITY_CRITICAL);
		if (out == NULL)
			out = json_object();
		json_object_set_new(
			out, threshold_names[t], json_string(severity_names[severity[t]]));
	}
	return out;
}

static void severity_unset(void *out)
{
	memset(out, 0, THRESHOLD_COUNT * sizeof(int));
}

const struct field_custom severity_custom = {
	.decode = severity_decode,
	.encode = severity_encode,
	.unset = severity_unset,
	.json_schema =
		"{\"type\": \"object\", \"properties\": {"
		"\"slow\": {\"enum\": [\"none\", \"unknown\", \"warning\", \"critical\"]},"
		"\"certificate\": {\"enum\": [\"none\", \"unknown\", \"warning\", \"critical\"]},"
		"\"loss\": {\"enum\": [\"none\", \"unknown\", \"warning\", \"critical\"]},"
		"\"value\": {\"enum\": [\"none\", \"unknown\", \"warning\", \"critical\"]}}}",
};

/* ---- result: reason. A newer probe may know more of them than we do: then the general one of the
 * same layer. */

static int reason_decode(const json_t *in, void *out, const char **why)
{
	static const struct {
		const char *layer;
		enum reason general;
	} layers[] = {
		{"dns.", REASON_DNS_BAD_RESPONSE},
		{"l3.", REASON_L3_HOST_UNREACHABLE},
		{"tls.", REASON_TLS_HANDSHAKE},
		{"http.", REASON_HTTP_PROTOCOL},
		{"content.", REASON_CONTENT_MISSING},
		{"slow.", REASON_SLOW_RESPONSE},
		{"internal.", REASON_INTERNAL_ERROR},
		{"", REASON_TCP_FAILED},
	};
	const char *code = json_string_value(in);
	int *reason = out;
	size_t i = 0;

	*why = "a code of the table of reasons, for example tcp.refused";
	if (code == NULL || strchr(code, '.') == NULL) {
		*reason = REASON_OK;
		return code != NULL && strcmp(code, reason_code(REASON_OK)) == 0 ? 0 : -1;
	}
	*reason = (int)reason_find(code);
	if (*reason != REASON_COUNT)
		return 0;
	while (strncmp(code, layers[i].layer, strlen(layers[i].layer)) != 0)
		i++;
	*reason = (int)layers[i].general;
	return 0;
}

static json_t *reason_encode(const void *in)
{
	return json_string(reason_code((enum reason) * (const int *)in));
}

static void reason_unset(void *out)
{
	*(int *)out = REASON_OK;
}

const struct field_custom reason_custom = {
	.decode = reason_decode,
	.encode = reason_encode,
	.unset = reason_unset,
	.json_schema = "{\"type\": \"string\", \"pattern\": \"^(ok|[a-z0-9]+\\\\.[a-z_]+)$\"}",
};
