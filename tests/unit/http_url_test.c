// SPDX-License-Identifier: MIT
/* Host and port of a monitor's target, which are found out once: the same as libcurl's parser says,
 * each time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/http_hop.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static struct job *job_of(const char *target)
{
	struct monitor m = {.type = CHECK_HTTP, .target = mem_strdup(target)};
	const char *why;
	struct job *job = job_new(&m, 1);
	char *url = http_url_normalize(NULL, target, &why);
	job->is_normal = url != NULL && strcmp(url, target) == 0;
	free(url);
	return job;
}

static void a_job_s_host_is_the_url_s(void **state UNUSED)
{
	static const struct {
		const char *target, *host;
		int port;
		bool kept;
	} cases[] = {
		{"http://site.test/", "site.test", 80, true},
		{"https://site.test/a?b=://c.test:9/", "site.test", 443, true},
		{"http://site.test:8080/x@y", "site.test", 8080, true},
		{"http://http/", "http", 80, true},
		{"http://127.0.0.1:81/", "127.0.0.1", 81, true},
		{"https://[::1]:82/", "[::1]", 82, true},
		/* not as we would write them */
		{"http://site.test:80/", "site.test", 80, false},
		{"http://0x7f.1/", "127.0.0.1", 80, false},
		{"http://other.test@site.test/", "site.test", 80, false},
		{"http://other.test:81@site.test:82/", "site.test", 82, false},
	};
	char host[NET_HOST_SIZE];
	int port;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct job *job = job_of(cases[i].target);
		for (int times = 0; times < 3; times++) {
			memset(host, 'x', sizeof(host));
			port = 0;
			assert_int_equal(http_url_of_job(job, host, &port), 0);
			assert_string_equal(host, cases[i].host);
			assert_int_equal(port, cases[i].port);
			assert_int_equal(job->url_port != 0, cases[i].kept);
		}
		job_unref(job);
	}
}

static void what_is_no_url_has_no_host(void **state UNUSED)
{
	char host[NET_HOST_SIZE];
	int port;
	struct job *job = job_of("site test");
	assert_int_equal(http_url_of_job(job, host, &port), -1);
	assert_int_equal(http_url_of_job(job, host, &port), -1);
	job_unref(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_s_host_is_the_url_s),
		cmocka_unit_test(what_is_no_url_has_no_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
