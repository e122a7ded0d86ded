// SPDX-License-Identifier: MIT
/*
 * The parts of a monitor's table that only HTTP has: log-in, and what is expected of headers, JSON
 * values and numbers in a body. With the short forms that a command line has for them:
 *
 *   --json /status=ok   --json '/queue<100'   --json '/version=~^2\.'   --json '!/error'
 *   --expect-header 'Cache-Control: no-store'   'Content-Type=~^text/'   'ETag'   '!Server'
 */
#include "proto/base/mem.h"
#include "proto/base/pattern.h"
#include "proto/monitor_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53: above it a double skips integers */

/* ---- numbers of any sign: NAN is unset */

static int number_decode(const json_t *in, void *out, const char **why)
{
	*why = "a number";
	if (!json_is_number(in))
		return -1;
	*(double *)out = json_number_value(in);
	return 0;
}

static json_t *number_encode(const void *in)
{
	double value = *(const double *)in;

	if (isnan(value))
		return NULL;
	return value == floor(value) && fabs(value) < EXACT_MAX ? json_integer((json_int_t)value)
								: json_real(value);
}

static void number_unset(void *out)
{
	*(double *)out = NAN;
}

const struct field_custom number_custom = {
	.decode = number_decode,
	.encode = number_encode,
	.unset = number_unset,
	.json_schema = "{\"type\": \"number\"}",
};

/* ---- JSON scalars, kept as their text */

static int scalar_decode(const json_t *in, void *out, const char **why)
{
	*why = "a text of at most 1024 bytes, a number, true or false (null: matches: ^null$)";
	if (json_is_object(in) || json_is_null(in) || json_is_array(in) ||
		json_string_length(in) > PATTERN_MAX_BYTES ||
		(json_is_string(in) && strlen(json_string_value(in)) != json_string_length(in)))
		return -1;
	*(char **)out = json_dumps(in, JSON_ENCODE_ANY);
	ensure(*(char **)out != NULL);
	return 0;
}

static json_t *scalar_encode(const void *in)
{
	const char *text = *(char *const *)in;

	return text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
}

static void scalar_unset(void *out)
{
	*(char **)out = NULL;
}

static void scalar_clear(void *out)
{
	free(*(char **)out);
}

const struct field_custom scalar_custom = {
	.decode = scalar_decode,
	.encode = scalar_encode,
	.unset = scalar_unset,
	.clear = scalar_clear,
	.json_schema = "{\"type\": [\"string\", \"number\", \"boolean\"]}",
};

/* ---- rules of single fields */

/* RFC 6901, section 3. */
int pointer_check(const void *value, const char **why)
{
	const char *pointer = *(char *const *)value;

	*why = "a JSON Pointer (RFC 6901), for example /status or /checks/0/ok";
	if (*pointer != '\0' && *pointer != '/')
		return -1;
	for (; *pointer != '\0'; pointer++)
		if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
			return -1;
	return 0;
}

int patterns_check(const void *value, const char **why)
{
	const struct strings *texts = value;

	*why = "texts of 1 to 1024 bytes";
	for (size_t i = 0; i < texts->n; i++)
		if (*texts->item[i] == '\0' || strlen(texts->item[i]) > PATTERN_MAX_BYTES)
			return -1;
	return 0;
}

/* A token of RFC 9110, section 5.6.2. */
int token_check(const void *value, const char **why)
{
	const char *s = *(char *const *)value;

	*why = "a header's name: letters, digits and - (RFC 9110)";
	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("!#$%&'*+-.^_`|~", *s) == NULL)
			return -1;
	return 0;
}

int regexes_check(const void *value, const char **why)
{
	const struct strings *texts = value;

	if (patterns_check(value, why) == -1)
		return -1;
	for (size_t i = 0; i < texts->n; i++)
		if (pattern_check(&texts->item[i], why) == -1)
			return -1;
	return 0;
}

/* RFC 7617: the first colon ends the name. */
int auth_user_check(const void *value, const char **why)
{
	*why = "a name of one line without a colon";
	return strchr(*(char *const *)value, ':') != NULL || line_check(value, why) == -1 ? -1 : 0;
}

int connect_to_check(const void *value, const char **why)
{
	*why = "host:port, for example 192.0.2.10:443 or [2001:db8::1]:443";
	return target_problem(CHECK_TCP, *(char *const *)value) == NULL ? 0 : -1;
}

