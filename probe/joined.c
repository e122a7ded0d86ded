// SPDX-License-Identifier: MIT
/* coordinator.json in the state folder. Ours, but still bounded and checked: disks rot. */
#include "probe/joined.h"

#include "proto/base/mem.h"
#include "proto/fence.h"
#include "proto/joinstring.h"
#include "quorate/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME      "coordinator.json"
#define FILE_MAX_BYTES 16384

// clang-format off
static const struct field joined_fields[] = {
	{.name = "probe", .type = FIELD_STRING, .offset = offsetof(struct joined, probe), .flags = FIELD_REQUIRED,
	 .min = 1, .max = NAME_MAX_BYTES},
	{.name = "addresses", .type = FIELD_STRINGS, .offset = offsetof(struct joined, addresses),
	 .flags = FIELD_REQUIRED, .max = JOIN_ADDRESSES_MAX, .check = join_check_addresses},
	{.name = "pin", .type = FIELD_STRINGS, .offset = offsetof(struct joined, pin), .max = JOIN_PINS_MAX,
	 .check = join_check_pins},
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct joined, name), .min = 1, .max = 253},
	{.name = "organization", .type = FIELD_STRING, .offset = offsetof(struct joined, organization), .min = 1,
	 .max = ORGANIZATION_MAX_BYTES, .check = organization_check},
	{.name = "string_hash", .type = FIELD_STRING, .offset = offsetof(struct joined, string_hash), .max = 64},
};
// clang-format on

const struct schema joined_schema = {.name = FILE_NAME,
	.fields = joined_fields,
	.n_fields = ARRAY_LEN(joined_fields),
	.size_bytes = sizeof(struct joined)};

static int read_file(const char *path, char text[FILE_MAX_BYTES], char why[TOKEN_WHY_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1 && errno == ENOENT)
		return JOINED_ABSENT;
	ssize_t n = fd == -1 ? -1 : read(fd, text, FILE_MAX_BYTES - 1);
	if (n == -1)
		snprintf(why, TOKEN_WHY_SIZE, "%s: %s", path, strerror(errno));
	else
		text[n] = 0;
	if (fd != -1)
		close(fd);
	return n == -1 ? -1 : 0;
}

int joined_read(const char *state_dir, struct joined *out, char why[TOKEN_WHY_SIZE])
{
	char *path = mem_printf("%s/" FILE_NAME, state_dir), text[FILE_MAX_BYTES];
	struct problems problems = {0};
	json_t *json;
	int result = read_file(path, text, why);
	if (result)
		goto out;
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	*out = (struct joined){0};
	result = json ? schema_decode(&joined_schema, SCHEMA_WIRE, json, out, &problems) : -1;
	json_decref(json);
	if (result) {
		schema_clear(&joined_schema, out);
		snprintf(why, TOKEN_WHY_SIZE, "%.200s: damaged; 'quorate-probe join' writes it",
			path);
	}
out:
	free(path);
	return result;
}

int joined_write(const char *state_dir, const struct joined *j, char why[TOKEN_WHY_SIZE])
{
	json_t *json = schema_encode(&joined_schema, SCHEMA_WIRE, j);
	char *text = json_dumps(json, JSON_INDENT(1)), *path;
	path = mem_printf("%s/" FILE_NAME, state_dir);
	int result = private_write(path, text, why);
	free(path);
	free(text);
	json_decref(json);
	return result;
}

static void move_strings(struct strings *to, struct strings *from)
{
	struct strings old = *to;
	*to = *from;
	*from = old;
}

/* The join string's word is final; probe.yml may not even narrow it to nothing. */
static int keep_private(struct probe_conf *conf, struct joined *j, char why[TOKEN_WHY_SIZE])
{
	struct strings *served = &conf->organizations;
	if (!j->organization)
		return 0;
	if (served->n && !strings_have(served, j->organization)) {
		snprintf(why, TOKEN_WHY_SIZE,
			"organizations: '%s' is missing; accepted: the organization that this "
			"probe joined for, or nothing",
			j->organization);
		return -1;
	}
	for (size_t i = 0; i < served->n; i++)
		free(served->item[i]);
	served->item = mem_resize(served->item, 1, sizeof(*served->item));
	served->item[0] = mem_strdup(j->organization);
	served->n = 1;
	return 0;
}

