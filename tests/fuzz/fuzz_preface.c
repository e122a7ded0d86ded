// SPDX-License-Identifier: MIT
/*
 * A stranger's first line into both decoders. What is accepted must fit back into a line and be the same then; what
 * is refused must come with a sentence.
 */
#include "proto/base/mem.h"
#include "proto/preface.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void one_preface(const char *line, size_t n)
{
	struct problems problems = {0};
	struct preface p, again;
	char first[PREFACE_MAX_BYTES + 1], second[PREFACE_MAX_BYTES + 1];

	if (preface_decode(line, n, &p, &problems) == 0) {
		int length = preface_encode(&p, first, sizeof(first));
		if (length > 0) { /* else: escapes made it longer than a line may be */
			ensure(preface_decode(first, (size_t)length, &again, &problems) == 0);
			ensure(preface_encode(&again, second, sizeof(second)) == length);
			ensure(strcmp(first, second) == 0);
			preface_clear(&again);
		}
	} else {
		ensure(problems.total > 0);
	}
	preface_clear(&p);
}

static void one_answer(const char *line, size_t n)
{
	struct problems problems = {0};
	struct preface_answer a, again;
	char text[PREFACE_MAX_BYTES + 1];

	if (preface_answer_decode(line, n, &a, &problems) == 0) {
		int length = preface_answer_encode(&a, text, sizeof(text));
		if (length > 0) {
			ensure(preface_answer_decode(text, (size_t)length, &again, &problems) == 0);
			ensure(again.accepted == a.accepted);
			preface_answer_clear(&again);
		}
	} else {
		ensure(problems.total > 0);
	}
	preface_answer_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	one_preface((const char *)data, size_bytes);
	one_answer((const char *)data, size_bytes);
	return 0;
}
