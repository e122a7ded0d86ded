// SPDX-License-Identifier: MIT
/*
 * Secrets that the service manager hands over (systemd, LoadCredential=NAME:/etc/…): a file of the same name in
 * CREDENTIALS_DIRECTORY goes before the one that the configuration names. So the configuration says
 * the same inside and outside of the service, and the file may be root's.
 */
#ifndef QUORATE_BASE_CREDENTIAL_FILE_H
#define QUORATE_BASE_CREDENTIAL_FILE_H

#include <limits.h>
#include <sys/stat.h>

struct credential_file {
	char path[PATH_MAX];
	mode_t forbidden; /* bits of access that would let others at it */
};
/* What to open for PATH. A PATH that is too long becomes one that does not exist. */
void credential_file_find(struct credential_file *out, const char *path);

#endif
