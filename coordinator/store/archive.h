// SPDX-License-Identifier: MIT
/*
 * A store's folder seen from outside of the coordinator, for backup, restore and check: one that is
 * in use (SQLite's own backup reads beside the writer) or a copy. Nothing here migrates or logs;
 * what is wrong is a sentence in WHY.
 */
#ifndef QUORATE_STORE_ARCHIVE_H
#define QUORATE_STORE_ARCHIVE_H

#include "coordinator/store/backend.h"

/* A file with this name stands in a folder while it is restored: no coordinator starts there. */
#define RESTORE_MARK "restoring"

enum archive_key { KEY_FITS, KEY_ABSENT, KEY_WRONG };

struct archive_state {
	int schema;
	enum archive_key key;              /* state.key in the same folder */
	int64_t objects[STORE_KIND_COUNT]; /* readable ones; not counted without the key */
	int64_t alerts, open_alerts, events, pending, dead;
};
struct archive_results {
	int schema;
	int64_t results, oldest_wall_ms; /* by the start of the check */
};

/* Copies the database FROM, which may be in use, to the new file TO (0600, one file, on the disk when this returns).
 * What it holds is one moment's. */
MUST_CHECK int archive_copy(const char *from, const char *to, char why[WHY_SIZE]);

/* Reads everything: the whole file is checked, and each object is decrypted when the key is there. -1 and WHY: damaged,
 * of a newer program, or not readable. */
MUST_CHECK int archive_read_state(
	const char *folder, struct archive_state *out, char why[WHY_SIZE]);
MUST_CHECK int archive_read_results(
	const char *folder, struct archive_results *out, char why[WHY_SIZE]);

/* For a restored state: goes on with event numbers that the lost time cannot have used, so that no receiver takes a new
 * alert for one that it has seen. Writes the event "coordinator.restored". */
MUST_CHECK int archive_renumber(const char *folder, int64_t now_wall_ms, char why[WHY_SIZE]);

#endif
