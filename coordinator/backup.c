// SPDX-License-Identifier: MIT
/*
 * The commands. A backup is made under another name and gets its own when it is complete. A restore
 * is prepared and checked beside what it will replace; then a mark keeps the coordinator from
 * starting while the files change places, so that an interrupted one is seen, not run.
 */
#include "coordinator/backup.h"

#include "coordinator/store/archive.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct backup_file *file_named(const char *name)
{
	for (size_t i = 0; i < backup_files_n; i++)
		if (strcmp(backup_files[i].name, name) == 0)
			return &backup_files[i];
	return NULL;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- backup */

/* -1: said why; 1: there is none. */
static int copy_out(
	const struct coordinator_conf *conf, const struct backup_file *file, const char *folder)
{
	char *from = backup_own_path(conf, file), *to = mem_printf("%s/%s", folder, file->name);
	char why[WHY_SIZE];
	int rc = 1;

	if (!file->is_database)
		rc = backup_copy_file(from, to);
	else if (is_there(from) && (rc = archive_copy(from, to, why)) == -1)
		(void)backup_fail("%s", why);
	free(from);
	free(to);
	return rc;
}

static int copy_all_out(
	const struct coordinator_conf *conf, const struct backup_options *o, const char *folder)
{
	char *conf_copy = mem_printf("%s/coordinator.yml", folder);
	int rc = o->without_keys ? 0 : backup_copy_file(o->config, conf_copy);

	free(conf_copy);
	for (size_t i = 0; rc != -1 && i < backup_files_n; i++) {
		const struct backup_file *file = &backup_files[i];

		if ((file->is_key && o->without_keys) ||
			(o->without_results && strcmp(file->name, "results.db") == 0))
			continue;
		rc = copy_out(conf, file, folder);
	}
	return rc == -1 ? -1 : backup_sync(folder);
}

static void say_keys(const char *folder, bool secret_key, bool link_key)
{
	if (secret_key && link_key)
		printf("\nThe link key and the secret key are inside: keep %s as safe as the "
		       "coordinator itself.\n",
			folder);
	else if (secret_key)
		printf("\nThe secret key is inside, the link key is not: keep %s as safe as the "
		       "coordinator itself.\n",
			folder);
	else if (link_key)
		printf("\nThe link key is inside, the secret key is not: restoring needs state.key "
		       "from elsewhere.\n");
	else
		printf("\nNeither the link key nor the secret key is inside: restoring needs "
		       "state.key (and door.key, unless the probes join again) from elsewhere.\n");
}

/* Of an attempt that failed or was interrupted; nothing but what a backup writes is removed. */
static void remove_partial(const char *folder)
{
	for (size_t i = 0; i <= backup_files_n; i++) {
		char *path = mem_printf("%s/%s", folder,
			i < backup_files_n ? backup_files[i].name : "coordinator.yml");

		(void)unlink(path);
		free(path);
	}
	(void)rmdir(folder);
}

int backup_make(const struct coordinator_conf *conf, const struct backup_options *o)
{
	char *part = mem_printf("%s.partial", o->folder);
	bool secret_key = false, link_key = false;
	int rc = -1;

	remove_partial(part);
	if (is_there(o->folder))
		(void)backup_fail(
			"%s is there already; accepted: the name of a new folder", o->folder);
	else if (mkdir(part, 0700) == -1)
		(void)backup_fail("%s: %s", part, strerror(errno));
	else if (copy_all_out(conf, o, part) == 0)
		rc = backup_describe(part, part, &secret_key, &link_key);
	if (rc == 0 && rename(part, o->folder) == -1)
		rc = backup_fail("%s: %s", o->folder, strerror(errno));
	if (rc != 0)
		remove_partial(part);
	else
		say_keys(o->folder, secret_key, link_key);
	free(part);
	return rc == 0 ? 0 : 1;
}

/* ---- check */

int backup_check(const struct coordinator_conf *conf, const struct backup_options *o)
{
	const char *folder = o->folder ? o->folder : backup_store_folder(conf);
	const char *door = o->folder ? o->folder : conf->state_dir;
	bool secret_key = false, link_key = false;
	char *mark = mem_printf("%s/" RESTORE_MARK, folder);
	int rc;

	if (is_there(mark))
		rc = backup_fail("a restore into %s did not end: run it again", folder);
	else
		rc = backup_describe(folder, door, &secret_key, &link_key);
	free(mark);
	if (rc == 0 && o->folder)
		say_keys(folder, secret_key, link_key);
	return rc == 0 ? 0 : 1;
}

/* ---- restore */

struct restore {
	const struct coordinator_conf *conf;
	const struct backup_options *o;
	const char *store;
	char *prepared, *aside, *mark;
	int lock_fd;
	struct stat owner; /* of the store's folder: what root restores is its again */
};

/* What root makes belongs to whom the store's folder belongs to. */
static int give_away(const struct restore *r, const char *path)
{
	if (geteuid() != 0 || chown(path, r->owner.st_uid, r->owner.st_gid) == 0)
		return 0;
	return backup_fail("%s cannot be given to its owner: %s", path, strerror(errno));
}

/* The coordinator's own lock: 0, or -1 when it runs. */
static int take_lock(struct restore *r)
{
	char *path = mem_printf("%s/lock", r->store);
	int rc;

	r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->lock_fd == -1)
		rc = backup_fail("%s: %s", path, strerror(errno));
	else if (flock(r->lock_fd, LOCK_EX | LOCK_NB) == -1)
		rc = backup_fail("a coordinator is using %s: stop it first", r->store);
	else
		rc = give_away(r, path);
	free(path);
	return rc;
}

