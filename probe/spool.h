// SPDX-License-Identifier: MIT
/*
 * The results that wait on the probe's disk, so that a kill -9 or a long absence of the coordinator
 * loses none of them: STATE_DIR/spool, a few segment files, bounded, the oldest dropped first.
 *
 * A record is held (its result is in memory too), waits (it is here only), or is done. Results are
 * texts to this file. Nothing else than results is ever written: no orders, no secrets. There is no
 * fsync: what was written survives the process, a loss of power may cost the last seconds.
 *
 * A disk that is full, a folder that is missing or somebody else's is no error of the probe's:
 * spool_append says no, spool_error why, and results stay in memory. NULL stands for no spool and
 * is accepted everywhere.
 */
#ifndef QUORATE_PROBE_SPOOL_H
#define QUORATE_PROBE_SPOOL_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_APPEND_MAX_BYTES (512 * 1024) /* of one call's records */

struct spool;

struct spool_place {
	uint64_t segment; /* 0: nowhere */
	uint32_t index;
};

struct spool_text {
	char *text;
	size_t size_bytes;
};

/* Reads what an earlier run of the probe named PROBE left; all of it waits. STATE_DIR and PROBE are
 * copied. NULL when MAX_BYTES is 0. */
struct spool *spool_open(const char *state_dir, const char *probe, int64_t max_bytes);
void spool_close(struct spool *s);
void spool_set_max(struct spool *s, int64_t max_bytes); /* not 0 */

/* Writes N records with one write; they are held. 0, or -1 when none of them was written. Makes room
 * by dropping the oldest segment, whose waiting records are counted. */
MUST_CHECK int spool_append(
	struct spool *s, const struct spool_text *text, size_t n, struct spool_place *out);
/* After a failure, when there is nothing to write: whether there could be. 0, or -1: no. */
MUST_CHECK int spool_try(struct spool *s);
/* The newest record that waits; it is held from now on. Its text, owned by the caller, or NULL. */
char *spool_take(struct spool *s, size_t *size_bytes, struct spool_place *out);
/* A held record's result is no longer in memory: it waits. False: it is not on the disk (any more).
 */
bool spool_release(struct spool *s, const struct spool_place *place);
/* A waiting record's result is in memory again. */
void spool_hold(struct spool *s, const struct spool_place *place);
/* A record is never wanted again; a segment without any other is deleted. */
void spool_done(struct spool *s, const struct spool_place *place);

int64_t spool_waiting(const struct spool *s);
int64_t spool_size_bytes(const struct spool *s);
int64_t spool_dropped(const struct spool *s);   /* waiting or damaged ones, since the start */
const char *spool_error(const struct spool *s); /* NULL: all is well, or there is no spool */

#endif