/* "*.example.com" is any host below it. */
int foreign_hosts_check(const void *value, const char **why)
{
	const struct strings *hosts = value;

	*why = "allow, forbid, or a list of hosts (*.example.com: all below it)";
	for (size_t i = 0; i < hosts->n; i++) {
		const char *host = hosts->item[i];
		bool word = strcmp(host, "allow") == 0 || strcmp(host, "forbid") == 0;

		host += strncmp(host, "*.", 2) == 0 ? 2 : 0;
		if ((word && hosts->n > 1) || target_problem(CHECK_PING, host) != NULL)
			return -1;
	}
	return hosts->n > 0 ? 0 : -1;
}

/* ---- short forms */

static json_t *number_or_text(const char *text)
{
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*text != '\0' && *end == '\0' && errno == 0)
		return json_integer(number);
	double real = strtod(text, &end);
	bool digit = isdigit((unsigned char)text[strspn(text, "+-")]) != 0;
	return digit && *end == '\0' && isfinite(real) ? json_real(real) : json_string(text);
}

/* TEXT as JSON says it ("true", "5", "\"5\""), else as a text. */
static json_t *scalar_of(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (json_is_null(value)) /* which is "not given" to a table: refused, not left out */
		return json_array();
	if (value != NULL && !json_is_object(value) && !json_is_array(value))
		return value;
	json_decref(value);
	return json_string(text);
}

static void trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == ' ')
		text[--n] = '\0';
}

json_t *json_rule_word(const char *text)
{
	static const struct {
		const char *sign, *member;
	} forms[] = {{"!=", "not_equals"}, {"=~", "matches"}, {"=", "equals"}, {"<", "less"},
		{">", "greater"}};
	size_t n = strcspn(text, "=<>!");
	json_t *rule = json_object();
	char *pointer;

	if (*text == '!') {
		json_object_set_new(rule, "pointer", json_string(text + 1));
		json_object_set_new(rule, "exists", json_false());
		return rule;
	}
	pointer = mem_strndup(text, n);
	trim(pointer);
	json_object_set_new(rule, "pointer", json_string(pointer));
	free(pointer);
	for (size_t i = 0; text[n] != '\0' && i < ARRAY_LEN(forms); i++) {
		size_t width = strlen(forms[i].sign);
		const char *value = text + n + width;

		if (strncmp(text + n, forms[i].sign, width) != 0)
			continue;
		value += strspn(value, " ");
		json_object_set_new(rule, forms[i].member,
			i == 1  ? json_string(value)
			: i < 3 ? scalar_of(value)
				: number_or_text(value));
		break;
	}
	return rule;
}

json_t *header_rule_word(const char *text)
{
	bool absent = *text == '!';
	size_t n = strcspn(text += absent, ":=");
	bool matches = text[n] == '=' && text[n + 1] == '~';
	json_t *rule = json_object();
	char *name = mem_strndup(text, n);
	const char *value = text[n] != '\0' ? text + n + 1 + matches : "";

	trim(name);
	json_object_set_new(rule, "name", json_string(name));
	free(name);
	value += strspn(value, " ");
	if (absent)
		json_object_set_new(rule, "absent", json_true());
	if (text[n] != '\0')
		json_object_set_new(rule, matches ? "matches" : "equals", json_string(value));
	return rule;
}

/* ---- tables */

// clang-format off
#define FIELDS(table) .fields = (table), .n_fields = ARRAY_LEN(table)

#define OF(member) offsetof(struct threshold_number, member)
static const struct field number_fields[] = {
	{.name = "warning", .type = FIELD_CUSTOM, .offset = OF(warning), .custom = &number_custom,
		.doc = "A warning begins here."},
	{.name = "critical", .type = FIELD_CUSTOM, .offset = OF(critical), .custom = &number_custom,
		.doc = "A critical alert begins here."},
};
#undef OF
static const struct schema above_schema = {.name = "thresholds of a number that is too high", FIELDS(number_fields),
	.size_bytes = sizeof(struct threshold_number), .check = thresholds_above_check};
static const struct schema below_schema = {.name = "thresholds of a number that is too low", FIELDS(number_fields),
	.size_bytes = sizeof(struct threshold_number), .check = thresholds_below_check};

