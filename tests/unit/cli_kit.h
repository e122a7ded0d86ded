// SPDX-License-Identifier: MIT
/*
 * For the tests of the command line: runs it in this process, against a server that gives recorded
 * answers, one per connection and in order, and keeps what it was asked.
 */
#ifndef TESTS_UNIT_CLI_KIT_H
#define TESTS_UNIT_CLI_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/cli/cli.h"

#include <arpa/inet.h>
#include <locale.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORDED_MAX 16

struct recorded {
	int fd;
	pthread_t thread;
	const char *const *answers; /* NULL-ended: whole HTTP answers */
	char request[RECORDED_MAX][16384];
	int n_requests;
};

#define ANSWER(status, body)                                                                       \
	"HTTP/1.1 " status " X\r\nContent-Type: application/json\r\nConnection: "                  \
	"close\r\n\r\n" body
#define STREAM(events)                                                                             \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" events

static inline size_t recorded_body_size(const char *request)
{
	const char *header = strcasestr(request, "\r\ncontent-length:");

	return header ? strtoul(header + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

static inline void recorded_read(int fd, char *request, size_t room)
{
	size_t size = 0;
	ssize_t n;

	while (size + 1 < room && (n = read(fd, request + size, room - 1 - size)) > 0) {
		size += (size_t)n;
		request[size] = '\0';
		const char *end = strstr(request, "\r\n\r\n");
		if (end && size >= (size_t)(end + 4 - request) + recorded_body_size(request))
			break;
	}
}

static inline void *recorded_run(void *arg)
{
	struct recorded *r = arg;

	for (int i = 0; r->answers[i] && i < RECORDED_MAX; i++) {
		int fd = accept(r->fd, NULL, NULL);
		if (fd == -1)
			break;
		recorded_read(fd, r->request[i], sizeof(r->request[i]));
		__atomic_store_n(&r->n_requests, i + 1, __ATOMIC_RELEASE);
		size_t size = strlen(r->answers[i]), sent = 0;
		while (sent < size) {
			ssize_t n = send(fd, r->answers[i] + sent, size - sent, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			sent += (size_t)n;
		}
		close(fd);
	}
	return NULL;
}

/* Starts it and makes QUORATE_URL name it. */
static inline void recorded_start(struct recorded *r, const char *const *answers)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	char url[64];

	memset(r, 0, sizeof(*r));
	r->answers = answers;
	r->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_not_equal(r->fd, -1);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(r->fd, 8), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&at, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	setenv("QUORATE_URL", url, 1);
	assert_int_equal(pthread_create(&r->thread, NULL, recorded_run, r), 0);
}

static inline void recorded_stop(struct recorded *r)
{
	shutdown(r->fd, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	close(r->fd);
}

/* What a run of the program left. */
struct ran {
	int status;
	char *out, *err;
};

#define run(...) run_words((const char *const[]){"quorate", __VA_ARGS__, NULL})

static inline struct ran run_words(const char *const *words)
{
	size_t out_size, err_size;
	struct ran r = {0};
	FILE *out = open_memstream(&r.out, &out_size), *err = open_memstream(&r.err, &err_size);
	int n = 0;

	while (words[n])
		n++;
	setlocale(LC_CTYPE, "C.UTF-8");
	r.status = cli_main(n, (char *const *)(uintptr_t)words, out, err);
	fclose(out);
	fclose(err);
	return r;
}

static inline void ran_free(struct ran *r)
{
	free(r->out);
	free(r->err);
}

static inline void assert_contains(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("'%s' is not in:\n%s", wanted, text);
}

static inline void assert_lacks(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted))
		fail_msg("'%s' is in:\n%s", unwanted, text);
}

/* A file with TEXT in a folder of its own; its path. Freed by file_remove. */
static inline char *file_with(const char *text)
{
	char *path = malloc(64);
	FILE *file;

	strcpy(path, "/tmp/qcli-XXXXXX");
	assert_non_null(mkdtemp(path));
	strcat(path, "/monitors.yml");
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static inline void file_remove(char *path)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	free(path);
}

#endif
