// SPDX-License-Identifier: MIT
/* The first words on a dialled connection: our preface, and the door's answer to it. The link and
 * the doctor introduce themselves alike. Deadlines are the caller's. */
#ifndef QUORATE_PROBE_INTRODUCE_H
#define QUORATE_PROBE_INTRODUCE_H

#include "probe/dial.h"
#include "proto/preface.h"

#define PREFACE_MS 10000 /* that its answer may take */

struct introduction;

/* ERROR NULL: the door has answered, ANSWER says what (borrowed). Else why there is no answer, a
 * static sentence. */
typedef void (*introduced_fn)(void *arg, const struct preface_answer *answer, const char *error);

/* PROBE and TOKEN are copied; DIAL, which stands, is borrowed. DONE comes exactly once, from the
 * loop, unless introduction_free() came first; that may be called from inside of it. */
struct introduction *introduction_start(struct loop *loop, struct dial *dial,
	enum preface_stream stream, const char *probe, const char *token, introduced_fn done,
	void *arg);
void introduction_free(struct introduction *i); /* wipes the token; NULL does no harm */

#endif