#define OF(member) offsetof(struct value_rule, member)
static const struct field value_fields[] = {
	{.name = "json", .type = FIELD_STRING, .offset = OF(json), .max = POINTER_MAX_BYTES, .check = pointer_check,
		.doc = "Where the number is in a JSON body, as a JSON Pointer."},
	{.name = "regex", .type = FIELD_STRING, .offset = OF(regex), .min = 1, .max = PATTERN_MAX_BYTES, .check = pattern_check,
		.doc = "A regular expression (PCRE2) that finds it: its first group, or the whole, is the number."},
	{.name = "above", .type = FIELD_OBJECT, .offset = OF(above), .sub = &above_schema,
		.doc = "Thresholds of a number that is too high."},
	{.name = "below", .type = FIELD_OBJECT, .offset = OF(below), .sub = &below_schema,
		.doc = "Thresholds of a number that is too low."},
	{.name = "counts_as", .type = FIELD_ENUM, .offset = OF(counts_as), .flags = FIELD_OF_VERDICT, .names = counts_as_names,
		.fallback = "\"degraded\"", .doc = "What critical is: an alert of its own kind, or downtime (down)."},
};
const struct schema value_schema = {.name = "number in the body", FIELDS(value_fields),
	.size_bytes = sizeof(struct value_rule), .check = value_check};
#undef OF

#define OF(member) offsetof(struct json_rule, member)
static const struct field json_fields[] = {
	{.name = "pointer", .type = FIELD_STRING, .offset = OF(pointer), .flags = FIELD_REQUIRED, .max = POINTER_MAX_BYTES,
		.check = pointer_check, .doc = "Which value, as a JSON Pointer (RFC 6901); \"\" is the whole."},
	{.name = "exists", .type = FIELD_BOOL, .offset = OF(exists), .fallback = "true",
		.doc = "Whether it must be there; with false nothing else is asked of it."},
	{.name = "equals", .type = FIELD_CUSTOM, .offset = OF(equals), .custom = &scalar_custom,
		.doc = "The text, number, true or false that it must be."},
	{.name = "not_equals", .type = FIELD_CUSTOM, .offset = OF(not_equals), .custom = &scalar_custom,
		.doc = "What it must not be."},
	{.name = "less", .type = FIELD_CUSTOM, .offset = OF(less), .custom = &number_custom,
		.doc = "It must be a number below this."},
	{.name = "greater", .type = FIELD_CUSTOM, .offset = OF(greater), .custom = &number_custom,
		.doc = "It must be a number above this."},
	{.name = "matches", .type = FIELD_STRING, .offset = OF(matches), .min = 1, .max = PATTERN_MAX_BYTES, .check = pattern_check,
		.doc = "A regular expression (PCRE2) that its text must match."},
};
const struct schema json_rule_schema = {.name = "expected JSON value", FIELDS(json_fields),
	.size_bytes = sizeof(struct json_rule), .check = json_rule_check};
#undef OF

#define OF(member) offsetof(struct header_rule, member)
static const struct field header_fields[] = {
	{.name = "name", .type = FIELD_STRING, .offset = OF(name), .flags = FIELD_REQUIRED, .min = 1, .max = NAME_MAX_BYTES,
		.check = token_check, .doc = "Its name; alone: it must be there."},
	{.name = "absent", .type = FIELD_BOOL, .offset = OF(absent), .fallback = "false",
		.doc = "Whether it must not be there."},
	{.name = "equals", .type = FIELD_STRING, .offset = OF(equals), .max = PATTERN_MAX_BYTES, .check = line_check,
		.doc = "The value that it must have."},
	{.name = "matches", .type = FIELD_STRING, .offset = OF(matches), .min = 1, .max = PATTERN_MAX_BYTES, .check = pattern_check,
		.doc = "A regular expression (PCRE2) that its value must match."},
};
const struct schema header_rule_schema = {.name = "expected header", FIELDS(header_fields),
	.size_bytes = sizeof(struct header_rule), .check = header_rule_check};
#undef OF

#define OF(member) offsetof(struct auth, member)
static const struct field auth_fields[] = {
	{.name = "scheme", .type = FIELD_ENUM, .offset = OF(scheme), .names = auth_scheme_names,
		.doc = "How; bearer with a token and basic with a user, if left out."},
	{.name = "user", .type = FIELD_STRING, .offset = OF(user), .min = 1, .max = AUTH_USER_MAX_BYTES,
		.check = auth_user_check, .doc = "User name, of basic and digest."},
	{.name = "password", .type = FIELD_CREDENTIAL, .offset = OF(password), .flags = FIELD_SECRET,
		.max = HEADER_VALUE_MAX_BYTES, .doc = "Password, of basic and digest."},
	{.name = "token", .type = FIELD_CREDENTIAL, .offset = OF(token), .flags = FIELD_SECRET,
		.max = HEADER_VALUE_MAX_BYTES, .doc = "Token, of bearer; without the word Bearer."},
};
const struct schema auth_schema = {.name = "log-in", FIELDS(auth_fields), .size_bytes = sizeof(struct auth),
	.check = auth_check};
#undef OF
// clang-format on
