// SPDX-License-Identifier: MIT
/*
 * The order is what makes it safe to be stopped at any point and run again: the new token is on the
 * disk (beside its place, under a name made from the join string) before the coordinator hears of
 * it, and takes its place after the coordinator said yes. The join string never stands in an
 * argument, a log or an error.
 */
#include "probe/join.h"

#include "probe/dial.h"
#include "probe/joined.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/base/utf8.h"
#include "proto/joinstring.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXIT_ASKED       1 /* and it did not work */
#define EXIT_USAGE       2
#define TOKEN_HEX_BYTES  22
#define HASH_SIZE        (2 * SHA256_DIGEST_LENGTH + 1)
#define ANSWER_MAX_BYTES 16384
#define PATIENCE         15 /* times that a busy coordinator is asked again, a second apart */

struct joining {
	const struct probe_conf *conf;
	struct join_string string;
	char hash[HASH_SIZE]; /* of the secret */
	char *token;
	char *pending; /* where the token is before it counts */
	bool in_place; /* the token is that of token_file already */
	char why[TOKEN_WHY_SIZE];
};

static int fail(int status, const char *why)
{
	fprintf(stderr, "quorate-probe: join: %s\n", why);
	return status;
}

static void hash_secret(const char *secret, char out[HASH_SIZE])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)secret, strlen(secret), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- the join string */

static int read_string(struct joining *j, const char *path)
{
	char text[JOIN_STRING_MAX_BYTES + 64];
	struct problems problems = {0};
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, result = -1;
	ssize_t n = 0;
	size_t size = 0;
	if (!path && isatty(fd))
		fputs("Paste the join string, then press Enter and Ctrl-D:\n", stderr);
	while (fd != -1 && size < sizeof text &&
		(n = read(fd, text + size, sizeof text - size)) > 0)
		size += (size_t)n;
	if (fd == -1 || n == -1)
		snprintf(j->why, sizeof j->why, "%s: %s", path ? path : "standard input",
			strerror(errno));
	else if (join_string_decode(text, size, &j->string, &problems))
		snprintf(j->why, sizeof j->why, "%s%s%s", problems.item[0].path,
			problems.item[0].path[0] ? ": " : "", problems.item[0].message);
	else
		result = 0;
	explicit_bzero(text, sizeof text);
	if (path && fd != -1)
		close(fd);
	return result;
}

/* ---- the token */

static int new_token(struct joining *j)
{
	char hex[2 * TOKEN_HEX_BYTES + 1];
	rand_hex(hex, TOKEN_HEX_BYTES);
	j->token = mem_printf("qpt_%s", hex);
	explicit_bzero(hex, sizeof hex);
	return private_write(j->pending, j->token, j->why);
}

/* Whether the token that is there is this probe's, by what it joined as or by probe.yml. */
static bool is_ours(const struct joining *j, const struct joined *before)
{
	const char *owner = before ? before->probe : j->conf->name;
	return owner && strcmp(owner, j->string.probe) == 0;
}

/* The same join string gives the same token; another one a new token. */
static int choose_token(struct joining *j, bool force)
{
	struct joined before;
	int found = joined_read(j->conf->state_dir, &before, j->why), result = -1;
	bool there = access(j->conf->token_file, F_OK) == 0;
	if (found == -1 && !force)
		return -1;
	if (there && !force && !is_ours(j, found == 0 ? &before : NULL)) {
		snprintf(j->why, sizeof j->why,
			"%s holds the token of another probe; --force replaces it",
			j->conf->token_file);
	} else if (access(j->pending, F_OK) == 0) {
		result = token_read(j->pending, &j->token, j->why);
	} else if (there && found == 0 && before.string_hash &&
		   strcmp(before.string_hash, j->hash) == 0) {
		j->in_place = true;
		result = token_read(j->conf->token_file, &j->token, j->why);
	} else {
		result = new_token(j);
	}
	if (found == 0)
		schema_clear(&joined_schema, &before);
	return result;
}

static int keep_token(struct joining *j)
{
	struct joined now = {.probe = j->string.probe,
		.addresses = j->string.addresses,
		.pin = j->string.pins,
		.name = j->string.ca_name,
		.organization = j->string.organization,
		.string_hash = j->hash};
	if (joined_write(j->conf->state_dir, &now, j->why))
		return -1;
	if (j->in_place)
		return 0;
	if (private_write(j->conf->token_file, j->token, j->why))
		return -1;
	unlink(j->pending);
	return 0;
}

/* ---- asking */

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
	return buf_add(arg, data, size * n) ? 0 : size * n;
}