static int own_folder(struct restore *r)
{
	if (mkdir(r->store, 0700) == -1 && errno != EEXIST)
		return backup_fail("%s: %s", r->store, strerror(errno));
	if (stat(r->store, &r->owner) == -1)
		return backup_fail("%s: %s", r->store, strerror(errno));
	return take_lock(r);
}

/* What is in the way is only put aside when that was asked for. */
static int check_place(struct restore *r)
{
	char *state = mem_printf("%s/state.db", r->store);
	int rc = 0;

	if (is_there(state) && !is_there(r->mark) && !r->o->replace)
		rc = backup_fail("%s holds a coordinator's state already; --replace puts it aside",
			r->store);
	free(state);
	return rc;
}

static int prepare_one(struct restore *r, const struct backup_file *file)
{
	char *from = mem_printf("%s/%s", r->o->folder, file->name);
	char *to = mem_printf("%s/%s", r->prepared, file->name), why[WHY_SIZE];
	int rc = 1;

	(void)unlink(to); /* of an attempt that was interrupted */
	if (!file->is_database)
		rc = backup_copy_file(from, to);
	else if (is_there(from) && (rc = archive_copy(from, to, why)) == -1)
		(void)backup_fail("%s", why);
	if (rc == 0)
		rc = give_away(r, to);
	free(from);
	free(to);
	return rc;
}

/* The key that a backup without keys needs is the one that stands there. */
static int prepare_key(struct restore *r)
{
	const struct backup_file *key = file_named("state.key");
	char *own = backup_own_path(r->conf, key);
	char *to = mem_printf("%s/%s", r->prepared, key->name);
	int rc = is_there(to) ? 0 : backup_copy_file(own, to);

	if (rc == 1)
		rc = backup_fail(
			"%s holds no state.key; accepted: the state.key of that coordinator, as %s",
			r->o->folder, own);
	if (rc == 0)
		rc = give_away(r, to);
	free(own);
	free(to);
	return rc;
}

