// SPDX-License-Identifier: MIT
/* Values of secrets: only the coordinator knows them, but who has one in a file may use it here. */
#include "probe/once_internal.h"

#include "probe/token.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

static int read_one(struct once *o, const char *word)
{
	char why[TOKEN_WHY_SIZE], *name = mem_strndup(word, strcspn(word, "="));
	const char *file = word + strlen(name) + 1, *accepted;
	int status = -1;
	struct once_secret secret = {.name = name};
	if (!strchr(word, '=') || !*file)
		status = once_complain(
			o, "--secret: '%s' names no file; accepted: --secret NAME=FILE", name);
	else if (secret_name_check(&name, &accepted))
		status = once_complain(
			o, "--secret: '%s' cannot be used; accepted: %s", name, accepted);
	else if (secret_value_read("secret file", file, &secret.value, why))
		status = once_complain(o, "--secret %s: %s", name, why);
	if (status != -1) {
		free(name);
		return status;
	}
	o->secret = mem_resize(o->secret, o->n_secrets + 1, sizeof(*o->secret));
	o->secret[o->n_secrets++] = secret;
	return -1;
}

int once_read_secrets(struct once *o)
{
	const char *word;
	int status = -1;
	for (int i = 0; status == -1 && (word = args_nth(&o->args, "secret", i)); i++)
		status = read_one(o, word);
	return status;
}

void once_drop_secrets(struct once *o)
{
	for (size_t i = 0; i < o->n_secrets; i++) {
		free(o->secret[i].name);
		token_free(o->secret[i].value);
	}
	free(o->secret);
}

struct filling {
	struct once *o;
	char *path, *why; /* of the first that is missing */
	bool failed;
};

static struct once_secret *find(struct once *o, const char *name)
{
	for (size_t i = 0; i < o->n_secrets; i++)
		if (strcmp(secret_name_short(o->secret[i].name), secret_name_short(name)) == 0)
			return &o->secret[i];
	return NULL;
}

static void fill(void *arg, const struct credential_place *at)
{
	struct filling *f = arg;
	if (!at->secret || f->failed)
		return;
	struct once_secret *secret = find(f->o, at->secret);
	if (secret) {
		secret->used = true;
		mem_set(at->value, secret->value);
		return;
	}
	f->failed = true;
	snprintf(f->path, 160, "%s", at->path);
	snprintf(f->why, 320,
		"the value of the secret '%s' is known to the coordinator only; accepted here: "
		"--secret %s=FILE",
		at->secret, at->secret);
}

int once_fill_secrets(struct once *o, const struct monitor *m, char path[160], char why[320])
{
	struct filling f = {.o = o, .path = path, .why = why};
	monitor_each_credential(m, "", fill, &f);
	return f.failed ? -1 : 0;
}
