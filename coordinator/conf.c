// SPDX-License-Identifier: MIT
/* The table of coordinator.yml. */
#include "coordinator/conf.h"

#include "coordinator/door.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/joinstring.h"
#include "proto/link.h"
#include "proto/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONF(member) offsetof(struct coordinator_conf, member)

static int check_address(const void *value, const char **why)
{
	const char *address = *(char *const *)value;

	return address ? link_address_check(address, why) : 0;
}

/* Loopback only: bearer keys must not cross a network in the clear. The door has TLS. */
static int check_listen(const void *value, const char **why)
{
	const char *listen = *(char *const *)value;

	if (!listen || strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0)
		return 0;
	*why = "a loopback address and a port, for example 127.0.0.1:7443 (without TLS; "
	       "networks come in by the door)";
	return -1;
}

static int check_store(const void *value, const char **why)
{
	const char *store = *(char *const *)value;

	if (!store || strcmp(store, "memory:") == 0 || strncmp(store, "sqlite:/", 8) == 0)
		return 0;
	*why = "sqlite: and an absolute folder, for example sqlite:/var/lib/quorate-coordinator, "
	       "or memory: (forgets everything)";
	return -1;
}

static const struct field link_fields[] = {
	{.name = "report",
		.type = FIELD_STRING,
		.offset = 0,
		.fallback = "\"tcp://127.0.0.1:7444\"",
		.check = check_address,
		.doc = "Where probes send results: tcp:// on loopback or ipc://."},
	{.name = "orders",
		.type = FIELD_STRING,
		.offset = CONF(orders_address) - CONF(report_address),
		.fallback = "\"tcp://127.0.0.1:7445\"",
		.check = check_address,
		.doc = "Where probes fetch their orders: tcp:// on loopback or ipc://."},
};
static const struct schema link_schema = {.name = "link",
	.fields = link_fields,
	.n_fields = ARRAY_LEN(link_fields),
	.size_bytes = 2 * sizeof(char *)};

static const struct field api_fields[] = {
	{.name = "listen",
		.type = FIELD_STRING,
		.offset = 0,
		.check = check_listen,
		.doc = "Address and port of the API without TLS; loopback only. Default: "
		       "127.0.0.1:7443; with a door, none."},
	{.name = "socket",
		.type = FIELD_STRING,
		.offset = CONF(api_socket) - CONF(api_listen),
		.max = 100,
		.doc = "Path of the API's unix socket; default: api.sock in RUNTIME_DIRECTORY "
		       "(systemd), else in state_dir."},
};
static const struct schema api_schema = {.name = "api",
	.fields = api_fields,
	.n_fields = ARRAY_LEN(api_fields),
	.size_bytes = 2 * sizeof(char *)};

static int check_door_listen(const void *value, const char **why)
{
	const char *listen = *(char *const *)value;
	struct sockaddr_storage address;

	*why = "an address and a port, for example 0.0.0.0:7443 or [::]:7443";
	return !listen || door_parse_address(listen, &address) ? 0 : -1;
}

static int check_networks(const void *value, const char **why)
{
	const struct strings *networks = value;
	struct cidr parsed;

	for (size_t i = 0; i < networks->n; i++)
		if (cidr_parse(networks->item[i], &parsed, why) == -1)
			return -1;
	return 0;
}

#define DOOR(member) (CONF(member) - CONF(door_listen))
static const struct field door_fields[] = {
	{.name = "listen",
		.type = FIELD_STRING,
		.offset = DOOR(door_listen),
		.check = check_door_listen,
		.doc = "Address and port for probes and the API from elsewhere, TLS 1.3. Default: "
		       "no "
		       "door."},
	{.name = "certificate",
		.type = FIELD_STRING,
		.offset = DOOR(door_certificate),
		.doc = "PEM file of the certificate, its chain behind it. Default: made at the "
		       "first "
		       "start, in state_dir; probes pin its key."},
	{.name = "key",
		.type = FIELD_STRING,
		.offset = DOOR(door_key),
		.doc = "PEM file of its key, which others may not read."},
	{.name = "addresses",
		.type = FIELD_STRINGS,
		.offset = DOOR(door_addresses),
		.max = JOIN_ADDRESSES_MAX,
		.check = join_check_addresses,
		.doc = "host:port as probes reach the door: told to those that join. Default: the "
		       "host of url, and the port of listen."},
	{.name = "connections",
		.type = FIELD_INT,
		.offset = DOOR(door_connections),
		.min = 8,
		.max = 100000,
		.fallback = "1000",
		.doc = "Connections at a time; a probe has two."},
	{.name = "per_address",
		.type = FIELD_INT,
		.offset = DOOR(door_per_address),
		.min = 1,
		.max = 100000,
		.fallback = "64",
		.doc = "Of these from one address (IPv6: a /64), those of known probes not "
		       "counted."},
	{.name = "proxy_protocol_from",
		.type = FIELD_STRINGS,
		.offset = DOOR(door_proxy_from),
		.max = DOOR_FRONTS_MAX,
		.check = check_networks,
		.doc = "Addresses or networks of fronts (HAProxy, nginx), whose connections begin "
		       "with a header of the PROXY protocol. Default: none."},
};
static const struct schema door_schema = {.name = "door",
	.fields = door_fields,
	.n_fields = ARRAY_LEN(door_fields),
	.size_bytes = CONF(limits) - CONF(door_listen)};

