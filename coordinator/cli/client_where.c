// SPDX-License-Identifier: MIT
#include "coordinator/cli/client_internal.h"

#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char default_url[] = "http://127.0.0.1:7443";
static const char *const default_sockets[] = {
	"/run/quorate-coordinator/api.sock", "/var/lib/quorate-coordinator/api.sock"};

void client_say(const struct client *c, const char *format, ...)
{
	va_list ap;

	fputs("quorate: ", c->err);
	va_start(ap, format);
	vfprintf(c->err, format, ap);
	va_end(ap);
	fputc('\n', c->err);
}

/* ---- where the coordinator is */

static char *choose_url(const char *url)
{
	const char *env = getenv("QUORATE_URL");

	if (url)
		return mem_strdup(url);
	if (env && *env)
		return mem_strdup(env);
	for (size_t i = 0; i < ARRAY_LEN(default_sockets); i++)
		if (access(default_sockets[i], R_OK | W_OK) == 0)
			return mem_printf("unix:%s", default_sockets[i]);
	return mem_strdup(default_url);
}

static bool is_loopback(const char *url)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (strlen(hosts[i]) == length && strncasecmp(host, hosts[i], length) == 0)
			return true;
	return false;
}

int client_take_url(struct client *c, const char *url)
{
	c->url = choose_url(url);
	if (strncmp(c->url, "unix:", 5) == 0) {
		c->socket = mem_strdup(strncmp(c->url + 5, "//", 2) == 0 ? c->url + 7 : c->url + 5);
		c->base = mem_strdup("http://localhost");
		c->local = true;
		if (c->socket[0] == '/')
			return 0;
		client_say(c,
			"'%s' is no address: accepted is unix: and an absolute path, for example "
			"unix:/run/quorate-coordinator/api.sock",
			c->url);
		return -1;
	}
	size_t length = strlen(c->url);
	while (length > 0 && c->url[length - 1] == '/')
		length--;
	c->base = mem_strndup(c->url, length);
	if (strncmp(c->url, "http://", 7) != 0 && strncmp(c->url, "https://", 8) != 0) {
		client_say(c,
			"'%s' is no address: accepted are http://, https:// and unix:, for example "
			"%s",
			c->url, default_url);
		return -1;
	}
	if (strchr(c->url, '@')) {
		client_say(c, "an address with a user or password in it is refused; keys go into "
			      "QUORATE_API_KEY or a file");
		return -1;
	}
	c->local = is_loopback(c->url);
	return 0;
}

/* ---- which key to show */

/* Returns 0 (with or without a key), or -1 after saying what is wrong with the file. */
static int read_key_file(struct client *c, const char *path, bool must_exist)
{
	char text[512];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1;

	if (fd == -1) {
		if (must_exist)
			client_say(c, "cannot read the key file %s: %s", path, strerror(errno));
		return must_exist ? -1 : 0;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0004)) {
		client_say(c,
			"the key file %s can be read by everybody on this machine; chmod 600 it "
			"first",
			path);
		goto out;
	}
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0) {
		client_say(c, "the key file %s is empty or cannot be read", path);
		goto out;
	}
	text[n] = '\0';
	text[strcspn(text, " \t\r\n")] = '\0';
	c->key = mem_strdup(text);
	c->key_from = mem_strdup(path);
	result = 0;
out:
	explicit_bzero(text, sizeof(text));
	close(fd);
	return result;
}

static int find_key(struct client *c, const char *key_file)
{
	const char *env = getenv("QUORATE_API_KEY"), *env_file = getenv("QUORATE_API_KEY_FILE");

	if (key_file)
		return read_key_file(c, key_file, true);
	if (env && *env) {
		c->key = mem_strdup(env);
		c->key_from = mem_strdup("QUORATE_API_KEY");
		return 0;
	}
	if (env_file && *env_file)
		return read_key_file(c, env_file, true);
	return read_key_file(c, CLIENT_KEY_FILE, false);
}

static int check_key(struct client *c)
{
	for (const char *k = c->key; k && *k; k++) {
		if (*k < 0x21 || *k > 0x7e) {
			client_say(c, "the key from %s has a character in it that no key has",
				c->key_from);
			return -1;
		}
	}
	if (c->key && !c->local && strncmp(c->url, "https://", 8) != 0) {
		client_say(c,
			"a key is not sent over the network in the clear; use https:// or a tunnel "
			"instead of %s",
			c->url);
		return -1;
	}
	return 0;
}

int client_take_key(struct client *c, const char *key_file)
{
	return find_key(c, key_file) == -1 || check_key(c) == -1 ? -1 : 0;
}
