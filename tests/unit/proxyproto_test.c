// SPDX-License-Identifier: MIT
/* The PROXY protocol's headers, in one piece and byte by byte, with TLS right behind them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/proxyproto.h"
#include "quorate/attr.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4        "\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb"
#define V6                                                                                         \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xdc" \
	"\x04\x01\xbb"
#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t n;
	enum proxyproto_state state;
	const char *client;
} table[] = {
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), PROXYPROTO_CLIENT,
		"::ffff:192.0.2.1"},
	{TEXT("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"), PROXYPROTO_CLIENT, "2001:db8::1"},
	{TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
		PROXYPROTO_CLIENT, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{TEXT("PROXY UNKNOWN\r\n"), PROXYPROTO_FRONT, NULL},
	{TEXT("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), PROXYPROTO_FRONT,
		NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 0443 443\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.300 198.51.100.1 1 2\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("GET / HTTP/1.1\r\n"), PROXYPROTO_BAD, NULL},
	{TEXT("\x16\x03\x01"), PROXYPROTO_BAD, NULL},
	{TEXT("\r\n\r\nGET"), PROXYPROTO_BAD, NULL},
	{TEXT(SIGNATURE "\x21\x11\0\x0c" V4), PROXYPROTO_CLIENT, "::ffff:192.0.2.1"},
	{TEXT(SIGNATURE "\x21\x21\0\x24" V6), PROXYPROTO_CLIENT, "2001:db8::1"},
	{TEXT(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0"), PROXYPROTO_CLIENT, "::ffff:192.0.2.1"},
	{TEXT(SIGNATURE "\x20\0\0\0"), PROXYPROTO_FRONT, NULL},
	{TEXT(SIGNATURE "\x20\x11\0\x0c" V4), PROXYPROTO_FRONT, NULL},
	{TEXT(SIGNATURE "\x21\0\0\0"), PROXYPROTO_FRONT, NULL},
	{TEXT(SIGNATURE "\x21\x11\0\x0b\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01"), PROXYPROTO_BAD,
		NULL},
	{TEXT(SIGNATURE "\x21\x21\0\x0c" V4), PROXYPROTO_BAD, NULL},
	{TEXT(SIGNATURE "\x21\x12\0\x0c" V4), PROXYPROTO_BAD, NULL},
	{TEXT(SIGNATURE "\x21\x31\0\x01/"), PROXYPROTO_FRONT, NULL},
	{TEXT(SIGNATURE "\x11\x11\0\x0c" V4), PROXYPROTO_BAD, NULL},
	{TEXT(SIGNATURE "\x22\x11\0\x0c" V4), PROXYPROTO_BAD, NULL},
	{TEXT(SIGNATURE "\x21\x11\xff\xff"), PROXYPROTO_BAD, NULL},
	{TEXT("PROXY TCP4 192.0.2.1"), PROXYPROTO_MORE, NULL},
	{TEXT(SIGNATURE "\x21\x11\0\x0c\xc0\0"), PROXYPROTO_MORE, NULL},
};

static void every_header_however_it_is_cut(void **state)
{
	static const char tls[] = "\x16\x03\x01\x02\x00\n\r\nmore";
	unsigned char bytes[2048];
	char text[INET6_ADDRSTRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t step = 1; step <= table[i].n + sizeof(tls); step++) {
			bool behind = table[i].state != PROXYPROTO_MORE;
			size_t size = table[i].n + (behind ? sizeof(tls) : 0), at = 0;
			struct proxyproto p = {.n = 0};
			enum proxyproto_state got = PROXYPROTO_MORE;
			memcpy(bytes, table[i].bytes, table[i].n);
			memcpy(bytes + table[i].n, tls, sizeof(tls));
			while (got == PROXYPROTO_MORE && at < size) {
				size_t n = size - at < step ? size - at : step;
				n = proxyproto_wants(&p, bytes + at, n);
				assert_true(n > 0);
				got = proxyproto_take(&p, bytes + at, n);
				at += n;
			}
			if (got != table[i].state)
				fail_msg("row %zu, step %zu: %d", i, step, got);
			if (got == PROXYPROTO_CLIENT || got == PROXYPROTO_FRONT)
				assert_int_equal(at, table[i].n); /* and no byte of TLS */
			if (!table[i].client)
				continue;
			inet_ntop(AF_INET6, &p.client, text, sizeof(text));
			assert_string_equal(text, table[i].client);
		}
	}
}

static void no_header_is_endless(void **state)
{
	struct proxyproto p = {.n = 0};
	enum proxyproto_state got = PROXYPROTO_MORE;
	unsigned char byte;
	size_t n = 0;

	(void)state;
	for (; got == PROXYPROTO_MORE && n < 2000; n++) {
		byte = n < 14 ? (unsigned char)"PROXY UNKNOWN "[n] : 'x';
		assert_int_equal(proxyproto_wants(&p, &byte, 1), 1);
		got = proxyproto_take(&p, &byte, 1);
	}
	assert_int_equal(got, PROXYPROTO_BAD);
	assert_int_equal(n, PROXYPROTO_V1_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_however_it_is_cut),
		cmocka_unit_test(no_header_is_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