#define LIMIT(kind) (sizeof(int64_t) * ALLOWANCE_##kind)
static const struct field limits_fields[] = {
	{.name = "messages",
		.type = FIELD_INT,
		.offset = LIMIT(MESSAGES),
		.min = 10,
		.max = 1000000,
		.fallback = "200",
		.doc = "Messages a second."},
	{.name = "bytes",
		.type = FIELD_INT,
		.offset = LIMIT(BYTES),
		.min = 100000,
		.max = 1000000000,
		.fallback = "8000000",
		.doc = "Bytes a second, of its messages and of the orders that it asks for."},
	{.name = "results",
		.type = FIELD_INT,
		.offset = LIMIT(RESULTS),
		.min = 100,
		.max = 1000000,
		.fallback = "5000",
		.doc = "Results a second, those that waited on the probe included."},
};
static const struct schema limits_schema = {.name = "limits",
	.fields = limits_fields,
	.n_fields = ARRAY_LEN(limits_fields),
	.size_bytes = sizeof(struct allowance_rates)};

static const char *const level_names[] = {"error", "warning", "info", "debug", NULL};

static const struct field conf_fields[] = {
	{.name = "store",
		.type = FIELD_STRING,
		.offset = CONF(store),
		.check = check_store,
		.doc = "Where everything is kept: sqlite:FOLDER or memory:. Default: sqlite: and "
		       "state_dir."},
	{.name = "state_dir",
		.type = FIELD_STRING,
		.offset = CONF(state_dir),
		.fallback = "\"/var/lib/quorate-coordinator\"",
		.doc = "Folder of the first admin key, the unix socket and the default store; made "
		       "with mode 0700."},
	{.name = "link",
		.type = FIELD_OBJECT,
		.offset = CONF(report_address),
		.sub = &link_schema,
		.doc = "The link to the probes."},
	{.name = "api",
		.type = FIELD_OBJECT,
		.offset = CONF(api_listen),
		.sub = &api_schema,
		.doc = "The REST API."},
	{.name = "door",
		.type = FIELD_OBJECT,
		.offset = CONF(door_listen),
		.sub = &door_schema,
		.doc = "The port for networks."},
	{.name = "limits",
		.type = FIELD_OBJECT,
		.offset = CONF(limits),
		.sub = &limits_schema,
		.doc = "What each probe may send a second; beyond, it is held back."},
	{.name = "url",
		.type = FIELD_STRING,
		.offset = CONF(url),
		.fallback = "\"http://127.0.0.1:7443\"",
		.doc = "What the links in alerts begin with."},
	{.name = "log_level",
		.type = FIELD_ENUM,
		.offset = CONF(log_level),
		.names = level_names,
		.fallback = "\"info\"",
		.doc = "How much is logged."},
	{.name = "per_target",
		.type = FIELD_INT,
		.offset = CONF(per_target),
		.min = 1,
		.max = 1000000,
		.fallback = "1200",
		.doc = "Checks a minute that all monitors together may send to one host."},
	{.name = "retention_days",
		.type = FIELD_INT,
		.offset = CONF(retention_days),
		.min = 1,
		.max = 3650,
		.fallback = "7",
		.doc = "Days that raw results are kept."},
	{.name = "channels",
		.type = FIELD_LIST,
		.offset = CONF(channels),
		.sub = &channel_conf_schema,
		.max = 100,
		.doc = "Where alerts are sent."},
};

static void check_conf(const void *object, const char *path, struct problems *problems)
{
	const struct coordinator_conf *conf = object;
	const struct channel_conf *channel = conf->channels.item;
	char where[64];

	(void)path;
	if (!conf->door_certificate != !conf->door_key)
		problems_add(problems, conf->door_key ? "door.certificate" : "door.key",
			"missing; certificate and key go together");
	for (size_t i = 0; i < conf->channels.n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!channel[i].name || !channel[k].name ||
				strcmp(channel[i].name, channel[k].name) != 0)
				continue;
			snprintf(where, sizeof(where), "channels[%zu].name", i);
			problems_add(problems, where,
				"'%s' is the name of channels[%zu] already; names must differ",
				channel[i].name, k);
		}
	}
}

const struct schema coordinator_conf_schema = {.name = "coordinator",
	.fields = conf_fields,
	.n_fields = ARRAY_LEN(conf_fields),
	.size_bytes = sizeof(struct coordinator_conf),
	.check = check_conf};

/* Where a service manager lets sockets be, else FALLBACK. */
static const char *runtime_dir(const char *fallback)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");

	return dir && dir[0] == '/' && !strchr(dir, ':') ? dir : fallback;
}

int coordinator_conf_load(const char *path, bool missing_ok, struct coordinator_conf *conf)
{
	if (conf_load(path, missing_ok, &coordinator_conf_schema, conf) == -1) {
		schema_clear(&coordinator_conf_schema, conf);
		return -1;
	}
	if (!conf->store)
		conf->store = mem_printf("sqlite:%s", conf->state_dir);
	if (!conf->api_listen && !conf->door_listen)
		conf->api_listen = mem_strdup("127.0.0.1:7443");
	if (!conf->api_socket)
		conf->api_socket = mem_printf("%s/api.sock", runtime_dir(conf->state_dir));
	return 0;
}

void coordinator_conf_clear(struct coordinator_conf *conf)
{
	schema_clear(&coordinator_conf_schema, conf);
}
