// SPDX-License-Identifier: MIT
/*
 * The folder is made anew at each start, by mkdtemp and so with mode 0700, where sockets belong:
 * below RUNTIME_DIRECTORY (systemd), XDG_RUNTIME_DIR or /tmp. It is short on purpose: a long path
 * aborts the process inside of nanomsg.
 */
#include "probe/uplinks.h"

#include "probe/token.h"
#include "probe/uplink.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_MAX 80 /* of the 100 bytes that an ipc:// path may have */

static const char *const socket_names[LINK_STREAM_COUNT] = {"report", "orders"};

struct uplinks {
	struct curl_loop *cl;
	struct dial_config dial;
	char *password; /* the proxy's */
	char folder[FOLDER_MAX];
	char address[LINK_STREAM_COUNT][FOLDER_MAX + 20]; /* ipc://PATH */
	struct uplink *uplink[LINK_STREAM_COUNT];
};

static int make_folder(struct uplinks *u)
{
	const char *const bases[] = {
		getenv("RUNTIME_DIRECTORY"), getenv("XDG_RUNTIME_DIR"), "/tmp"};
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		if (!bases[i] || bases[i][0] != '/')
			continue;
		int n = snprintf(u->folder, FOLDER_MAX, "%s/quorate-probe-XXXXXX", bases[i]);
		if (n < FOLDER_MAX && mkdtemp(u->folder))
			return 0;
	}
	log_errno("uplinks.folder path=%s", log_quote(u->folder));
	u->folder[0] = 0;
	return -1;
}

static int read_password(struct uplinks *u, const char *path)
{
	char why[TOKEN_WHY_SIZE];
	if (!path || secret_read("password file", path, 1, &u->password, why) == 0)
		return 0;
	log_error("uplinks.proxy error=%s", log_quote(why));
	return -1;
}

int uplinks_open(struct uplinks **out, struct loop *loop, const struct coordinator_conf *conf,
	const char *probe, const char *token, uplinks_connected_fn connected, void *arg)
{
	struct uplinks *u = mem_alloc(sizeof *u);
	if (read_password(u, conf->proxy_password_file) || make_folder(u)) {
		uplinks_close(u);
		return -1;
	}
	u->cl = curl_loop_new(loop);
	u->dial = (struct dial_config){.coordinator = conf, .proxy_password = u->password};
	for (int i = 0; i < LINK_STREAM_COUNT; i++) {
		snprintf(u->address[i], sizeof u->address[i], "ipc://%s/%s", u->folder,
			socket_names[i]);
		struct uplink_config config = {.dial = &u->dial,
			.stream = (enum link_stream)i,
			.probe = probe,
			.token = token,
			.connected = connected,
			.arg = arg,
			.path = u->address[i] + strlen("ipc://")};
		u->uplink[i] = uplink_new(loop, u->cl, &config);
	}
	*out = u;
	return 0;
}

void uplinks_close(struct uplinks *u)
{
	if (!u)
		return;
	for (int i = 0; i < LINK_STREAM_COUNT; i++)
		uplink_free(u->uplink[i]);
	curl_loop_free(u->cl);
	if (u->folder[0] && rmdir(u->folder) == -1)
		log_errno("uplinks.folder path=%s", log_quote(u->folder));
	token_free(u->password);
	free(u);
}

const char *uplinks_address(const struct uplinks *u, enum link_stream stream)
{
	return u->address[stream];
}

void uplinks_cut(struct uplinks *u, enum link_stream stream)
{
	uplink_cut(u->uplink[stream]);
}
