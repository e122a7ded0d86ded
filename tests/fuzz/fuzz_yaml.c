// SPDX-License-Identifier: MIT
/* Any bytes as a YAML file: a document or an error with a sentence, and a place for every path that is asked for. */
#include "proto/base/mem.h"
#include "proto/base/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_error error;
	struct yaml_doc *doc;
	char *path = mem_strndup((const char *)data, size < 100 ? size : 100);
	int line, column;

	if (yaml_load_text("fuzz", (const char *)data, size, &doc, &error) == -1) {
		ensure(doc == NULL && error.message[0] != '\0' && error.line >= 0);
		free(path);
		return 0;
	}
	yaml_position(doc, path, &line, &column);
	ensure(line >= 1 && column >= 1);
	yaml_position(doc, "monitors[3].expect.status", &line, &column);
	ensure(line >= 1 && column >= 1);
	ensure(json_dumpb(yaml_root(doc), NULL, 0, JSON_ENCODE_ANY) > 0);
	yaml_doc_free(doc);
	free(path);
	return 0;
}
