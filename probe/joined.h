// SPDX-License-Identifier: MIT
/*
 * What joining left in the state folder: who we are, where the coordinator is and how it is
 * recognised. It counts where probe.yml is silent. The token is in a file of its own.
 */
#ifndef QUORATE_PROBE_JOINED_H
#define QUORATE_PROBE_JOINED_H

#include "probe/conf.h"
#include "probe/token.h"

struct joined {
	char *probe;
	struct strings addresses, pin;
	char *organization; /* the one that we serve; NULL: we are shared */
	char *name;         /* in the coordinator's certificate, instead of pins; NULL: none */
	char *string_hash;  /* hex SHA-256 of the join string's secret, to know it again */
};
extern const struct schema joined_schema;

#define JOINED_ABSENT 1
/* 0 and OUT (clear it with schema_clear), JOINED_ABSENT, or -1 and WHY. */
MUST_CHECK int joined_read(const char *state_dir, struct joined *out, char why[TOKEN_WHY_SIZE]);
MUST_CHECK int joined_write(
	const char *state_dir, const struct joined *j, char why[TOKEN_WHY_SIZE]);
/* Fills in what CONF does not say: name, and the coordinator unless it has addresses; a probe that
 * joined for one organization serves no other. -1 and WHY: nobody says who we are, the file is
 * damaged, or the two contradict each other. */
MUST_CHECK int joined_complete(struct probe_conf *conf, char why[TOKEN_WHY_SIZE]);

/*
 * The coordinator's keys are PINS from now on, says itself on the link: into the file, then into
 * CONF. Returns 0, or -1 and WHY: CONF's are of probe.yml's own and lack some, PINS share none with
 * them, or the disk does not take it. Nothing has changed then.
 */
MUST_CHECK int joined_repin(
	struct probe_conf *conf, const struct strings *pins, char why[TOKEN_WHY_SIZE]);

/* PATH becomes a file of mode 0600 with TEXT, all of it or none. As root it belongs to whom its
 * folder belongs. 0, or -1 and WHY. */
MUST_CHECK int private_write(const char *path, const char *text, char why[TOKEN_WHY_SIZE]);

#endif
