// SPDX-License-Identifier: MIT
/*
 * Whether this probe's own network works, by its anchors: the judgement, without any I/O.
 *
 * Each address family is judged by its own anchors: with three of them or more it fails when fewer
 * than two thirds answer; with fewer it is not judged, so that no single anchor can stop anything.
 * A name that could not be looked up is held against the network only where the anchors that are
 * addresses do not answer either. The resolver is judged by the names among the anchors: with two
 * or more it fails when none could be looked up.
 */
#ifndef QUORATE_PROBE_SELF_TEST_H
#define QUORATE_PROBE_SELF_TEST_H

#include "proto/messages.h"
#include "quorate/monitor.h"
#include "quorate/result.h"

#define ANCHORS_MAX        24
#define ANCHORS_MIN        3 /* of a family, to judge it */
#define NAMES_MIN          2 /* different ones, to judge the resolver */
#define SELF_TEST_IPV4     0
#define SELF_TEST_IPV6     1
#define SELF_TEST_RESOLVER 2
#define SELF_TEST_PARTS    3

enum seen {
	SEEN_NOT,     /* not yet, or the probe could not look: it says nothing */
	SEEN_ANSWER,  /* it is up */
	SEEN_SILENCE, /* it is not */
	SEEN_NO_NAME  /* the resolver did not even say where it is */
};

/* One anchor in one round. */
struct seen_anchor {
	int family;       /* SELF_TEST_IPV4, SELF_TEST_IPV6 */
	const char *name; /* borrowed; NULL: an address */
	enum seen seen;
};

/* A part of the self-test: one of the families, or the resolver. */
struct self_part {
	enum self_test state;
	int64_t trusted_from_ms; /* a check that began before is not believed; INT64_MIN: any is */
	int answer, asked;       /* of the last round that was judged, for people */
};

struct self_test_state {
	struct self_part part[SELF_TEST_PARTS];
};
#define SELF_TEST_NEW                                                                              \
	((struct self_test_state){                                                                 \
		.part = {{.trusted_from_ms = INT64_MIN}, {.trusted_from_ms = INT64_MIN},           \
			{.trusted_from_ms = INT64_MIN}}})
extern const char *const self_part_names[]; /* IPv4 IPv6 resolver */

/* What the check of an anchor says of it. */
enum seen self_test_see(const struct result *r, bool is_name);
/* Whether PART can be judged by N anchors at all. */
bool self_test_judges(int part, const struct seen_anchor *anchor, int n);
/* Whether the round is decided already: whatever the others say, every part that is judged is well. */
bool self_test_decided(const struct seen_anchor *anchor, int n);
/* The round that began at BEGAN_AT_MS is over. Returns whether any state changed. */
bool self_test_round(
	struct self_test_state *s, const struct seen_anchor *anchor, int n, int64_t began_at_ms);
/* The worst of the parts. */
enum self_test self_test_sum(const struct self_test_state *s);
/* The part for which R, whose check of M began at BEGAN_AT_MS, is no vote; -1: it is one. */
int self_test_spoils(const struct self_test_state *s, const struct monitor *m,
	const struct result *r, int64_t began_at_ms);

#endif
