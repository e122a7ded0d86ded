// SPDX-License-Identifier: MIT
/*
 * Preface and answer: two tables, and a line of JSON around them. A line is at most PREFACE_MAX_BYTES, so that neither
 * depth nor size needs a further judge. Unknown members are skipped, as everywhere on the wire.
 */
#include "proto/preface.h"

#include "quorate/limits.h"

#include <string.h>

const char *const preface_stream_names[] = {"report", "orders", "doctor", NULL};

// clang-format off
static const struct field preface_fields[] = {
	{.name = "version", .type = FIELD_INT, .offset = offsetof(struct preface, version), .flags = FIELD_REQUIRED,
	 .min = 1, .max = 1000000, .doc = "Of the preface; this page describes version 1."},
	{.name = "stream", .type = FIELD_ENUM, .offset = offsetof(struct preface, stream), .flags = FIELD_REQUIRED,
	 .names = preface_stream_names, .doc = "What the connection is for; doctor only asks, see \"The door\"."},
	{.name = "probe", .type = FIELD_STRING, .offset = offsetof(struct preface, probe), .flags = FIELD_REQUIRED,
	 .min = 1, .max = NAME_MAX_BYTES, .doc = "Name of the probe as registered."},
	{.name = "token", .type = FIELD_STRING, .offset = offsetof(struct preface, token),
	 .flags = FIELD_REQUIRED | FIELD_SECRET, .min = 16, .max = 256, .doc = "The probe's secret. Never logged by either side."},
};

static const struct field facts_fields[] = {
	{.name = "now_wall_ms", .type = FIELD_INT, .offset = offsetof(struct preface_facts, now_wall_ms), .max = INT64_C(1) << 53,
	 .doc = "The coordinator's wall clock, milliseconds since 1970; for doctor only."},
	{.name = "standing", .type = FIELD_STRING, .offset = offsetof(struct preface_facts, standing), .max = 32,
	 .doc = "Of the probe at the coordinator: never-seen, voting, lost, drained, twins; others may come. For doctor only."},
};

static const struct field refusal_fields[] = {
	{.name = "code", .type = FIELD_STRING, .offset = offsetof(struct preface_answer, code), .flags = FIELD_REQUIRED,
	 .min = 1, .max = 64, .doc = "For programs: unauthorized, version, busy, malformed; others may come."},
	{.name = "detail", .type = FIELD_STRING, .offset = offsetof(struct preface_answer, detail), .max = 512,
	 .doc = "A sentence for the probe's operator."},
};
// clang-format on

const struct schema preface_schema = {.name = "preface",
	.fields = preface_fields,
	.n_fields = ARRAY_LEN(preface_fields),
	.size_bytes = sizeof(struct preface)};

const struct schema preface_facts_schema = {.name = "accepted",
	.fields = facts_fields,
	.n_fields = ARRAY_LEN(facts_fields),
	.size_bytes = sizeof(struct preface_facts)};

/* Of a refusal. */
const struct schema preface_answer_schema = {.name = "refusal",
	.fields = refusal_fields,
	.n_fields = ARRAY_LEN(refusal_fields),
	.size_bytes = sizeof(struct preface_answer)};

/* Takes BODY (NULL: none) as the members after "type". */
static int encode_line(const char *type, json_t *body, char *out, size_t room)
{
	json_t *whole = json_pack("{s:s}", "type", type);
	size_t max = room < PREFACE_MAX_BYTES + 1 ? room : PREFACE_MAX_BYTES + 1, n;

	if (body)
		json_object_update(whole, body);
	json_decref(body);
	n = json_dumpb(whole, out, max, JSON_COMPACT);
	json_decref(whole);
	if (n == 0 || n + 2 > max)
		return -1;
	memcpy(out + n, "\n", 2);
	return (int)n + 1;
}

int preface_encode(const struct preface *p, char *out, size_t room)
{
	return encode_line("preface", schema_encode(&preface_schema, SCHEMA_WIRE, p), out, room);
}

int preface_answer_encode(const struct preface_answer *a, char *out, size_t room)
{
	return a->accepted
		       ? encode_line("accepted",
				 schema_encode(&preface_facts_schema, SCHEMA_WIRE, &a->facts), out,
				 room)
		       : encode_line("refused",
				 schema_encode(&preface_answer_schema, SCHEMA_WIRE, a), out, room);
}

/* The object on LINE and its *TYPE (borrowed from it); NULL: none. */
static json_t *parse_line(const char *line, size_t n, const char **type, struct problems *problems)
{
	json_error_t error;
	json_t *root;

	if (n > PREFACE_MAX_BYTES) {
		problems_add(problems, "", "a line of %zu bytes; accepted: at most %d", n,
			PREFACE_MAX_BYTES);
		return NULL;
	}
	if (n && line[n - 1] == '\n')
		n--;
	if (n == 0 || memchr(line, '\n', n)) {
		problems_add(problems, "", "not one line");
		return NULL;
	}
	root = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	*type = json_string_value(json_object_get(root, "type"));
	if (*type)
		return root;
	if (!root) /* jansson's own text would quote the input, which may hold a token */
		problems_add(problems, "", "not valid JSON (at byte %d)", error.position);
	else
		problems_add(problems, "type", "missing; accepted: an object with a type");
	json_decref(root);
	return NULL;
}

int preface_decode(const char *line, size_t n, struct preface *out, struct problems *problems)
{
	const char *type;
	json_t *root = parse_line(line, n, &type, problems);
	int error = -1;

	memset(out, 0, sizeof(*out));
	if (root && strcmp(type, "preface") != 0)
		problems_add(problems, "type", "'%.40s' is not a preface", type);
	else if (root)
		error = schema_decode(&preface_schema, SCHEMA_WIRE, root, out, problems);
	json_decref(root);
	return error;
}

int preface_answer_decode(
	const char *line, size_t n, struct preface_answer *out, struct problems *problems)
{
	const char *type;
	json_t *root = parse_line(line, n, &type, problems);
	int error = -1;

	memset(out, 0, sizeof(*out));
	if (root && strcmp(type, "accepted") == 0) {
		out->accepted = true;
		error = schema_decode(
			&preface_facts_schema, SCHEMA_WIRE, root, &out->facts, problems);
	} else if (root && strcmp(type, "refused") == 0) {
		error = schema_decode(&preface_answer_schema, SCHEMA_WIRE, root, out, problems);
	} else if (root) {
		problems_add(problems, "type", "'%.40s'; accepted: accepted, refused", type);
	}
	json_decref(root);
	return error;
}

void preface_clear(struct preface *p)
{
	if (p->token)
		explicit_bzero(p->token, strlen(p->token));
	schema_clear(&preface_schema, p);
}

void preface_answer_clear(struct preface_answer *a)
{
	schema_clear(&preface_facts_schema, &a->facts);
	schema_clear(&preface_answer_schema, a);
}
