// SPDX-License-Identifier: MIT
/* Randomness from the kernel, and what is made of it. */
#include "proto/base/rand.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t size_bytes)
{
	unsigned char *to = out;

	while (size_bytes > 0) {
		ssize_t n = getrandom(to, size_bytes, 0);

		if (n == -1 && errno == EINTR)
			continue;
		ensure(n > 0);
		to += n;
		size_bytes -= (size_t)n;
	}
}

uint64_t rand_below(uint64_t limit)
{
	uint64_t value, skip;

	ensure(limit > 0);
	skip = -limit %
	       limit; /* 2^64 mod limit: that many values would make the low ones likelier */
	do
		rand_bytes(&value, sizeof(value));
	while (value < skip);
	return value % limit;
}

/*
 * RFC 9562, section 6.2, method 1: rand_a is a counter that starts anew, at a random place in its
 * lower half, with every millisecond. A counter that runs over, or a clock that steps back, borrows
 * from the future.
 */
struct id id_new(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t last_ms;
	static unsigned counter;
	struct id id;
	int64_t now_ms = clock_wall_ms();

	rand_bytes(id.byte, sizeof(id.byte));
	pthread_mutex_lock(&lock);
	if (now_ms > last_ms || ++counter > 0xfff) {
		last_ms = now_ms > last_ms ? now_ms : last_ms + 1;
		counter = (unsigned)(id.byte[6] << 8 | id.byte[7]) & 0x7ff;
	}
	for (int i = 0; i < 6; i++)
		id.byte[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	id.byte[6] = (uint8_t)(0x70 | counter >> 8);
	id.byte[7] = (uint8_t)counter;
	pthread_mutex_unlock(&lock);
	id.byte[8] = (uint8_t)(0x80 | (id.byte[8] & 0x3f));
	return id;
}

void rand_hex(char *out, size_t size_bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size_bytes; i++) {
		unsigned char byte;

		rand_bytes(&byte, 1);
		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * size_bytes] = '\0';
}

bool bytes_equal(const void *a, const void *b, size_t size_bytes)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char differ = 0;

	for (size_t i = 0; i < size_bytes; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}