static char *request_text(const struct joining *j)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "probe", j->string.probe, "secret",
		j->string.secret, "token", j->token);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

/* The HTTP status, 0 when there is none; WHY says what went wrong on the way. */
static long post(struct joining *j, const struct dial_config *dial, const char *address,
	const char *body, struct buf *answer)
{
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *scratch = NULL, *headers = NULL;
	CURL *easy = curl_easy_init();
	long status = 0;
	ensure(easy);
	buf_reset(answer);
	if (dial_set(easy, dial, address, "/api/v1/join", &scratch)) {
		snprintf(j->why, sizeof j->why, "%s: not an address", address);
		goto out;
	}
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "quorate-probe/" QUORATE_VERSION);
	CURLcode code = curl_easy_perform(easy);
	if (code == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	else
		snprintf(j->why, sizeof j->why, "%s: %s", address, dial_error(code, error));
out:
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_slist_free_all(scratch);
	return status;
}

/* A refusal in the coordinator's own words. */
static void say_refusal(struct joining *j, long status, const struct buf *answer)
{
	json_t *json = json_loads(buf_text(answer), 0, NULL);
	const char *detail = json_string_value(json_object_get(json, "detail"));
	snprintf(j->why, sizeof j->why, "the coordinator refused: %s (status %ld)",
		detail ? detail : "it gave no reason", status);
	utf8_replace_controls(utf8_trim(j->why), '?'); /* it may be a stranger's words */
	json_decref(json);
}

static bool is_busy(long status)
{
	return status == 429 || status == 503;
}

/* Each address in turn until one answers; what it answers is final, unless it is busy. */
static long ask_all(
	struct joining *j, const struct dial_config *dial, const char *body, struct buf *answer)
{
	long status = 0;
	for (size_t i = 0; i < j->string.addresses.n && status == 0; i++)
		for (int k = 0; k <= PATIENCE; k++) {
			status = post(j, dial, j->string.addresses.item[i], body, answer);
			if (!is_busy(status) || k == PATIENCE)
				break;
			(void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		}
	return status;
}

static int ask(struct joining *j)
{
	const struct coordinator_conf *local = &j->conf->coordinator;
	struct coordinator_conf door = {.addresses = j->string.addresses,
		.pin = j->string.pins,
		.ca = j->string.pins.n ? NULL : local->ca,
		.name = j->string.ca_name,
		.proxy = local->proxy};
	char *password = NULL, *body;
	struct buf answer;
	if (local->proxy_password_file &&
		secret_read("password file", local->proxy_password_file, 1, &password, j->why))
		return -1;
	struct dial_config dial = {.coordinator = &door, .proxy_password = password};
	buf_init(&answer, ANSWER_MAX_BYTES);
	body = request_text(j);
	long status = ask_all(j, &dial, body, &answer);
	if (status != 200 && status != 0)
		say_refusal(j, status, &answer);
	explicit_bzero(body, strlen(body));
	free(body);
	token_free(password);
	buf_clear(&answer);
	return status == 200 ? 0 : -1;
}

/* ---- all of it */

static int prepare(struct joining *j, const struct join_options *options)
{
	const struct probe_conf *conf = j->conf;
	if (read_string(j, options->file))
		return -1;
	if (conf->name && strcmp(conf->name, j->string.probe) != 0) {
		snprintf(j->why, sizeof j->why,
			"the join string is for probe '%s', but the configuration has name: %s",
			j->string.probe, conf->name);
		return -1;
	}
	if (mkdir(conf->state_dir, 0700) == -1 && errno != EEXIST) {
		snprintf(j->why, sizeof j->why, "%s: %s", conf->state_dir, strerror(errno));
		return -1;
	}
	hash_secret(j->string.secret, j->hash);
	j->pending = mem_printf("%s.%.16s", conf->token_file, j->hash);
	return choose_token(j, options->force);
}

int join_run(const struct probe_conf *conf, const struct join_options *options)
{
	struct joining j = {.conf = conf};
	int status = 0;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (prepare(&j, options))
		status = fail(EXIT_USAGE, j.why);
	else if (ask(&j) || keep_token(&j))
		status = fail(EXIT_ASKED, j.why);
	else
		printf("Joined as probe %s; its token is in %s.%s\n", j.string.probe,
			conf->token_file,
			j.in_place ? ""
				   : " A probe that waits for it begins by itself; "
				     "one that ran before needs a restart.");
	token_free(j.token);
	free(j.pending);
	join_string_clear(&j.string);
	curl_global_cleanup();
	return status;
}
