// SPDX-License-Identifier: MIT
/* Host and port of a URL, as libcurl's parser has them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/http_hop.h"

#include <stdio.h>
#include <string.h>

static void a_url_has_a_host_and_a_port(void **state UNUSED)
{
	static const struct {
		const char *url, *host;
		int port;
	} cases[] = {
		{"http://site.test/", "site.test", 80},
		{"https://site.test/a?b=://c.test:9/", "site.test", 443},
		{"http://site.test:8080/x@y", "site.test", 8080},
		{"http://http/", "http", 80},
		{"http://127.0.0.1:81/", "127.0.0.1", 81},
		{"https://[::1]:82/", "[::1]", 82},
		{"http://0x7f.1/", "127.0.0.1", 80},
		{"http://other.test:81@site.test:82/", "site.test", 82},
	};
	char host[NET_HOST_SIZE];
	int port;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memset(host, 'x', sizeof(host));
		port = 0;
		CURLU *url = http_url_parse(cases[i].url, host, &port);
		assert_non_null(url);
		curl_url_cleanup(url);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
		assert_int_equal(http_url_split(cases[i].url, host, &port), 0);
	}
}

static void what_is_no_url_has_none(void **state UNUSED)
{
	char host[NET_HOST_SIZE], url[512];
	int port;
	assert_null(http_url_parse("site test", host, &port));
	assert_int_equal(http_url_split("site test", host, &port), -1);
	snprintf(url, sizeof(url), "http://%0300d.test/", 1);
	assert_null(http_url_parse(url, host, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_has_a_host_and_a_port),
		cmocka_unit_test(what_is_no_url_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
