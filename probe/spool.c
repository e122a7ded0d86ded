// SPDX-License-Identifier: MIT
/*
 * Segments are files named by a number that grows; only the newest is written. In memory there are
 * eight bytes per record. A record is marked as done by one byte in place: no second file that
 * could disagree, and nothing to allocate on a full disk. A mark that is lost costs a repeat, which
 * the store drops.
 */
#include "probe/spool_internal.h"

#include "probe/spool_record.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define SEGMENT_MIN_BYTES 65536
#define SEGMENT_MAX_BYTES (1024 * 1024)
#define SEGMENTS          64                /* about so many at the bound */
#define FILE_MAX_BYTES    (4 * 1024 * 1024) /* what is larger is not ours */

/* ---- what goes wrong is said once, and once when it is over */

static void PRINTF_LIKE(2, 3) fail(struct spool *s, const char *format, ...)
{
	bool told = s->error[0];
	va_list args;
	va_start(args, format);
	vsnprintf(s->error, sizeof s->error, format, args);
	va_end(args);
	if (!told)
		log_warning("spool.failed error=%s note=\"results are kept in memory only\"",
			log_quote(s->error));
}

static void works(struct spool *s)
{
	if (s->error[0])
		log_info("spool.works note=\"results are kept on disk again\"");
	s->error[0] = 0;
}

/* ---- what an earlier run left */

static void scan_records(struct spool *s, struct segment *g, const char *data, size_t size_bytes,
	size_t header_bytes)
{
	size_t at = header_bytes;
	int64_t damaged = 0;
	struct spool_record r;
	while (spool_record_next(data, size_bytes, &at, &r)) {
		bool lost = r.damaged && !r.stored;
		damaged += lost;
		segment_note(g, r.at, r.stored || lost ? STATE_DONE : STATE_WAITS);
	}
	g->size_bytes = (int64_t)at;
	s->dropped += damaged;
	if (at < size_bytes && ftruncate(s->fd, (off_t)at) == -1)
		g->size_bytes = (int64_t)size_bytes;
	if (at < size_bytes || damaged)
		log_warning("spool.damaged segment=%016" PRIx64 " cut_bytes=%zu damaged=%" PRId64,
			g->number, size_bytes - at, damaged);
}

