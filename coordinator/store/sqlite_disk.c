// SPDX-License-Identifier: MIT
/*
 * How full the disk is, and the reserve: a file of real blocks beside state.db. When a commit of
 * state meets a full disk the file goes, and the commit is tried again in the room that it leaves.
 */
#include "coordinator/store/sqlite.h"

#include "proto/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *reserve_path(const struct sqlite_store *s)
{
	return mem_printf("%s/reserve", s->folder);
}

/* All of it or nothing: a file with holes would keep nothing back. */
static void make_reserve(struct sqlite_store *s, int64_t bytes)
{
	char *path = reserve_path(s);
	struct stat st = {0};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	s->reserve = fd != -1 && fstat(fd, &st) == 0 &&
		     (st.st_blocks * 512 >= bytes || posix_fallocate(fd, 0, bytes) == 0);
	if (fd != -1)
		close(fd);
	if (!s->reserve)
		(void)unlink(path);
	free(path);
}

bool sqlite_release_reserve(struct sqlite_store *s)
{
	char *path = reserve_path(s);
	bool released = unlink(path) == 0;

	s->reserve = false;
	free(path);
	return released;
}

int sqlite_space(void *backend, struct disk_space *out)
{
	struct sqlite_store *s = backend;
	struct statvfs disk;

	if (statvfs(s->folder, &disk) == -1)
		return -1;
	out->free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	out->total_bytes = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
	if (!s->reserve && disk_rung(DISK_CLOSED, out) <= DISK_LOW)
		make_reserve(s, disk_reserve_bytes(out));
	return 0;
}
