// SPDX-License-Identifier: MIT
/*
 * What a monitor may look at: a host (ping), host:port (tcp, tls), a URL (http, redirect), a name in
 * the DNS (dns; its name server is a host or host:port of its own). Only the form
 * is judged here; which addresses may be contacted is the probe's policy. Spellings of addresses
 * that resolvers and URL parsers read differently (0x7f.1, 2130706433, 127.1) are no host names:
 * their last label is a number.
 */
#include "proto/monitor_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX_BYTES  253 /* RFC 1035, section 2.3.4, as text */
#define LABEL_MAX_BYTES 63
#define TLS_PORT        443
#define DNS_PORT        53

static bool is_address(int family, const char *text, size_t n)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return inet_pton(family, copy, address) == 1;
}

static bool is_label(const char *s, size_t n)
{
	if (n == 0 || n > LABEL_MAX_BYTES || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	return true;
}

/* "17", "0x7f": what inet_aton() would take as a part of an address. */
static bool is_number(const char *s, size_t n)
{
	size_t i = 0;

	if (n > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		for (i = 2; i < n && isxdigit((unsigned char)s[i]); i++)
			;
		return i == n;
	}
	for (; i < n && isdigit((unsigned char)s[i]); i++)
		;
	return i == n;
}

static bool is_name(const char *s, size_t n)
{
	const char *label = s, *end;

	if (n > 0 && s[n - 1] == '.') /* fully qualified */
		n--;
	if (n == 0 || n > HOST_MAX_BYTES)
		return false;
	for (end = s + n;;) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		size_t length = (size_t)((dot == NULL ? end : dot) - label);

		if (!is_label(label, length))
			return false;
		if (dot == NULL)
			return !is_number(label, length);
		label = dot + 1;
	}
}

static bool is_host(const char *s, size_t n)
{
	return is_address(AF_INET, s, n) || is_name(s, n);
}