/* The whole file, or NULL: it is none of ours. */
static char *read_segment(struct spool *s, uint64_t number, size_t *size_bytes)
{
	struct stat st;
	int fd = spool_fd(s, number, O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
		return NULL;
	char *data = mem_alloc((size_t)st.st_size + 1);
	*size_bytes = (size_t)st.st_size;
	if (spool_read_all(fd, data, *size_bytes, 0))
		return data;
	free(data);
	return NULL;
}

/* A torn header (the machine stopped at the first write) is the beginning of one of ours. */
static void scan_segment(struct spool *s, uint64_t number)
{
	char header[SPOOL_HEADER_MAX];
	size_t common = spool_header(header, s->probe), size_bytes = 0;
	char *data = read_segment(s, number, &size_bytes);
	if (size_bytes < common)
		common = size_bytes;
	if (!data || memcmp(data, header, common) != 0) {
		log_warning("spool.foreign file=%016" PRIx64 ".spool note=\"left alone\"", number);
		free(data);
		return;
	}
	struct segment *g = segment_new(number);
	scan_records(s, g, data, size_bytes, common);
	if (g->n_left > 0) {
		segment_link(s, g);
	} else {
		spool_remove_file(s, number);
		segment_free(g);
	}
	free(data);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void scan(struct spool *s, DIR *dir)
{
	uint64_t *numbers = NULL;
	size_t n = 0;
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		uint64_t number = spool_number_of(entry->d_name);
		if (number == 0)
			continue;
		numbers = mem_resize(numbers, n + 1, sizeof *numbers);
		numbers[n++] = number;
	}
	if (n > 0)
		qsort(numbers, n, sizeof *numbers, compare_numbers);
	for (size_t i = 0; i < n; i++) {
		scan_segment(s, numbers[i]);
		s->last_number = numbers[i]; /* never write where a stranger's file is */
	}
	free(numbers);
	spool_close_fd(s);
	spool_keep_bound(s, 0);
	if (s->waiting > 0)
		log_info(
			"spool.left results=%" PRId64 " bytes=%" PRId64, s->waiting, s->size_bytes);
}

/* 0, or -1 after saying why. The lock is on the folder and ends with the process. */
static int open_folder(struct spool *s)
{
	struct stat st;
	DIR *dir = NULL;
	char *path = mem_printf("%s/spool", s->state_dir);
	int fd = -1, copy = -1;
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		fail(s, "cannot make %s: %s", path, strerror(errno));
	else if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1 ||
		 fstat(fd, &st) == -1)
		fail(s, "cannot open %s: %s", path, strerror(errno));
	else if (st.st_uid != geteuid())
		fail(s, "%s belongs to another user", path);
	else if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		fail(s, "%s is used by another probe: every probe needs a state_dir of its own",
			path);
	else if (fchmod(fd, 0700) == -1 || (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1 ||
		 !(dir = fdopendir(copy)))
		fail(s, "cannot use %s: %s", path, strerror(errno));
	free(path);
	if (!dir) {
		if (copy != -1)
			close(copy);
		if (fd != -1)
			close(fd);
		return -1;
	}
	s->folder = fd;
	scan(s, dir);
	closedir(dir);
	return 0;
}

struct spool *spool_open(const char *state_dir, const char *probe, int64_t max_bytes)
{
	if (max_bytes == 0)
		return NULL;
	struct spool *s = mem_alloc(sizeof *s);
	*s = (struct spool){.max_bytes = max_bytes, .folder = -1, .fd = -1};
	s->state_dir = mem_strdup(state_dir);
	s->probe = mem_strdup(probe);
	(void)open_folder(s); /* tried again when there is something to write */
	return s;
}

void spool_close(struct spool *s)
{
	struct segment *g, *next;
	if (!s)
		return;
	DL_FOREACH_SAFE (s->segments, g, next)
		segment_free(g);
	spool_close_fd(s);
	if (s->folder != -1)
		close(s->folder);
	free(s->state_dir);
	free(s->probe);
	free(s);
}

void spool_set_max(struct spool *s, int64_t max_bytes)
{
	if (!s)
		return;
	s->max_bytes = max_bytes;
	spool_keep_bound(s, 0);
}

/* ---- in */

static int64_t segment_limit(const struct spool *s)
{
	int64_t limit = s->max_bytes / SEGMENTS;
	return limit < SEGMENT_MIN_BYTES   ? SEGMENT_MIN_BYTES
	       : limit > SEGMENT_MAX_BYTES ? SEGMENT_MAX_BYTES
					   : limit;
}

/* All or nothing: what a full disk took of it is cut off again. */
static int write_records(
	struct spool *s, const struct segment *g, const char *data, size_t size_bytes)
{
	bool is_new = g->size_bytes == 0;
	int fd = spool_fd(s, g->number, is_new ? O_CREAT | O_EXCL : 0);
	if (fd != -1 && spool_write_all(fd, data, size_bytes, g->size_bytes))
		return 0;
	fail(s, "cannot write to %s/spool: %s", s->state_dir, strerror(errno));
	if (fd == -1 && is_new)
		s->last_number = g->number; /* a stranger's file: the next one has another name */
	else if (is_new)
		spool_remove_file(s, g->number);
	else if (fd != -1 && ftruncate(fd, (off_t)g->size_bytes) == -1)
		log_errno("spool.cut segment=%016" PRIx64, g->number);
	return -1;
}

static void note_written(struct spool *s, struct segment *g, const char *data, size_t size_bytes,
	size_t at, struct spool_place *out)
{
	struct spool_record r;
	for (size_t i = 0; spool_record_next(data, size_bytes, &at, &r); i++) {
		out[i] = (struct spool_place){.segment = g->number, .index = g->n};
		segment_note(g, (size_t)g->size_bytes + r.at, STATE_HELD);
	}
	g->size_bytes += (int64_t)size_bytes;
	s->size_bytes += (int64_t)size_bytes;
}

/* BYTES: a header, used for a new segment, and records. */
static int append(
	struct spool *s, const struct buf *bytes, size_t header_bytes, struct spool_place *out)
{
	spool_keep_bound(s, (int64_t)bytes->size_bytes);
	struct segment *g = s->segments ? s->segments->prev : NULL;
	bool is_new = !g || g->size_bytes >= segment_limit(s) || g->number < s->last_number;
	size_t skip = is_new ? 0 : header_bytes;
	const char *data = bytes->data + skip;
	size_t size_bytes = bytes->size_bytes - skip;
	if (is_new)
		g = segment_new(s->last_number + 1);
	if (write_records(s, g, data, size_bytes)) {
		if (is_new)
			segment_free(g);
		return -1;
	}
	if (is_new)
		segment_link(s, g);
	note_written(s, g, data, size_bytes, header_bytes - skip, out);
	works(s);
	return 0;
}

int spool_append(struct spool *s, const struct spool_text *text, size_t n, struct spool_place *out)
{
	char header[SPOOL_HEADER_MAX];
	if (!s || n == 0 || (s->folder == -1 && open_folder(s)))
		return -1;
	struct buf bytes;
	size_t header_bytes = spool_header(header, s->probe);
	buf_init(&bytes, SPOOL_APPEND_MAX_BYTES);
	int result = buf_add(&bytes, header, header_bytes);
	for (size_t i = 0; result == 0 && i < n; i++)
		result = spool_record_add(&bytes, text[i].text, text[i].size_bytes);
	if (result == 0 && (int64_t)bytes.size_bytes <= s->max_bytes)
		result = append(s, &bytes, header_bytes, out);
	else
		result = -1;
	buf_clear(&bytes);
	return result;
}

/* Writes what a new segment begins with, and takes it away again. */
int spool_try(struct spool *s)
{
	char header[SPOOL_HEADER_MAX];
	if (!s || (s->folder == -1 && open_folder(s)))
		return -1;
	struct segment *g = segment_new(s->last_number + 1);
	int result = write_records(s, g, header, spool_header(header, s->probe));
	if (result == 0) {
		spool_remove_file(s, g->number);
		works(s);
	}
	segment_free(g);
	return result;
}

/* ---- out */

/* Its text, or NULL: the disk does not give back what it took. */
static char *read_record(
	struct spool *s, const struct segment *g, uint32_t index, size_t *size_bytes)
{
	size_t at = g->record[index].at, next = 0;
	size_t end = index + 1 < g->n ? g->record[index + 1].at : (size_t)g->size_bytes;
	struct spool_record r;
	char *data = mem_alloc(end - at + 1), *text = NULL;
	int fd = spool_fd(s, g->number, 0);
	if (fd != -1 && spool_read_all(fd, data, end - at, (int64_t)at) &&
		spool_record_next(data, end - at, &next, &r) && !r.damaged) {
		*size_bytes = r.size_bytes;
		text = mem_alloc(r.size_bytes + 1);
		memcpy(text, r.text, r.size_bytes);
	}
	free(data);
	return text;
}

static struct segment *newest_waiting(const struct spool *s)
{
	struct segment *g = s->segments ? s->segments->prev : NULL;
	while (g && g->n_waiting == 0)
		g = g == s->segments ? NULL : g->prev;
	return g;
}

char *spool_take(struct spool *s, size_t *size_bytes, struct spool_place *out)
{
	struct segment *g;
	while (s && (g = newest_waiting(s))) {
		while (g->record[g->top - 1].state != STATE_WAITS)
			g->top--;
		uint32_t index = --g->top;
		char *text = read_record(s, g, index, size_bytes);
		segment_set_state(s, g, index, STATE_WAITS, text ? STATE_HELD : STATE_DONE);
		if (text) {
			*out = (struct spool_place){.segment = g->number, .index = index};
			return text;
		}
		s->dropped++;
	}
	return NULL;
}

bool spool_release(struct spool *s, const struct spool_place *place)
{
	struct segment *g;
	const struct record *r = spool_record_at(s, place, &g);
	if (!r || r->state == STATE_DONE)
		return false;
	if (r->state == STATE_HELD)
		segment_set_state(s, g, place->index, STATE_HELD, STATE_WAITS);
	return true;
}

void spool_hold(struct spool *s, const struct spool_place *place)
{
	struct segment *g;
	const struct record *r = spool_record_at(s, place, &g);
	if (r && r->state == STATE_WAITS)
		segment_set_state(s, g, place->index, STATE_WAITS, STATE_HELD);
}

void spool_done(struct spool *s, const struct spool_place *place)
{
	static const char stored = SPOOL_STATE_STORED;
	struct segment *g;
	const struct record *r = spool_record_at(s, place, &g);
	if (!r || r->state == STATE_DONE)
		return;
	if (g->n_left > 1) { /* else the file goes anyway */
		int fd = spool_fd(s, g->number, 0);
		if (fd == -1 || !spool_write_all(fd, &stored, 1, (int64_t)r->at + SPOOL_STATE_AT))
			log_debug("spool.mark errno=%d", errno);
	}
	segment_set_state(s, g, place->index, (enum state)r->state, STATE_DONE);
}

/* ---- for people */

int64_t spool_waiting(const struct spool *s)
{
	return s ? s->waiting : 0;
}

int64_t spool_size_bytes(const struct spool *s)
{
	return s ? s->size_bytes : 0;
}

int64_t spool_dropped(const struct spool *s)
{
	return s ? s->dropped : 0;
}

const char *spool_error(const struct spool *s)
{
	return s && s->error[0] ? s->error : NULL;
}
