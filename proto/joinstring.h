// SPDX-License-Identifier: MIT
/*
 * The join string: one line that carries everything a new probe needs to find its coordinator, to
 * recognise it, and to be let in once. The coordinator makes it, `quorate-probe join` reads it.
 *
 *   quorate-join-1:BASE64URL({"addresses": […], "pin": […] or "ca_name", "probe",
 *                             "organization", "secret", "expires"})
 *
 * It holds a secret: whoever has one wipes it, and never logs it. Errors never show its content.
 */
#ifndef QUORATE_PROTO_JOINSTRING_H
#define QUORATE_PROTO_JOINSTRING_H

#include "proto/base/schema.h"

#define JOIN_STRING_PREFIX    "quorate-join-1:"
#define JOIN_STRING_MAX_BYTES 4096
#define JOIN_ADDRESSES_MAX    8
#define JOIN_PINS_MAX         4
#define JOIN_SECRET_MAX_BYTES 128
#define JOIN_TOKEN_MIN_BYTES  16
#define JOIN_TOKEN_MAX_BYTES  256

struct join_string {
	struct strings
		addresses;   /* "coordinator.example.net:443", "[2001:db8::1]:443"; tried in turn */
	struct strings pins; /* "sha256//BASE64" of the coordinator's public key: any of them */
	char *ca_name;       /* instead of pins: the name in its certificate; NULL: none */
	char *probe;
	char *organization; /* the one that it serves, for good; NULL: it is shared */
	char *secret;       /* SECRET */
	int64_t expires_wall_ms;
};
extern const struct schema join_string_schema;

/* The line without a newline, owned by the caller; NULL: it would be too long. */
char *join_string_encode(const struct join_string *j);
/*
 * TEXT as it was typed or piped: SIZE_BYTES, with blanks or line ends around it. 0 and OUT, or -1
 * and PROBLEMS; clear OUT in both cases.
 */
MUST_CHECK int join_string_decode(
	const char *text, size_t size_bytes, struct join_string *out, struct problems *p);
void join_string_clear(struct join_string *j); /* wipes the secret */

/* The body of POST /api/v1/join: the probe proves the secret, and says the token that it made. */
struct join_request {
	char *probe;
	char *secret; /* SECRET */
	char *token;  /* SECRET */
};
extern const struct schema join_request_schema;
void join_request_clear(struct join_request *r); /* wipes both */

/* A field rule: HOST:PORT, [IPV6]:PORT. Of a FIELD_STRINGS: of each. */
int join_check_addresses(const void *value, const char **why);
/* A field rule of a FIELD_STRINGS: each is "sha256//" and the base64 of 32 bytes. */
int join_check_pins(const void *value, const char **why);

#endif