static bool is_port(const char *s, size_t n)
{
	int port = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		port = port * 10 + (s[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

/* "host", "host:port", "[v6]" or "[v6]:port" in N bytes at S. */
static const char *authority_problem(const char *s, size_t n, bool port_needed)
{
	const char *end = s + n, *colon;

	if (n == 0 || *s == ':')
		return "has no host";
	if (*s == '[') {
		const char *bracket = memchr(s, ']', n);

		if (bracket == NULL || !is_address(AF_INET6, s + 1, (size_t)(bracket - s - 1)))
			return "has no valid IPv6 address between [ and ]";
		colon = bracket + 1;
		if (colon != end && *colon != ':')
			return "has something other than a port behind ]";
	} else {
		colon = memchr(s, ':', n);
		if (colon == NULL)
			colon = end;
		else if (memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
			return "has an IPv6 address without [ ]";
		if (!is_host(s, (size_t)(colon - s)))
			return "has no valid host name or address";
	}
	if (colon == end)
		return port_needed ? "has no port" : NULL;
	return is_port(colon + 1, (size_t)(end - colon - 1)) ? NULL : "has no valid port";
}

static const char *url_problem(const char *url)
{
	const char *rest = NULL;
	size_t n;

	if (strncasecmp(url, "http://", 7) == 0)
		rest = url + 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		rest = url + 8;
	if (rest == NULL)
		return "does not begin with http:// or https://";
	if (strlen(url) > URL_MAX_BYTES)
		return "is too long";
	for (const unsigned char *c = (const unsigned char *)url; *c != '\0'; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '\\')
			return "contains a space, a control character or a backslash";
	if (strchr(url, '#') != NULL)
		return "has a #fragment, which is never sent to a server";
	n = strcspn(rest, "/?");
	if (memchr(rest, '@', n) != NULL)
		return "has a user or password before @: use the header Authorization instead";
	return authority_problem(rest, n, false);
}

/* A name to ask for: also "_dmarc.example.com", "*.example.com", "0/25.2.0.192.in-addr.arpa" and the
 * root. Escapes are not needed for what people watch. */
static bool is_dns_name(const char *s, size_t n)
{
	if (n == 1 && *s == '.')
		return true;
	if (n > 0 && s[n - 1] == '.')
		n--;
	if (n == 0 || n > HOST_MAX_BYTES)
		return false;
	for (size_t i = 0, label = 0; i <= n; i++) {
		if (i < n && s[i] != '.') {
			if (s[i] <= ' ' || s[i] >= 0x7f || strchr("\\\"@:;()$", s[i]) != NULL)
				return false;
			label++;
			continue;
		}
		if (label == 0 || label > LABEL_MAX_BYTES)
			return false;
		label = 0;
	}
	return true;
}

static const char *dns_problem(const char *target)
{
	size_t n = strlen(target);

	if (is_address(AF_INET6, target, n)) /* for PTR */
		return NULL;
	return is_dns_name(target, n) ? NULL : "is no name in the DNS";
}

const char *target_problem(int kind, const char *target)
{
	switch (kind) {
	case CHECK_PING:
		return is_host(target, strlen(target)) ||
				       is_address(AF_INET6, target, strlen(target))
			       ? NULL
			       : "is no host name or address";
	case CHECK_TCP:
		return authority_problem(target, strlen(target), true);
	case CHECK_TLS:
		return authority_problem(target, strlen(target), false);
	case CHECK_HTTP:
	case CHECK_REDIRECT:
		return url_problem(target);
	case CHECK_DNS:
		return dns_problem(target);
	default:
		return NULL; /* the wrong type is told already */
	}
}

const char *target_accepts(int kind)
{
	switch (kind) {
	case CHECK_PING:
		return "a host name (international ones as xn--…) or an IPv4 or IPv6 address, for "
		       "example "
		       "edge.example.net";
	case CHECK_TCP:
		return "host:port or [IPv6 address]:port with a port from 1 to 65535, for example "
		       "db.example.com:5432";
	case CHECK_TLS:
		return "host, host:port or [IPv6 address]:port (443 if left out), for example "
		       "mail.example.com:993";
	case CHECK_DNS:
		return "a name to look up (international ones as xn--…), for example example.com; "
		       "the "
		       "name server to ask is request.server";
	default:
		return "an absolute URL, for example https://shop.example.com/";
	}
}

int url_check(const void *value, const char **why)
{
	*why = "an absolute http:// or https:// URL without user, password, #fragment or spaces";
	return url_problem(*(char *const *)value) == NULL ? 0 : -1;
}

enum address_family address_family_of(const char *text)
{
	size_t n = strlen(text);

	if (n > 2 && text[0] == '[' && text[n - 1] == ']')
		return is_address(AF_INET6, text + 1, n - 2) ? FAMILY_IPV6 : FAMILY_AUTO;
	if (is_address(AF_INET, text, n))
		return FAMILY_IPV4;
	return is_address(AF_INET6, text, n) ? FAMILY_IPV6 : FAMILY_AUTO;
}

int source_check(const void *value, const char **why)
{
	const char *text = *(char *const *)value;

	*why = "an IPv4 or IPv6 address, for example 192.0.2.10";
	return *text != '[' && address_family_of(text) != FAMILY_AUTO ? 0 : -1;
}

enum address_family monitor_family(const struct monitor *m)
{
	if (m->request.family > FAMILY_AUTO)
		return (enum address_family)m->request.family;
	return m->request.source != NULL ? address_family_of(m->request.source) : FAMILY_AUTO;
}

int host_check(const void *value, const char **why)
{
	const char *host = *(char *const *)value;

	*why = "a host name, for example www.example.com";
	return is_name(host, strlen(host)) ? 0 : -1;
}

int server_check(const void *value, const char **why)
{
	const char *server = *(char *const *)value;

	*why = "host, host:port or [IPv6 address]:port of a name server, for example "
	       "ns1.example.net";
	return is_address(AF_INET6, server, strlen(server)) ||
			       authority_problem(server, strlen(server), false) == NULL
		       ? 0
		       : -1;
}

/* "host:port", "[v6]:port", "host" in N bytes at S. */
static void split_authority(const char *s, size_t n, char host[MONITOR_HOST_SIZE], int *port)
{
	const char *end = s + n, *from = *s == '[' ? s + 1 : s, *to, *colon;

	to = memchr(from, *s == '[' ? ']' : ':', (size_t)(end - from));
	if (to == NULL)
		to = end;
	snprintf(host, MONITOR_HOST_SIZE, "%.*s", (int)(to - from), from);
	colon = memchr(to, ':', (size_t)(end - to));
	if (colon != NULL)
		*port = (int)strtol(colon + 1, NULL, 10);
}

static void split_server(const char *server, char host[MONITOR_HOST_SIZE], int *port)
{
	*port = DNS_PORT;
	if (is_address(AF_INET6, server, strlen(server)))
		snprintf(host, MONITOR_HOST_SIZE, "%s", server);
	else
		split_authority(server, strlen(server), host, port);
}

void monitor_destination(const struct monitor *m, char host[MONITOR_HOST_SIZE], int *port)
{
	const char *rest = strstr(m->target, "://");

	*port = 0;
	host[0] = '\0';
	if (m->type == CHECK_DNS) {
		if (m->request.server != NULL)
			split_server(m->request.server, host, port);
		return;
	}
	if (m->request.connect_to != NULL) {
		split_authority(m->request.connect_to, strlen(m->request.connect_to), host, port);
	} else if (m->type == CHECK_PING) {
		snprintf(host, MONITOR_HOST_SIZE, "%s", m->target);
	} else if (m->type == CHECK_TLS) {
		*port = TLS_PORT;
		split_authority(m->target, strlen(m->target), host, port);
	} else if (m->type == CHECK_TCP || rest == NULL) {
		split_authority(m->target, strlen(m->target), host, port);
	} else {
		*port = strncasecmp(m->target, "https:", 6) == 0 ? 443 : 80;
		split_authority(rest + 3, strcspn(rest + 3, "/?#"), host, port);
	}
}
