// SPDX-License-Identifier: MIT
/* The first admin key. The file is complete before it has its name, so that a reader never sees
 * half a key. */
#include "coordinator/admin.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_admin(struct registry *r)
{
	for (const struct api_key *key = NULL; (key = registry_next_key(r, key));) {
		if (key->role == ROLE_ADMIN)
			return true;
	}
	return false;
}

static int write_file(const char *path, const char *secret)
{
	char *part = mem_printf("%s.new", path), *line = mem_printf("%s\n", secret);
	ssize_t size = (ssize_t)strlen(line);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600),
	    result = -1;

	if (fd != -1 && write(fd, line, (size_t)size) == size && fsync(fd) == 0 &&
		rename(part, path) == 0)
		result = 0;
	if (result == -1)
		log_errno("admin_key.unwritable path=%s", log_quote(path));
	if (fd != -1)
		close(fd);
	explicit_bzero(line, (size_t)size);
	free(line);
	free(part);
	return result;
}

struct commit {
	struct loop *loop;
	const char *path;
	bool done;
};

static void on_committed(void *arg, enum store_error error, const struct id *id)
{
	struct commit *commit = arg;

	(void)id;
	if (error == STORE_OK)
		log_info("admin_key.made file=%s", log_quote(commit->path));
	else
		log_error("admin_key.not_stored file=%s msg=\"the key in this file is not valid\"",
			log_quote(commit->path));
	commit->done = true;
	loop_stop(commit->loop);
}

static int make_key(struct loop *loop, struct registry *r, const char *path)
{
	struct commit commit = {.loop = loop, .path = path};
	json_t *in = json_pack("{s:s, s:s}", "name", "first admin", "role", role_names[ROLE_ADMIN]);
	struct problems problems = {0};
	char secret[KEY_TEXT_SIZE];
	int result = -1;

	if (registry_add_key(r, in, secret, &problems, on_committed, &commit) == -1) {
		log_error("admin_key.refused why=%s", log_quote(problems.item[0].message));
		goto out;
	}
	result = write_file(path, secret);
	explicit_bzero(secret, sizeof(secret));
	while (!commit.done)
		loop_run(loop);
out:
	json_decref(in);
	return result;
}

int admin_ensure_key(struct loop *loop, struct registry *r, const char *state_dir, bool another)
{
	char *path;
	int result;

	if (has_admin(r) && !another)
		return 0;
	path = mem_printf("%s/admin.key", state_dir);
	result = make_key(loop, r, path);
	free(path);
	return result;
}
