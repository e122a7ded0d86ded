// SPDX-License-Identifier: MIT
/*
 * Signing keys and signatures of Standard Webhooks 1.0.0: base64 of HMAC-SHA256 over
 * "id.timestamp.body". Keys are wiped when they are no longer needed and appear in no error text.
 */
#include "coordinator/notify/channel.h"

#include "proto/base/credential_file.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX         "whsec_"
#define BLANKS         " \t\r\n"
#define FILE_MAX_BYTES 1024
#define ACCEPTED                                                                                   \
	"whsec_ followed by base64 of 24 to 64 bytes; at most four, with blanks between them"

/* TEXT: SIZE_BYTES of base64. */
static int decode_key(const char *text, size_t size_bytes, struct signing_keys *out)
{
	unsigned char bytes[3 * FILE_MAX_BYTES / 4 + 3];
	size_t padding = 0;
	while (padding < size_bytes && padding < 2 && text[size_bytes - 1 - padding] == '=')
		padding++;
	if (size_bytes % 4 != 0 || size_bytes > FILE_MAX_BYTES)
		return -1;
	int n = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size_bytes);
	int size = n - (int)padding;
	if (n < 0 || size < SIGNING_KEY_MIN_BYTES || size > SIGNING_KEY_MAX_BYTES) {
		OPENSSL_cleanse(bytes, sizeof(bytes));
		return -1;
	}
	memcpy(out->key[out->n].byte, bytes, (size_t)size);
	out->key[out->n].size_bytes = (size_t)size;
	out->n++;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int signing_keys_parse(const char *text, struct signing_keys *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	*why = ACCEPTED;
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t n = strcspn(text, BLANKS), skip = strlen(PREFIX);
		if (out->n == SIGNING_KEYS_MAX || n < skip || memcmp(text, PREFIX, skip) != 0 ||
			decode_key(text + skip, n - skip, out) == -1) {
			signing_keys_clear(out);
			return -1;
		}
		text += n;
	}
	return out->n > 0 ? 0 : -1;
}

void signing_keys_clear(struct signing_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
	keys->n = 0;
}

/* Reads at most SIZE-1 bytes of a file that is nobody else's to read. */
static int read_private_file(const char *path, char *out, size_t size, char why[CHANNEL_WHY_SIZE])
{
	struct credential_file file;
	struct stat st;
	credential_file_find(&file, path);
	int fd = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1) {
		snprintf(why, CHANNEL_WHY_SIZE, "%s: %s", path, strerrordesc_np(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, CHANNEL_WHY_SIZE, "%s is not a regular file", path);
		goto fail;
	}
	if (st.st_mode & file.forbidden) {
		snprintf(why, CHANNEL_WHY_SIZE, "%s is not private: chmod 600 it", path);
		goto fail;
	}
	ssize_t n = read(fd, out, size - 1);
	if (n == -1) {
		snprintf(why, CHANNEL_WHY_SIZE, "%s: %s", path, strerrordesc_np(errno));
		goto fail;
	}
	out[n] = '\0';
	close(fd);
	return 0;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

int signing_keys_load(
	const struct channel_conf *conf, struct signing_keys *out, char why[CHANNEL_WHY_SIZE])
{
	const char *accepted;
	char text[FILE_MAX_BYTES + 1];
	memset(out, 0, sizeof(*out));
	if (!conf->secret && !conf->secret_file)
		return 0;
	if (conf->secret) {
		if (signing_keys_parse(conf->secret, out, &accepted) == 0)
			return 0;
		snprintf(why, CHANNEL_WHY_SIZE, "the secret is not valid; accepted: %s", accepted);
		return -1;
	}
	if (read_private_file(conf->secret_file, text, sizeof(text), why) == -1)
		return -1;
	int rc = signing_keys_parse(text, out, &accepted);
	if (rc == -1)
		snprintf(why, CHANNEL_WHY_SIZE, "%.100s does not hold a valid secret; accepted: %s",
			conf->secret_file, accepted);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

char *signature_make(
	const struct signing_keys *keys, const char *id, int64_t wall_s, const char *body)
{
	enum { ONE_BYTES = 3 + 44 + 1 }; /* "v1," base64 of 32 bytes, blank or NUL */
	char *content = mem_printf("%s.%lld.%s", id, (long long)wall_s, body);
	char *out = mem_alloc(SIGNING_KEYS_MAX * ONE_BYTES + 1), *at = out;
	for (size_t i = 0; i < keys->n; i++) {
		unsigned char mac[EVP_MAX_MD_SIZE];
		unsigned int n = 0;
		ensure(HMAC(EVP_sha256(), keys->key[i].byte, (int)keys->key[i].size_bytes,
			(const unsigned char *)content, strlen(content), mac, &n));
		at += sprintf(at, "%sv1,", i ? " " : "");
		at += EVP_EncodeBlock((unsigned char *)at, mac, (int)n);
	}
	free(content);
	return out;
}
