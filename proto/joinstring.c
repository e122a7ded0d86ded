// SPDX-License-Identifier: MIT
/* The join string's two layers: base64url (RFC 4648, section 5, no padding) around a JSON object. */
#include "proto/joinstring.h"

#include "proto/base/mem.h"
#include "proto/fence.h"
#include "quorate/limits.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES (sizeof(JOIN_STRING_PREFIX) - 1)
#define PIN_PREFIX   "sha256//"
#define PIN_BYTES    (sizeof(PIN_PREFIX) - 1 + 44)

/* ---- rules */

static bool is_port(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= 5 && strspn(text, "0123456789") == n && text[0] != '0' &&
	       strtol(text, NULL, 10) <= 65535;
}

static bool is_address(const char *text)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n == 0 || !is_port(colon + 1))
		return false;
	if (host[0] == '[')
		return n > 3 && n < 64 && host[n - 1] == ']' &&
		       strspn(host + 1, "0123456789abcdefABCDEF:.") == n - 2;
	if (n > 253 || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)host[i]) && host[i] != '-' && host[i] != '.')
			return false;
	}
	return true;
}

int join_check_addresses(const void *value, const char **why)
{
	const struct strings *list = value;

	*why = "host and port, for example coordinator.example.net:443 or [2001:db8::1]:443";
	for (size_t i = 0; i < list->n; i++) {
		if (!is_address(list->item[i]))
			return -1;
	}
	return 0;
}

/* 32 bytes are 43 letters and one '='. */
static bool is_pin(const char *text)
{
	if (strlen(text) != PIN_BYTES || strncmp(text, PIN_PREFIX, sizeof(PIN_PREFIX) - 1) != 0 ||
		text[PIN_BYTES - 1] != '=')
		return false;
	for (size_t i = sizeof(PIN_PREFIX) - 1; i < PIN_BYTES - 1; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
			return false;
	}
	return true;
}

int join_check_pins(const void *value, const char **why)
{
	const struct strings *list = value;

	*why = "sha256// and the base64 of a public key's SHA-256";
	for (size_t i = 0; i < list->n; i++) {
		if (!is_pin(list->item[i]))
			return -1;
	}
	return 0;
}

/* Printable, without blanks: it goes into a file of one line, and onto a wire. */
static int check_word(const void *value, const char **why)
{
	const char *text = *(char *const *)value;

	*why = "printable characters without spaces";
	for (; text && *text; text++) {
		if (*text <= ' ' || *text > '~')
			return -1;
	}
	return 0;
}

/* ---- tables */

static const struct field join_fields[] = {
	{.name = "addresses",
		.type = FIELD_STRINGS,
		.offset = offsetof(struct join_string, addresses),
		.flags = FIELD_REQUIRED,
		.max = JOIN_ADDRESSES_MAX,
		.check = join_check_addresses,
		.doc = "Where the coordinator is, tried in turn."},
	{.name = "pin",
		.type = FIELD_STRINGS,
		.offset = offsetof(struct join_string, pins),
		.max = JOIN_PINS_MAX,
		.check = join_check_pins,
		.doc = "Public keys of the coordinator."},
	{.name = "ca_name",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_string, ca_name),
		.min = 1,
		.max = 253,
		.check = check_word,
		.doc = "Instead of pins: the name that its certificate must have."},
	{.name = "probe",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_string, probe),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = NAME_MAX_BYTES,
		.check = check_word,
		.doc = "The probe that it is for."},
	{.name = "organization",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_string, organization),
		.min = 1,
		.max = ORGANIZATION_MAX_BYTES,
		.check = organization_check,
		.doc = "The one organization that it serves; shared if left out."},
	{.name = "secret",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_string, secret),
		.flags = FIELD_REQUIRED | FIELD_SECRET,
		.min = 16,
		.max = JOIN_SECRET_MAX_BYTES,
		.check = check_word,
		.doc = "Valid once."},
	{.name = "expires",
		.type = FIELD_TIME,
		.offset = offsetof(struct join_string, expires_wall_ms),
		.flags = FIELD_REQUIRED,
		.doc = "Until when the secret is valid."},
};

static void check_join(const void *object, const char *path, struct problems *problems)
{
	const struct join_string *j = object;

	(void)path;
	if (j->addresses.n == 0)
		problems_add(problems, "addresses", "none; at least one is needed");
	if (j->pins.n == 0 && !j->ca_name)
		problems_add(problems, "pin",
			"neither pin nor ca_name: the coordinator could not "
			"be recognised");
}

const struct schema join_string_schema = {.name = "join_string",
	.fields = join_fields,
	.n_fields = ARRAY_LEN(join_fields),
	.size_bytes = sizeof(struct join_string),
	.check = check_join};

