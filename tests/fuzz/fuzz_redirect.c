// SPDX-License-Identifier: MIT
/*
 * A Location header into http_url_normalize(). What it accepts is an http(s) URL of bounded size
 * without credentials, fragment and control bytes, has a host that is policed as it will be
 * connected, and is its own normal form.
 */
#include "probe/http_hop.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_form(const char *url)
{
	ensure(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
	ensure(strlen(url) <= URL_MAX_BYTES && strchr(url, '#') == NULL);
	for (const char *p = url; *p != '\0'; p++)
		ensure((unsigned char)*p > ' ' && *p != 0x7f);
	const char *host = strstr(url, "://") + 3;
	size_t n = strcspn(host, "/?");
	ensure(n > 0 && memchr(host, '@', n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const char *const bases[] = {
		NULL, "http://a.test/x/y?z", "https://[2001:db8::1]:8443/"};
	char *text = mem_strndup((const char *)data, size_bytes);
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		const char *why = NULL;
		char *url = http_url_normalize(bases[i], text, &why);
		if (url == NULL) {
			ensure(why != NULL);
			continue;
		}
		check_form(url);
		char *again = http_url_normalize(NULL, url, &why);
		ensure(again != NULL && strcmp(url, again) == 0);
		char host[NET_HOST_SIZE], base_host[NET_HOST_SIZE];
		int port, base_port;
		ensure(http_url_split(url, host, &port) == 0 && port >= 0 && port <= 65535);
		/* what was meant for one host is never told to another, nor without TLS */
		if (bases[i] != NULL && http_url_same_host(bases[i], url)) {
			ensure(http_url_split(bases[i], base_host, &base_port) == 0);
			ensure(strcmp(host, base_host) == 0);
			ensure(!http_url_is_https(bases[i]) || http_url_is_https(url));
		}
		ensure(http_url_same_host(url, again));
		free(again);
		free(url);
	}
	free(text);
	return 0;
}
