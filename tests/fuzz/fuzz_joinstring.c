// SPDX-License-Identifier: MIT
/*
 * Bytes from a person's clipboard into join_string_decode(); the same bytes as the JSON inside a
 * well-made line. What was accepted is encoded and accepted again, equal.
 */
#include "proto/base/mem.h"
#include "proto/joinstring.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void decode(const char *text, size_t size_bytes)
{
	struct join_string first, second;
	struct problems p = {0};

	if (join_string_decode(text, size_bytes, &first, &p) == -1) {
		ensure(p.n > 0 && p.item[0].message[0]);
	} else {
		char *line = join_string_encode(&first);
		if (line) { /* escapes may make it longer than what was read */
			ensure(join_string_decode(line, strlen(line), &second, &p) == 0);
			ensure(strcmp(first.probe, second.probe) == 0);
			ensure(strcmp(first.secret, second.secret) == 0);
			ensure(first.addresses.n == second.addresses.n);
			ensure(first.pins.n == second.pins.n);
			join_string_clear(&second);
		}
		free(line);
	}
	join_string_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	decode((const char *)data, size_bytes);
	if (size_bytes > JOIN_STRING_MAX_BYTES)
		return 0;
	char *line = mem_alloc(sizeof(JOIN_STRING_PREFIX) + (size_bytes + 2) / 3 * 4 + 1);
	char *code = stpcpy(line, JOIN_STRING_PREFIX);
	EVP_EncodeBlock((unsigned char *)code, data, (int)size_bytes);
	code[strcspn(code, "=")] = '\0';
	for (char *c = code; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	decode(line, strlen(line));
	free(line);
	return 0;
}