static const struct field request_fields[] = {
	{.name = "probe",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_request, probe),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = NAME_MAX_BYTES,
		.doc = "Name of the probe."},
	{.name = "secret",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_request, secret),
		.flags = FIELD_REQUIRED | FIELD_SECRET,
		.min = 16,
		.max = JOIN_SECRET_MAX_BYTES,
		.check = check_word,
		.doc = "Of the join string; valid once."},
	{.name = "token",
		.type = FIELD_STRING,
		.offset = offsetof(struct join_request, token),
		.flags = FIELD_REQUIRED | FIELD_SECRET,
		.min = JOIN_TOKEN_MIN_BYTES,
		.max = JOIN_TOKEN_MAX_BYTES,
		.check = check_word,
		.doc = "Made by the probe, which keeps it: its secret from now on."},
};
const struct schema join_request_schema = {.name = "join",
	.fields = request_fields,
	.n_fields = ARRAY_LEN(request_fields),
	.size_bytes = sizeof(struct join_request)};

/* ---- the line */

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
}

static void translate(char *text, size_t n, const char *from, const char *to)
{
	for (size_t i = 0; i < n; i++) {
		const char *found = strchr(from, text[i]);
		if (found && text[i])
			text[i] = to[found - from];
	}
}

char *join_string_encode(const struct join_string *j)
{
	json_t *object = schema_encode(&join_string_schema, SCHEMA_WIRE, j);
	char *json = json_dumps(object, JSON_COMPACT), *line = NULL;
	size_t n = strlen(json), size = PREFIX_BYTES + (n + 2) / 3 * 4;

	if (size <= JOIN_STRING_MAX_BYTES) {
		line = mem_alloc(size + 1);
		memcpy(line, JOIN_STRING_PREFIX, PREFIX_BYTES);
		EVP_EncodeBlock(
			(unsigned char *)line + PREFIX_BYTES, (unsigned char *)json, (int)n);
		line[PREFIX_BYTES + strcspn(line + PREFIX_BYTES, "=")] = '\0';
		translate(line + PREFIX_BYTES, strlen(line + PREFIX_BYTES), "+/", "-_");
	}
	wipe(json);
	free(json);
	json_decref(object);
	return line;
}

/* The JSON text of the base64url TEXT, NUL-terminated; NULL: it is none. */
static char *decode_base64(const char *text, size_t n, size_t *out_size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";
	size_t padded = (n + 3) / 4 * 4;
	unsigned char *out;
	char *in;
	int size;

	if (n == 0 || n % 4 == 1)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!text[i] || !strchr(alphabet, text[i]))
			return NULL;
	}
	in = mem_alloc(padded + 1);
	memset(in, '=', padded);
	memcpy(in, text, n);
	translate(in, n, "-_", "+/");
	out = mem_alloc(padded / 4 * 3 + 1);
	size = EVP_DecodeBlock(out, (unsigned char *)in, (int)padded);
	explicit_bzero(in, padded);
	free(in);
	if (size < 0) {
		free(out);
		return NULL;
	}
	*out_size = (size_t)size - (padded - n); /* the padding was decoded as zeros */
	return (char *)out;
}

static int refuse(struct problems *p, const char *what)
{
	problems_add(p, "", "%s", what);
	return -1;
}

int join_string_decode(
	const char *text, size_t size_bytes, struct join_string *out, struct problems *p)
{
	size_t json_size = 0;
	json_t *object;
	char *json;
	int result;

	schema_defaults(&join_string_schema, out);
	for (; size_bytes && isspace((unsigned char)*text); text++)
		size_bytes--;
	while (size_bytes && isspace((unsigned char)text[size_bytes - 1]))
		size_bytes--;
	if (size_bytes == 0)
		return refuse(p, "there is no join string; accepted: the line that 'quorate probe "
				 "add' printed");
	if (size_bytes > JOIN_STRING_MAX_BYTES)
		return refuse(p, "longer than 4096 bytes; accepted: one join string");
	if (size_bytes < PREFIX_BYTES || memcmp(text, JOIN_STRING_PREFIX, PREFIX_BYTES) != 0)
		return refuse(p, "not a join string of this version; accepted: one line that "
				 "begins with " JOIN_STRING_PREFIX);
	json = decode_base64(text + PREFIX_BYTES, size_bytes - PREFIX_BYTES, &json_size);
	object = json ? json_loadb(json, json_size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (object)
		result = schema_decode(&join_string_schema, SCHEMA_WIRE, object, out, p);
	else
		result = refuse(p, "the join string is damaged; copy the whole line");
	if (json)
		explicit_bzero(json, json_size);
	free(json);
	json_decref(object);
	return result;
}

void join_string_clear(struct join_string *j)
{
	wipe(j->secret);
	schema_clear(&join_string_schema, j);
}

void join_request_clear(struct join_request *r)
{
	wipe(r->secret);
	wipe(r->token);
	schema_clear(&join_request_schema, r);
}
