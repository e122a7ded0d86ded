// SPDX-License-Identifier: MIT
#include "proto/base/credential_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void credential_file_find(struct credential_file *out, const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	out->forbidden = S_IRWXO; /* its group bits may be an access list that names us */
	if (folder && folder[0] == '/' && name[0] &&
		(size_t)snprintf(out->path, sizeof(out->path), "%s/%s", folder, name) <
			sizeof(out->path) &&
		access(out->path, F_OK) == 0)
		return;
	out->forbidden = S_IRWXG | S_IRWXO;
	if ((size_t)snprintf(out->path, sizeof(out->path), "%s", path) >= sizeof(out->path))
		out->path[0] = '\0';
}