static int prepare(struct restore *r)
{
	bool secret_key = false, link_key = false;
	char why[WHY_SIZE];

	if (mkdir(r->prepared, 0700) == -1 && errno != EEXIST)
		return backup_fail("%s: %s", r->prepared, strerror(errno));
	for (size_t i = 0; i < backup_files_n; i++)
		if (prepare_one(r, &backup_files[i]) == -1)
			return -1;
	if (prepare_key(r) == -1 ||
		backup_describe(r->prepared, r->prepared, &secret_key, &link_key) == -1)
		return -1;
	if (archive_renumber(r->prepared, clock_wall_ms(), why) == -1)
		return backup_fail("%s", why);
	return backup_sync(r->prepared);
}

/* Keys may stand on another disk than the store. */
static int move(const char *from, const char *to)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return 0;
	if (errno == EXDEV && backup_copy_file(from, to) == 0)
		return unlink(from);
	return backup_fail("%s -> %s: %s", from, to, strerror(errno));
}

/* The old file and its log go aside, unless an interrupted restore has done that. */
static int put_aside(struct restore *r, const struct backup_file *file, const char *own)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < (file->is_database ? ARRAY_LEN(ends) : 1); i++) {
		char *from = mem_printf("%s%s", own, ends[i]);
		char *to = mem_printf("%s/%s%s", r->aside, file->name, ends[i]);

		rc = is_there(to) ? (void)unlink(from), 0 : move(from, to);
		free(from);
		free(to);
	}
	return rc;
}

static int put_in_place(struct restore *r, const struct backup_file *file)
{
	char *from = mem_printf("%s/%s", r->prepared, file->name);
	char *own = backup_own_path(r->conf, file);
	/* A key that the backup does not have stays: it may be the operator's. */
	int rc = !is_there(from) && !file->is_database ? 0 : put_aside(r, file, own);

	if (rc == 0)
		rc = move(from, own);
	free(from);
	free(own);
	return rc;
}

static int swap(struct restore *r)
{
	int fd = open(r->mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1)
		return backup_fail("%s: %s", r->mark, strerror(errno));
	close(fd);
	if (mkdir(r->aside, 0700) == -1 && errno != EEXIST)
		return backup_fail("%s: %s", r->aside, strerror(errno));
	if (give_away(r, r->aside) == -1 || backup_sync(r->store) == -1)
		return -1;
	for (size_t i = 0; i < backup_files_n; i++)
		if (put_in_place(r, &backup_files[i]) == -1)
			return -1;
	if (backup_sync(r->store) == -1)
		return -1;
	(void)rmdir(r->prepared);
	(void)rmdir(r->aside); /* stays when something is in it */
	return unlink(r->mark) == 0 ? backup_sync(r->store)
				    : backup_fail("%s: %s", r->mark, strerror(errno));
}

int backup_restore(const struct coordinator_conf *conf, const struct backup_options *o)
{
	struct restore r = {
		.conf = conf, .o = o, .store = backup_store_folder(conf), .lock_fd = -1};
	int rc = -1;

	r.prepared = mem_printf("%s/restore.new", r.store);
	r.aside = mem_printf("%s/before-restore", r.store);
	r.mark = mem_printf("%s/" RESTORE_MARK, r.store);
	if (is_there(r.aside) && !is_there(r.mark))
		(void)backup_fail(
			"%s is still there, from an earlier restore: move it away first", r.aside);
	else if (own_folder(&r) == 0 && check_place(&r) == 0 && prepare(&r) == 0)
		rc = swap(&r);
	if (rc == 0) {
		printf("\nRestored into %s.", r.store);
		if (is_there(r.aside))
			printf(" What was there is in %s.", r.aside);
		printf("\nThe backup's coordinator.yml is not put into place: compare it with "
		       "yours. "
		       "Then start quorate-coordinator.\n");
	}
	if (r.lock_fd != -1)
		close(r.lock_fd);
	free(r.prepared);
	free(r.aside);
	free(r.mark);
	return rc == 0 ? 0 : 1;
}
