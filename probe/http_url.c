// SPDX-License-Identifier: MIT
/* URLs of checks and of the redirects that peers send; the parser is libcurl's, so that what was
 * judged here is what it will connect to. */
#include "probe/http_hop.h"
#include "proto/base/mem.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool http_url_is_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

static bool scheme_is_http(CURLU *url)
{
	char *scheme = NULL;
	bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
	curl_free(scheme);
	return ok;
}

/* libidn2 inside of curl takes texts to be in the locale's encoding; ours are UTF-8 whatever it is.
 */
static CURLUcode get_punycode(CURLU *url, char **host)
{
	static locale_t utf8;
	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t old = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
	CURLUcode code = curl_url_get(url, CURLUPART_HOST, host, CURLU_PUNYCODE);
	if (old != (locale_t)0)
		uselocale(old);
	return code;
}

/* curl decodes %7f in a host and the like; what is no name and no address has no business in a
 * query or on a wire. */
static bool host_is_plain(const char *host)
{
	static const char accepted[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
	size_t n = strlen(host);
	if (n == 0 || n >= NET_HOST_SIZE)
		return false;
	if (host[0] == '[')
		return host[n - 1] == ']' && strspn(host + 1, "0123456789abcdef:.") == n - 2;
	return strspn(host, accepted) == n;
}

/* Lower case and punycode: one spelling per host. */
static int canonical_host(CURLU *url)
{
	char *host = NULL;
	int rc = -1;
	if (get_punycode(url, &host) != CURLUE_OK)
		goto out;
	for (char *p = host; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	if (host_is_plain(host) && curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK)
		rc = 0;
out:
	curl_free(host);
	return rc;
}

/* A host that was decoded may be an address in a spelling that only the whole URL's parser reads:
 * http://%30177.1/ is http://0177.1/, which is http://127.0.0.1/. */
static int read_again(CURLU *url)
{
	char *text = NULL;
	int rc = -1;
	if (curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK &&
		curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
		rc = 0;
	curl_free(text);
	return rc;
}

/* A port that the scheme implies is left out. */
static void canonical_port(CURLU *url)
{
	char *port = NULL, *scheme = NULL;
	if (curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		strcmp(port, strcasecmp(scheme, "https") == 0 ? "443" : "80") == 0)
		(void)curl_url_set(url, CURLUPART_PORT, NULL, 0);
	curl_free(port);
	curl_free(scheme);
}

static char *take_text(CURLU *url, const char **why)
{
	char *text = NULL, *out = NULL;
	*why = "it is longer than 2048 bytes";
	if (curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK &&
		strlen(text) <= URL_MAX_BYTES)
		out = mem_strdup(text);
	curl_free(text);
	return out;
}

char *http_url_normalize(const char *base, const char *text, const char **why)
{
	const unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
	CURLU *url = curl_url();
	char *out = NULL;
	ensure(url != NULL);
	*why = "it is no URL";
	if (strlen(text) > 4 * (size_t)URL_MAX_BYTES) /* encoding may lengthen it, never shorten */
		goto out;
	if (base != NULL && curl_url_set(url, CURLUPART_URL, base, flags) != CURLUE_OK)
		goto out;
	if (curl_url_set(url, CURLUPART_URL, text, flags) != CURLUE_OK)
		goto out;
	*why = "its scheme is neither http nor https";
	if (!scheme_is_http(url))
		goto out;
	*why = "its host is no name or address";
	if (canonical_host(url) != 0 || read_again(url) != 0)
		goto out;
	canonical_port(url);
	curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
	curl_url_set(url, CURLUPART_USER, NULL, 0);
	curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(url, CURLUPART_OPTIONS, NULL, 0);
	out = take_text(url, why);
out:
	curl_url_cleanup(url);
	return out;
}

CURLU *http_url_parse(const char *text, char host[NET_HOST_SIZE], int *port)
{
	CURLU *url = curl_url();
	char *host_part = NULL, *port_part = NULL;
	ensure(url != NULL);
	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_HOST, &host_part, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_PORT, &port_part, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		strlen(host_part) < NET_HOST_SIZE) {
		memcpy(host, host_part, strlen(host_part) + 1);
		*port = (int)strtol(port_part, NULL, 10);
	} else {
		curl_url_cleanup(url);
		url = NULL;
	}
	curl_free(host_part);
	curl_free(port_part);
	return url;
}

int http_url_split(const char *text, char host[NET_HOST_SIZE], int *port)
{
	CURLU *url = http_url_parse(text, host, port);
	curl_url_cleanup(url);
	return url != NULL ? 0 : -1;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *of_a = NULL, *of_b = NULL;
	bool same = curl_url_get(a, part, &of_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b, part, &of_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strcmp(of_a, of_b) == 0;
	curl_free(of_a);
	curl_free(of_b);
	return same;
}

static bool has_default_port(CURLU *url)
{
	char *port = NULL;
	bool none =
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_NO_PORT;
	curl_free(port);
	return none;
}

bool http_url_same_host(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return true; /* as with every first hop */
	CURLU *ua = curl_url(), *ub = curl_url();
	ensure(ua != NULL && ub != NULL);
	bool same = curl_url_set(ua, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(ub, CURLUPART_URL, b, 0) == CURLUE_OK &&
		    same_part(ua, ub, CURLUPART_HOST);
	if (same && http_url_is_https(a) && !http_url_is_https(b))
		same = false;
	else if (same &&
		 !same_part(ua, ub,
			 CURLUPART_PORT)) /* http -> https on their own ports is a step up */
		same = !http_url_is_https(a) && http_url_is_https(b) && has_default_port(ua) &&
		       has_default_port(ub);
	curl_url_cleanup(ua);
	curl_url_cleanup(ub);
	return same;
}
