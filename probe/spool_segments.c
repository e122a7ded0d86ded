// SPDX-License-Identifier: MIT
#include "probe/spool_internal.h"

#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define NUMBER_MAX (UINT64_MAX / 2)

/* ---- files */

static void name_of(uint64_t number, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%016" PRIx64 ".spool", number);
}

/* 0: not a name of ours. */
uint64_t spool_number_of(const char *name)
{
	char canonical[NAME_SIZE];
	uint64_t number = strtoull(name, NULL, 16);
	name_of(number, canonical);
	return strcmp(name, canonical) == 0 && number <= NUMBER_MAX ? number : 0;
}

void spool_close_fd(struct spool *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->fd_of = 0;
}

/* One file is open at a time: writing, marking and reading mostly meet the same one. */
int spool_fd(struct spool *s, uint64_t number, int flags)
{
	char name[NAME_SIZE];
	if (s->fd_of == number)
		return s->fd;
	spool_close_fd(s);
	name_of(number, name);
	s->fd = openat(s->folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	s->fd_of = s->fd == -1 ? 0 : number;
	return s->fd;
}

void spool_remove_file(struct spool *s, uint64_t number)
{
	char name[NAME_SIZE];
	if (s->fd_of == number)
		spool_close_fd(s);
	name_of(number, name);
	(void)unlinkat(s->folder, name, 0);
}

bool spool_write_all(int fd, const char *data, size_t size_bytes, int64_t at)
{
	while (size_bytes > 0) {
		ssize_t n = pwrite(fd, data, size_bytes, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		at += n;
		size_bytes -= (size_t)n;
	}
	return true;
}

bool spool_read_all(int fd, char *data, size_t size_bytes, int64_t at)
{
	while (size_bytes > 0) {
		ssize_t n = pread(fd, data, size_bytes, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		at += n;
		size_bytes -= (size_t)n;
	}
	return true;
}

/* ---- segments */

static struct segment *find(const struct spool *s, uint64_t number)
{
	struct segment *g = s->segments ? s->segments->prev : NULL; /* the newest, mostly meant */
	while (g && g->number != number)
		g = g == s->segments ? NULL : g->prev;
	return g;
}

struct segment *segment_new(uint64_t number)
{
	struct segment *g = mem_alloc(sizeof *g);
	g->number = number;
	return g;
}

void segment_free(struct segment *g)
{
	free(g->record);
	free(g);
}

void segment_note(struct segment *g, size_t at, enum state state)
{
	if (g->n == g->room) {
		g->room = g->room ? g->room * 2 : 256;
		g->record = mem_resize(g->record, g->room, sizeof *g->record);
	}
	g->record[g->n++] = (struct record){.at = (uint32_t)at, .state = (uint8_t)state};
	g->n_left += state != STATE_DONE;
	g->n_waiting += state == STATE_WAITS;
	if (state == STATE_WAITS)
		g->top = g->n;
}

void segment_link(struct spool *s, struct segment *g)
{
	DL_APPEND(s->segments, g);
	s->size_bytes += g->size_bytes;
	s->waiting += g->n_waiting;
	if (g->number > s->last_number)
		s->last_number = g->number;
}

void segment_delete(struct spool *s, struct segment *g)
{
	spool_remove_file(s, g->number);
	s->size_bytes -= g->size_bytes;
	s->waiting -= g->n_waiting;
	DL_DELETE(s->segments, g);
	segment_free(g);
}

void spool_keep_bound(struct spool *s, int64_t more_bytes)
{
	while (s->segments && s->size_bytes + more_bytes > s->max_bytes) {
		s->dropped += s->segments->n_waiting;
		segment_delete(s, s->segments);
	}
}

void segment_set_state(
	struct spool *s, struct segment *g, uint32_t index, enum state from, enum state to)
{
	int waits = (to == STATE_WAITS) - (from == STATE_WAITS);
	g->record[index].state = (uint8_t)to;
	g->n_waiting = (uint32_t)((int64_t)g->n_waiting + waits);
	s->waiting += waits;
	if (to == STATE_WAITS && index >= g->top)
		g->top = index + 1;
	if (to == STATE_DONE && --g->n_left == 0)
		segment_delete(s, g);
}

struct record *spool_record_at(
	const struct spool *s, const struct spool_place *place, struct segment **out)
{
	*out = s && place->segment ? find(s, place->segment) : NULL;
	return *out && place->index < (*out)->n ? &(*out)->record[place->index] : NULL;
}
