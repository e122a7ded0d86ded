// SPDX-License-Identifier: MIT
/* Any bytes as coordinator.yml. What is accepted names a store, and a certificate never without its key. */
#include "coordinator/conf.h"
#include "tests/fuzz/conf_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const char *path, void *conf)
{
	return coordinator_conf_load(path, false, conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coordinator_conf conf;

	if (conf_try(data, size, load, &conf) == 0)
		ensure(conf.store && conf.api_socket && (conf.api_listen || conf.door_listen) &&
			!conf.door_certificate == !conf.door_key && conf.channels.n <= 100);
	coordinator_conf_clear(&conf);
	return 0;
}
