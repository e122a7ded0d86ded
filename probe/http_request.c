// SPDX-License-Identifier: MIT
/* What a hop asks for, and how it lets itself in: method, headers, log-in, version of HTTP. */
#include "probe/http_hop.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- headers */

/* What may go to a host that the headers were not written for: what any browser would say. */
static bool header_is_harmless(const char *name)
{
	static const char *const harmless[] = {"Accept", "Accept-Language", "Accept-Encoding",
		"User-Agent", "Cache-Control", "Pragma"};
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (strcasecmp(name, harmless[i]) == 0)
			return true;
	return false;
}

static const struct pair *header_find(const struct pairs *headers, const char *name)
{
	for (size_t i = 0; i < headers->n; i++)
		if (strcasecmp(headers->item[i].name, name) == 0)
			return &headers->item[i];
	return NULL;
}

static void header_add(struct http_hop *hop, const char *name, const char *value)
{
	/* "Name;" is curl's way to say an empty value */
	char *line = value[0] != '\0' ? mem_printf("%s: %s", name, value) : mem_printf("%s;", name);
	struct curl_slist *longer = curl_slist_append(hop->headers, line);
	ensure(longer != NULL);
	hop->headers = longer;
	free(line);
}

/* What most requests have, and no more: one list for all of them, which curl only reads. */
static char user_agent[] = "User-Agent: " HTTP_USER_AGENT, no_cache[] = "Cache-Control: no-cache";
static struct curl_slist last_usual = {.data = no_cache};
static struct curl_slist usual = {.data = user_agent, .next = &last_usual};

static int set_headers(struct http_hop *hop)
{
	const struct request *r = &hop->check->monitor->request;
	const struct pairs *own = &r->headers;
	if (r->compression && header_find(own, "Accept-Encoding") == NULL)
		curl_easy_setopt(hop->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	for (size_t i = 0; i < own->n; i++) {
		const struct pair *h = &own->item[i];
		if (h->value == NULL || strpbrk(h->name, "\r\n:; ") != NULL ||
			strpbrk(h->value, "\r\n") != NULL)
			return -1;
		if (hop->request.own_headers || header_is_harmless(h->name))
			header_add(hop, h->name, h->value);
	}
	if (header_find(own, "User-Agent") == NULL)
		header_add(hop, "User-Agent", HTTP_USER_AGENT);
	if (header_find(own, "Cache-Control") == NULL)
		header_add(hop, "Cache-Control", "no-cache");
	return 0;
}

/* ---- method, log-in, version */

static void set_method(struct http_hop *hop)
{
	const struct http_request *r = &hop->request;
	bool sends = r->method == METHOD_POST || r->method == METHOD_PUT;
	if (r->method == METHOD_HEAD) {
		curl_easy_setopt(hop->easy, CURLOPT_NOBODY, 1L);
		/* it may speak of more than we take, since it sends none */
		curl_easy_setopt(hop->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)0);
	} else if (r->body != NULL ||
		   sends) { /* a POST without a body still says that its length is 0 */
		const char *body = r->body != NULL ? r->body : "";
		curl_easy_setopt(hop->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(hop->easy, CURLOPT_POSTFIELDS, body);
	}
	if (r->method != METHOD_HEAD)
		curl_easy_setopt(hop->easy, CURLOPT_CUSTOMREQUEST, http_method_names[r->method]);
}

/* Only what is for the target's own host; RFC 7616, 7617 and 6750. */
static int set_auth(struct http_hop *hop)
{
	const struct auth *auth = &hop->check->monitor->request.auth;
	if (!hop->request.own_headers)
		return 0;
	if (auth->token.value != NULL) {
		if (strpbrk(auth->token.value, "\r\n") != NULL)
			return -1;
		char *value = mem_printf("Bearer %s", auth->token.value);
		header_add(hop, "Authorization", value);
		explicit_bzero(value, strlen(value));
		free(value);
	}
	if (auth->user == NULL || auth->password.value == NULL)
		return 0;
	curl_easy_setopt(hop->easy, CURLOPT_HTTPAUTH,
		(long)(auth->scheme == AUTH_DIGEST ? CURLAUTH_DIGEST : CURLAUTH_BASIC));
	curl_easy_setopt(hop->easy, CURLOPT_USERNAME, auth->user);
	curl_easy_setopt(hop->easy, CURLOPT_PASSWORD, auth->password.value);
	return 0;
}

static void set_version(struct http_hop *hop)
{
	int version = hop->check->monitor->request.http_version;
	long asked = version == HTTP_1_1                ? CURL_HTTP_VERSION_1_1
		     : version == HTTP_2 && !hop->https ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
							: CURL_HTTP_VERSION_2TLS;
	curl_easy_setopt(hop->easy, CURLOPT_HTTP_VERSION, asked);
}

bool http_request_is_usual(const struct http_hop *hop)
{
	const struct request *r = &hop->check->monitor->request;
	return hop->request.method == METHOD_GET && hop->request.body == NULL &&
	       r->headers.n == 0 && r->auth.user == NULL && r->auth.token.value == NULL &&
	       !r->compression && hop->request.cookies == NULL && hop->proxy == NULL &&
	       r->connect_to == NULL && r->source == NULL && !hop->check->traced;
}

int http_request_prepare(struct http_hop *hop)
{
	set_version(hop);
	curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER, &usual);
	if (hop->usual)
		return 0;
	set_method(hop);
	if (set_headers(hop) != 0 || set_auth(hop) != 0)
		return -1;
	if (hop->request.cookies != NULL) {
		curl_easy_setopt(hop->easy, CURLOPT_SHARE, hop->request.cookies);
		curl_easy_setopt(hop->easy, CURLOPT_COOKIEFILE, ""); /* no file: kept in memory */
	}
	curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER, hop->headers);
	return 0;
}
