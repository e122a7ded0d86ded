// SPDX-License-Identifier: MIT
/* A sealed document: format 1, nonce (12 bytes, random), ciphertext, tag (16 bytes); the row is
 * authenticated with it. */
#include "coordinator/store/seal.h"

#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_AES_256_GCM 1
#define NONCE_BYTES        12
#define TAG_BYTES          16

int seal_key_load(int fd, struct seal_key *out)
{
	uint8_t bytes[SEAL_KEY_BYTES + 1];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	if (n == 0) {
		rand_bytes(bytes, SEAL_KEY_BYTES);
		if (pwrite(fd, bytes, SEAL_KEY_BYTES, 0) == SEAL_KEY_BYTES && fsync(fd) == 0)
			n = SEAL_KEY_BYTES;
		else
			(void)!ftruncate(fd, 0); /* half a key is none */
	}
	if (n == SEAL_KEY_BYTES)
		memcpy(out->byte, bytes, SEAL_KEY_BYTES);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return n == SEAL_KEY_BYTES ? 0 : -1;
}

void seal_key_clear(struct seal_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

void seal(const struct seal_key *key, const void *row, size_t row_bytes, const char *text,
	size_t size_bytes, uint8_t *out)
{
	uint8_t *nonce = out + 1, *body = nonce + NONCE_BYTES, *tag = body + size_bytes;
	int n;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	ensure(c);
	out[0] = FORMAT_AES_256_GCM;
	rand_bytes(nonce, NONCE_BYTES);
	ensure(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->byte, nonce) == 1);
	ensure(EVP_EncryptUpdate(c, NULL, &n, row, (int)row_bytes) == 1);
	ensure(EVP_EncryptUpdate(c, body, &n, (const uint8_t *)text, (int)size_bytes) == 1);
	ensure(EVP_EncryptFinal_ex(c, tag, &n) == 1);
	ensure(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) == 1);
	EVP_CIPHER_CTX_free(c);
}

int64_t unseal(const struct seal_key *key, const void *row, size_t row_bytes, const uint8_t *sealed,
	size_t size_bytes, char *out)
{
	if (size_bytes < SEAL_ROOM || sealed[0] != FORMAT_AES_256_GCM)
		return -1;
	const uint8_t *nonce = sealed + 1, *body = nonce + NONCE_BYTES;
	uint8_t tag[TAG_BYTES], rest[16];
	int64_t text_bytes = (int64_t)(size_bytes - SEAL_ROOM);
	int n;
	memcpy(tag, body + text_bytes, TAG_BYTES);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	ensure(c);
	bool good = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->byte, nonce) == 1 &&
		    EVP_DecryptUpdate(c, NULL, &n, row, (int)row_bytes) == 1 &&
		    EVP_DecryptUpdate(c, (uint8_t *)out, &n, body, (int)text_bytes) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
		    EVP_DecryptFinal_ex(c, rest, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return good ? text_bytes : -1;
}
