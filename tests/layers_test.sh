#!/bin/sh
# Shows that each rule of layers.awk can fail, and that a clean file passes. Prints nothing when all is well.
set -eu
rules=$(cd "$(dirname "$0")" && pwd)/layers.awk
dir=$(mktemp -d /tmp/layers.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p include/quorate proto/base probe coordinator/core coordinator/api coordinator/store

# expect FILE SENTENCE LINE: a file with LINE in it is told as SENTENCE; no SENTENCE: it passes
expect() {
	printf '#include <stdint.h>\n%s\n' "$3" >"$1"
	if out=$(awk -f "$rules" "$1"); then
		[ -z "$2" ] || { echo "layers_test: '$3' in $1 was not noticed"; exit 1; }
	else
		case $out in
		"$1:2: "*"$2"*) [ -n "$2" ] || { echo "layers_test: $out"; exit 1; } ;;
		*) echo "layers_test: '$3' in $1: $out"; exit 1 ;;
		esac
	fi
	rm "$1"
}

expect include/quorate/x.h 'must not be included by include/' '#include "proto/base/mem.h"'
expect include/quorate/x.h 'must not be included by include/' '#include <jansson.h>'
expect include/quorate/x.h '' '#include "quorate/id.h"'
expect proto/base/x.c 'must not be included by proto/base/' '#include "proto/link.h"'
expect proto/base/x.c 'its door is' '#include <curl/curl.h>'
expect proto/base/x.c 'its door is' '#include <openssl/ssl.h>'
expect proto/base/x.c '' '#include <jansson.h>'
expect proto/x.c 'must not be included by proto/' '#include "probe/check.h"'
expect proto/x.c 'its door is' '#include <nanomsg/nn.h>'
expect proto/link_x.c '' '#include <nanomsg/nn.h>'
expect probe/x.c 'must not be included by probe/' '#include "coordinator/core/quorum.h"'
expect probe/x.c 'its door is' '#include <ares.h>'
expect proto/x.c 'its door is' '#include <pcre2.h>'
expect probe/x.c 'its door is' '#include <event2/event.h>'
expect probe/x.c 'its door is' '#include <systemd/sd-daemon.h>'
expect probe/x.c 'is private to proto/' '#include "proto/link_internal.h"'
expect probe/x.c 'only proto/base/clock.c asks' '	clock_gettime(CLOCK_MONOTONIC, &ts);'
expect probe/x.c 'only proto/base/clock.c asks' '	now = time(NULL);'
expect probe/x.c '' '	start_time(now); /* not time(NULL) */'
expect coordinator/x.c 'must not be included by coordinator/' '#include "probe/check.h"'
expect coordinator/store/memory.c 'its door is' '#include <sqlite3.h>'
expect coordinator/api/alerts.c 'its door is' '#include <event2/http.h>'
expect coordinator/core/x.c 'must not be included by coordinator/core/' '#include "proto/base/mem.h"'
expect coordinator/core/x.c 'must not be included by coordinator/core/' '#  include "coordinator/fleet.h"'
expect coordinator/core/x.c 'must not be included' '#include <stdlib.h>'
expect coordinator/core/x.c 'must not be included' '#include <jansson.h>'
expect coordinator/core/x.c 'no memory, log or clock' '	struct vote *v = malloc(8);'
expect coordinator/core/x.c 'no memory, log or clock' '	log_info("x");'
expect coordinator/core/x.c '' '	freely(now_ms);'