static int complete_from(struct probe_conf *conf, struct joined *j, char why[TOKEN_WHY_SIZE])
{
	if (!conf->name)
		conf->name = mem_strdup(j->probe);
	if (!conf->coordinator.addresses.n) {
		move_strings(&conf->coordinator.addresses, &j->addresses);
		move_strings(&conf->coordinator.pin, &j->pin);
		if (conf->coordinator.pin.n) /* the key is the proof: no CA is asked */
			mem_set(&conf->coordinator.ca, NULL);
		mem_set(&conf->coordinator.name, j->name);
	}
	return strcmp(conf->name, j->probe) == 0 ? keep_private(conf, j, why) : 0;
}

int joined_complete(struct probe_conf *conf, char why[TOKEN_WHY_SIZE])
{
	struct joined j;
	int found = joined_read(conf->state_dir, &j, why);
	if (found == -1)
		return -1;
	if (found == JOINED_ABSENT) {
		snprintf(why, TOKEN_WHY_SIZE,
			"name: missing; accepted: the probe's name, or 'quorate-probe join' first");
		return conf->name ? 0 : -1;
	}
	int result = complete_from(conf, &j, why);
	schema_clear(&joined_schema, &j);
	return result;
}

/* ---- other keys */

static size_t shared(const struct strings *a, const struct strings *b)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n; i++)
		n += strings_have(b, a->item[i]);
	return n;
}

static bool same_strings(const struct strings *a, const struct strings *b)
{
	return a->n == b->n && shared(a, b) == a->n;
}

static void copy_strings(struct strings *to, const struct strings *from)
{
	for (size_t i = 0; i < to->n; i++)
		free(to->item[i]);
	to->item = mem_resize(to->item, from->n, sizeof(*to->item));
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->item[i] = mem_strdup(from->item[i]);
}

static int repin(struct probe_conf *conf, struct joined *j, const struct strings *pins,
	char why[TOKEN_WHY_SIZE])
{
	struct strings *known = &conf->coordinator.pin;
	if (!same_strings(&j->pin, known)) {
		snprintf(why, TOKEN_WHY_SIZE,
			"coordinator.pin stands in probe.yml: put the coordinator's next key "
			"there, "
			"which 'quorate door show' prints");
		return -1;
	}
	if (shared(known, pins) == 0) {
		snprintf(why, TOKEN_WHY_SIZE, "none of them is one of ours");
		return -1;
	}
	copy_strings(&j->pin, pins);
	if (joined_write(conf->state_dir, j, why))
		return -1;
	copy_strings(known, pins);
	return 0;
}

int joined_repin(struct probe_conf *conf, const struct strings *pins, char why[TOKEN_WHY_SIZE])
{
	struct joined j;
	if (shared(pins, &conf->coordinator.pin) == pins->n)
		return 0;
	int found = joined_read(conf->state_dir, &j, why);
	if (found == JOINED_ABSENT)
		schema_defaults(&joined_schema, &j); /* all of it is probe.yml's */
	int result = found == -1 ? -1 : repin(conf, &j, pins, why);
	if (found != -1)
		schema_clear(&joined_schema, &j);
	return result;
}

/* ---- files */

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = write(fd, text, left);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return write(fd, "\n", 1) == 1 ? 0 : -1;
}

/* Joining may be done by root, for a probe that runs as somebody else. */
static int give_to_owner(int fd, int folder_fd)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	return fstat(folder_fd, &st) == -1 ? -1 : fchown(fd, st.st_uid, st.st_gid);
}

int private_write(const char *path, const char *text, char why[TOKEN_WHY_SIZE])
{
	char *temporary = mem_printf("%s.XXXXXX", path), *copy = mem_strdup(path);
	int folder_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, result = -1;
	fd = folder_fd == -1 ? -1 : mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd != -1 && give_to_owner(fd, folder_fd) == 0 && write_all(fd, text) == 0 &&
		fsync(fd) == 0 && rename(temporary, path) == 0 && fsync(folder_fd) == 0)
		result = 0;
	else
		snprintf(why, TOKEN_WHY_SIZE, "%s: %s", path, strerror(errno));
	if (fd != -1) {
		if (result)
			unlink(temporary);
		close(fd);
	}
	if (folder_fd != -1)
		close(folder_fd);
	free(temporary);
	free(copy);
	return result;
}
