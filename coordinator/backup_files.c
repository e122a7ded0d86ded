// SPDX-License-Identifier: MIT
/* The files of a backup: what they are, how they are copied, what is in them. */
#include "coordinator/backup.h"

#include "coordinator/store/archive.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)
#define NAME_COLUMNS   16

/* In the order in which they are restored: state.db, without which nothing starts, comes last. */
const struct backup_file backup_files[] = {
	{"state.key", true, true, false, "the secret key: opens the secrets in state.db"},
	{"door.key", false, true, false, "the link key: probes trust whoever has it"},
	{"door.next.key", false, true, false, "the next link key"},
	{"door.crt", false, false, false, "the certificate of the link key"},
	{"results.db", true, false, true, NULL},
	{"state.db", true, false, true, NULL},
};
const size_t backup_files_n = ARRAY_LEN(backup_files);

static const char *const object_names[] = {"regions", "probes", "monitors", "API keys", "secrets",
	"pauses", "alerts closed by hand", "maintenances", "probes in quarantine"};
_Static_assert(ARRAY_LEN(object_names) == STORE_KIND_COUNT, "each kind has a name");

int backup_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("quorate-coordinator: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return -1;
}

const char *backup_store_folder(const struct coordinator_conf *conf)
{
	return strncmp(conf->store, "sqlite:", 7) == 0 ? conf->store + 7 : NULL;
}

char *backup_own_path(const struct coordinator_conf *conf, const struct backup_file *file)
{
	return mem_printf(
		"%s/%s", file->in_store ? backup_store_folder(conf) : conf->state_dir, file->name);
}

/* ---- copying */

static int write_new(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd != -1 && write(fd, bytes, n) == (ssize_t)n && fsync(fd) == 0 ? 0 : -1;

	if (rc == -1)
		(void)backup_fail("%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

int backup_copy_file(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	char *bytes;
	ssize_t n;
	int rc;

	if (fd == -1 && errno == ENOENT)
		return 1;
	if (fd == -1)
		return backup_fail("%s: %s", from, strerror(errno));
	bytes = mem_alloc(FILE_MAX_BYTES + 1);
	n = read(fd, bytes, FILE_MAX_BYTES + 1);
	close(fd);
	if (n == -1)
		rc = backup_fail("%s: %s", from, strerror(errno));
	else if (n > FILE_MAX_BYTES)
		rc = backup_fail("%s: larger than %d bytes", from, FILE_MAX_BYTES);
	else
		rc = write_new(to, bytes, (size_t)n);
	explicit_bzero(bytes, FILE_MAX_BYTES);
	free(bytes);
	return rc;
}

int backup_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd == -1 ? -1 : fsync(fd);

	if (rc == -1)
		(void)backup_fail("%s: %s", folder, strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

/* ---- describing */

static bool has_bytes(const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found = fd != -1 && lseek(fd, 0, SEEK_END) > 0;

	if (fd != -1)
		close(fd);
	free(path);
	return found;
}

static void print_state(const struct archive_state *s)
{
	printf("%-*swhole, schema %d: ", NAME_COLUMNS, "state.db", s->schema);
	for (size_t i = 0; s->key == KEY_FITS && i < ARRAY_LEN(object_names); i++)
		printf("%" PRId64 " %s, ", s->objects[i], object_names[i]);
	printf("%" PRId64 " alerts (%" PRId64 " open), %" PRId64 " messages waiting, %" PRId64
	       " given up\n",
		s->alerts, s->open_alerts, s->pending, s->dead);
}

static void print_results(const struct archive_results *r)
{
	char since[TIME_TEXT_SIZE] = "";

	printf("%-*swhole, schema %d: %" PRId64 " results", NAME_COLUMNS, "results.db", r->schema,
		r->results);
	if (r->results > 0)
		printf(" since %s", time_format(r->oldest_wall_ms, since));
	putchar('\n');
}

static void print_keys(const char *folder, const char *door, enum archive_key key)
{
	static const char *const fits[] = {
		[KEY_FITS] = "fits", [KEY_ABSENT] = "absent", [KEY_WRONG] = "of another state.db"};

	for (size_t i = 0; i < backup_files_n; i++) {
		const struct backup_file *f = &backup_files[i];

		if (!f->is_key || !has_bytes(f->in_store ? folder : door, f->name))
			continue;
		printf("%-*s%s%s%s\n", NAME_COLUMNS, f->name, f->what, f->in_store ? "; " : "",
			f->in_store ? fits[key] : "");
	}
}

int backup_describe(const char *folder, const char *door, bool *secret_key, bool *link_key)
{
	char why[WHY_SIZE] = "";
	struct archive_state state;
	struct archive_results results;
	int rc = 0;

	if (archive_read_state(folder, &state, why) == -1)
		return backup_fail("%s: %s", folder, why);
	print_state(&state);
	if (!has_bytes(folder, "results.db"))
		printf("%-*sabsent\n", NAME_COLUMNS, "results.db");
	else if (archive_read_results(folder, &results, why) == -1)
		rc = backup_fail("%s: %s", folder, why);
	else
		print_results(&results);
	print_keys(folder, door, state.key);
	*secret_key = state.key == KEY_FITS;
	*link_key = has_bytes(door, "door.key");
	if (state.key == KEY_WRONG)
		return backup_fail("%s/state.key is not the key of state.db", folder);
	return rc;
}
