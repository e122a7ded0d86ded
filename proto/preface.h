// SPDX-License-Identifier: MIT
/*
 * The first line of a connection that carries a stream of the link through the coordinator's door, and the door's
 * answer to it. Each is one line of JSON, at most PREFACE_MAX_BYTES with its newline: both sides read that many
 * bytes at most before they know whom they talk to.
 *
 *   probe: {"type":"preface","version":1,"stream":"report","probe":"tokyo-1","token":"…"}
 *   door:  {"type":"accepted"}   or   {"type":"refused","code":"unauthorized","detail":"…"} and the end
 *
 * The stream "doctor" is a question and no stream: the door judges the preface as any other, says what it knows, and
 * closes. Nothing that the probe has open changes by it.
 */
#ifndef QUORATE_PROTO_PREFACE_H
#define QUORATE_PROTO_PREFACE_H

#include "proto/base/schema.h"
#include "proto/link.h"

#define PREFACE_VERSION   1
#define PREFACE_MAX_BYTES 1024
#define PREFACE_ALPN      "quorate/1" /* names the link in the TLS handshake; without it: the API */

enum preface_stream {
	PREFACE_REPORT = LINK_REPORT,
	PREFACE_ORDERS = LINK_ORDERS,
	PREFACE_DOCTOR = LINK_STREAM_COUNT
};
extern const char *const preface_stream_names[]; /* report orders doctor */

struct preface {
	int64_t version;
	int stream; /* enum preface_stream */
	char *probe;
	char *token; /* secret: never logged */
};

struct preface_facts {       /* what the stream "doctor" is told */
	int64_t now_wall_ms; /* the coordinator's clock; -1: not told */
	char *standing;      /* of the probe there: "voting", "lost", …; NULL: not told */
};

struct preface_answer {
	bool accepted;
	struct preface_facts facts; /* of an acceptance */
	char *code;   /* of a refusal, for programs: unauthorized, version, busy, malformed */
	char *detail; /* of a refusal: a sentence for the probe's operator */
};

extern const struct schema preface_schema, preface_facts_schema, preface_answer_schema;

/* Writes the line with its newline, and a NUL behind it. Returns its length without the NUL, or -1: it does not fit into
 * ROOM or PREFACE_MAX_BYTES. */
MUST_CHECK int preface_encode(const struct preface *p, char *out, size_t room);
MUST_CHECK int preface_answer_encode(const struct preface_answer *a, char *out, size_t room);

/* LINE: N bytes, with or without the newline at their end. Never trusts them. Returns 0, or -1 and a sentence in
 * PROBLEMS, which never holds the token; OUT must be cleared in both cases. */
MUST_CHECK int preface_decode(
	const char *line, size_t n, struct preface *out, struct problems *problems);
MUST_CHECK int preface_answer_decode(
	const char *line, size_t n, struct preface_answer *out, struct problems *problems);

void preface_clear(struct preface *p); /* wipes the token */
void preface_answer_clear(struct preface_answer *a);

#endif
