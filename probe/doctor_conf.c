// SPDX-License-Identifier: MIT
/* The probe's files: configuration, state folder, what joining left, token, proxy password; and what
 * the local file allows. */
#include "probe/doctor_internal.h"

#include "probe/joined.h"
#include "probe/token.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_PATH_DEFAULT "/etc/quorate/probe.yml"
#define JOIN_HERE                                                                                  \
	"on the coordinator: quorate probe add NAME --region REGION; here: quorate-probe join, "   \
	"and paste the line that it printed"

static void advise_sudo(struct doctor *d, const char *what)
{
	doctor_advise(d, "run it as root, or as the probe's user, to look at %s", what);
}

/* ---- the file */

static void say_problems(struct doctor *d, char *text)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		doctor_say(d, MARK_FAIL, "file", "%s", line);
		doctor_advise(d,
			"quorate-probe(8) lists every key; nothing else can be looked at before");
	}
}

static bool is_forbidden(const char *path)
{
	return access(path, R_OK) == -1 && errno == EACCES;
}

static void look_at_file(struct doctor *d)
{
	const char *path = d->options->conf_path;
	char *text = NULL;
	size_t size = 0;
	if (is_forbidden(path)) {
		doctor_say(d, MARK_WARN, "file", "%s cannot be read by user %s", path, d->our_name);
		advise_sudo(d, "everything");
		return;
	}
	FILE *problems = open_memstream(&text, &size);
	ensure(problems);
	d->readable = probe_conf_load_to(path, !d->options->conf_given, &d->conf, problems) == 0;
	fclose(problems);
	if (!d->readable && access(path, F_OK) == -1) {
		doctor_say(d, MARK_FAIL, "file", "%s: %s", path, strerror(errno));
		doctor_advise(d, "-c names the configuration; without it, " CONF_PATH_DEFAULT
				 " is read, and need not be there");
	} else if (!d->readable) {
		say_problems(d, text);
	} else if (access(path, F_OK) == -1)
		doctor_say(
			d, MARK_NOTE, "file", "there is no %s: everything has its default", path);
	else if (d->readable)
		doctor_say(d, MARK_OK, "file", "%s", path);
	free(text);
}

/* ---- the state folder */

static void learn_owner(struct doctor *d, const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	d->owner = st->st_uid;
	d->owner_group = st->st_gid;
	if (user)
		snprintf(d->owner_name, sizeof d->owner_name, "%s", user->pw_name);
	else
		snprintf(d->owner_name, sizeof d->owner_name, "%u", (unsigned)st->st_uid);
}

static void look_at_state(struct doctor *d)
{
	const char *path = d->conf.state_dir;
	struct stat st;
	if (stat(path, &st) == -1 && errno == EACCES) {
		d->hidden = true;
		doctor_say(
			d, MARK_WARN, "state", "%s cannot be seen by user %s", path, d->our_name);
		advise_sudo(d, "it");
		return;
	}
	if (stat(path, &st) == -1) {
		doctor_say(d, MARK_FAIL, "state", "%s: %s", path, strerror(errno));
		doctor_advise(d,
			"'quorate-probe join' makes it; without joining: install -d -m 700 -o USER "
			"%s",
			path);
		return;
	}
	learn_owner(d, &st);
	if (!S_ISDIR(st.st_mode)) {
		doctor_say(d, MARK_FAIL, "state", "%s is no folder", path);
		doctor_advise(d, "move it away, or give state_dir another path");
		return;
	}
	d->seen = access(path, R_OK | X_OK) == 0;
	d->hidden = !d->seen;
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		doctor_say(d, MARK_FAIL, "state",
			"%s, of %s: mode %04o lets others put files there", path, d->owner_name,
			(unsigned)st.st_mode & 07777);
		doctor_advise(d, "chmod 700 %s", path);
	} else if (!d->seen) {
		doctor_say(d, MARK_WARN, "state", "%s, of %s, cannot be looked into by user %s",
			path, d->owner_name, d->our_name);
		advise_sudo(d, "token, spool and what it joined");
	} else {
		doctor_say(d, MARK_OK, "state", "%s, of %s, mode %04o", path, d->owner_name,
			(unsigned)st.st_mode & 07777);
	}
}

/* ---- who we are, and of which coordinator */

static void say_joined(struct doctor *d)
{
	const struct coordinator_conf *c = &d->conf.coordinator;
	char how[300];
	if (c->pin.n)
		snprintf(how, sizeof how, "%zu pinned key%s%s", c->pin.n, c->pin.n == 1 ? "" : "s",
			c->ca ? " and a CA" : "");
	else
		snprintf(how, sizeof how, "%s%s%s", c->ca ? "the CA of " : "the system's CAs",
			c->ca ? c->ca : "", c->name ? ", by name" : "");
	doctor_say(d, MARK_OK, "joined", "as %s; the coordinator is at %s%s, proven by %s",
		d->conf.name, c->addresses.item[0],
		c->addresses.n > 1 ? " and other addresses" : "", how);
}

