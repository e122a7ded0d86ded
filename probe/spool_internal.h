// SPDX-License-Identifier: MIT
/*
 * What spool.c (the spool) and spool_segments.c (its files, and the segments that they are) share.
 *
 * Invariant: s->segments is ordered by number, and has no segment without a record that is not done.
 */
#ifndef QUORATE_PROBE_SPOOL_INTERNAL_H
#define QUORATE_PROBE_SPOOL_INTERNAL_H

#include "probe/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_SIZE  24
#define ERROR_SIZE 200

enum state { STATE_HELD, STATE_WAITS, STATE_DONE };

struct record {
	uint32_t at;
	uint8_t state;
};

struct segment {
	uint64_t number;
	int64_t size_bytes;
	struct record *record;
	uint32_t n, room;
	uint32_t n_left, n_waiting; /* not done; of them, not held */
	uint32_t top;               /* no record from here on waits */
	struct segment *prev, *next;
};

struct spool {
	char *state_dir, *probe;
	int64_t max_bytes, size_bytes;
	int folder; /* -1: not there */
	int fd;     /* of the segment used last; -1: none */
	uint64_t fd_of, last_number;
	struct segment *segments;
	int64_t waiting, dropped;
	char error[ERROR_SIZE];
};

/* ---- files */

uint64_t spool_number_of(const char *name); /* 0: not a name of ours */
/* Of the segment's file, which stays open until another one is asked for; -1 with errno. */
int spool_fd(struct spool *s, uint64_t number, int flags);
void spool_close_fd(struct spool *s);
void spool_remove_file(struct spool *s, uint64_t number);
/* All of it, or false with errno. */
bool spool_write_all(int fd, const char *data, size_t size_bytes, int64_t at);
bool spool_read_all(int fd, char *data, size_t size_bytes, int64_t at);

/* ---- segments */

struct segment *segment_new(uint64_t number); /* not of a spool yet */
void segment_free(struct segment *g);
void segment_note(struct segment *g, size_t at, enum state state); /* one more record */
void segment_link(struct spool *s, struct segment *g);             /* as the newest */
void segment_delete(struct spool *s, struct segment *g);           /* with its file */
/* G is gone with its last record that was not done. */
void segment_set_state(
	struct spool *s, struct segment *g, uint32_t index, enum state from, enum state to);
/* The oldest segments go, and are counted, until MORE_BYTES have room. */
void spool_keep_bound(struct spool *s, int64_t more_bytes);
/* NULL: not there any more. S may be NULL. */
struct record *spool_record_at(
	const struct spool *s, const struct spool_place *place, struct segment **out);

#endif
