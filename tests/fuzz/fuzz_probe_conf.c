// SPDX-License-Identifier: MIT
/* Any bytes as probe.yml. What is accepted names where the token is, and is kept to its bounds. */
#include "probe/conf.h"
#include "tests/fuzz/conf_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const char *path, void *conf)
{
	return probe_conf_load(path, false, conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_conf conf;

	if (conf_try(data, size, load, &conf) == 0)
		ensure(conf.token_file && conf.min_interval_ms >= 1000 && conf.per_second >= 1 &&
			conf.body_max_bytes <= INT64_C(64) << 20);
	schema_clear(&probe_conf_schema, &conf);
	return 0;
}