static void look_at_joined(struct doctor *d)
{
	char why[TOKEN_WHY_SIZE];
	bool complete = joined_complete(&d->conf, why) == 0;
	d->joined = complete;
	if (complete && d->conf.coordinator.addresses.n) {
		say_joined(d);
	} else if (complete) {
		doctor_say(d, MARK_OK, "joined",
			"as %s; no address of a coordinator: it is looked for on this machine",
			d->conf.name);
	} else if (!d->hidden) {
		bool damaged = strstr(why, "coordinator.json") != NULL;
		doctor_say(d, MARK_FAIL, "joined", "%s",
			damaged ? why : "this probe has not joined a coordinator");
		doctor_advise(d, JOIN_HERE);
	}
}

/* ---- the token */

static void judge_token(struct doctor *d, const char *path, const struct stat *st)
{
	char why[TOKEN_WHY_SIZE];
	if (st->st_mode & (S_IRWXG | S_IRWXO)) {
		doctor_say(d, MARK_FAIL, "token", "%s: mode %04o lets others at the secret", path,
			(unsigned)st->st_mode & 07777);
		doctor_advise(d,
			"chmod 600 %s; and since others may have read it, replace it: on the "
			"coordinator 'quorate probe token %s', here 'quorate-probe join'",
			path, d->conf.name ? d->conf.name : "NAME");
	} else if (access(path, R_OK) == -1) {
		doctor_say(
			d, MARK_WARN, "token", "%s cannot be read by user %s", path, d->our_name);
		advise_sudo(d, "it, and whether the coordinator accepts it");
	} else if (token_read(path, &d->token, why)) {
		doctor_say(d, MARK_FAIL, "token", "%s", why);
		doctor_advise(d,
			"on the coordinator: quorate probe token %s; here: quorate-probe join",
			d->conf.name ? d->conf.name : "NAME");
	} else if (st->st_uid != d->owner) {
		doctor_say(d, MARK_FAIL, "token",
			"%s does not belong to %s, who owns the state folder and so is the probe's "
			"user",
			path, d->owner_name);
		doctor_advise(d, "chown %s %s", d->owner_name, path);
	} else {
		doctor_say(
			d, MARK_OK, "token", "%s, mode %04o", path, (unsigned)st->st_mode & 07777);
	}
}

static void look_at_token(struct doctor *d)
{
	const char *path = d->conf.token_file;
	struct stat st;
	if (stat(path, &st) == 0) {
		judge_token(d, path, &st);
	} else if (errno == EACCES) {
		if (d->seen) { /* else it was said of its folder */
			doctor_say(d, MARK_WARN, "token", "%s cannot be seen by user %s", path,
				d->our_name);
			advise_sudo(d, "it");
		}
	} else if (d->joined || errno != ENOENT) { /* else it was said that it has not joined */
		doctor_say(d, MARK_FAIL, "token", "%s: %s", path, strerror(errno));
		doctor_advise(d, JOIN_HERE);
	}
}

static void look_at_password(struct doctor *d)
{
	const char *path = d->conf.coordinator.proxy_password_file;
	char why[TOKEN_WHY_SIZE];
	if (!path)
		return;
	if (is_forbidden(path)) {
		doctor_say(d, MARK_WARN, "password", "%s cannot be read by user %s", path,
			d->our_name);
		advise_sudo(d, "it, and whether the proxy accepts it");
	} else if (secret_read("password file", path, 1, &d->password, why)) {
		doctor_say(d, MARK_FAIL, "password", "%s", why);
		doctor_advise(d, "put the proxy's password there, one line, mode 0600, owner %s",
			d->owner_name);
	} else {
		doctor_say(d, MARK_OK, "password", "%s, for the proxy", path);
	}
}

/* ---- what the local file allows */

static char *join_words(const struct strings *words)
{
	struct buf b;
	buf_init(&b, 512);
	for (size_t i = 0; i < words->n; i++)
		if (buf_printf(&b, "%s%s", i ? ", " : "", words->item[i]))
			break; /* cut: it is for reading */
	return buf_take(&b);
}

static void look_at_allow(struct doctor *d)
{
	const struct strings *allow = &d->conf.allow;
	char *networks = join_words(allow);
	if (strings_have(allow, "0.0.0.0/0") || strings_have(allow, "::/0")) {
		doctor_say(d, MARK_WARN, "allow",
			"%s: checks may contact every address, this machine's own and the cloud's "
			"metadata too",
			networks);
		doctor_advise(d, "name in allow: the networks that are meant");
	} else {
		doctor_say(d, MARK_OK, "allow", "checks may contact public addresses%s%s",
			allow->n ? ", and " : "; none of this machine's, no private ones",
			networks);
	}
	free(networks);
}

static void look_at_bounds(struct doctor *d)
{
	char *types = join_words(&d->conf.types);
	doctor_say(d, MARK_OK, "bounds",
		"%s; each after %" PRId64 " s at the earliest; at most %" PRId64
		" starts per second, %" PRId64 " to one host, %" PRId64 " at a time",
		types, d->conf.min_interval_ms / 1000, d->conf.per_second, d->conf.per_destination,
		d->conf.in_flight_max);
	free(types);
}

void doctor_conf_report(struct doctor *d)
{
	look_at_file(d);
	if (!d->readable)
		return;
	look_at_state(d);
	look_at_joined(d);
	look_at_token(d);
	look_at_password(d);
	look_at_allow(d);
	look_at_bounds(d);
}
