# Who may include whom, and which file is the one door to which library: architecture, "Who may include whom".
# Reads C sources; prints FILE:LINE and the broken rule; exits 1 if there was one. `tests/layers_test.sh` shows that
# each rule can fail.

function fault(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	faults = 1
}

# The layer that FILE lives in.
function layer_of(file) {
	if (file ~ /^include\/quorate\//) return "include"
	if (file ~ /^proto\/base\//) return "proto/base"
	if (file ~ /^proto\//) return "proto"
	if (file ~ /^probe\//) return "probe"
	if (file ~ /^coordinator\/core\//) return "coordinator/core"
	if (file ~ /^coordinator\//) return "coordinator"
	return ""
}

# What a layer may include of the project; a pattern on the included path.
BEGIN {
	may["include"] = "^quorate/"
	may["proto/base"] = "^(quorate|proto/base)/"
	may["proto"] = "^(quorate|proto)/"
	may["probe"] = "^(quorate|proto|probe)/"
	may["coordinator/core"] = "^(quorate|coordinator/core)/"
	may["coordinator"] = "^(quorate|proto|coordinator)/"

	# each outside library has one door: included name -> files
	n = 0
	door[++n] = "^nanomsg/"; at[n] = "^proto/link"
	door[++n] = "^ares";     at[n] = "^probe/resolver"
	door[++n] = "^sqlite3";  at[n] = "^coordinator/store/sqlite"
	door[++n] = "^libpq";    at[n] = "^coordinator/store/postgres"
	door[++n] = "^yaml\\.h"; at[n] = "^proto/base/yaml"
	door[++n] = "^pcre2";    at[n] = "^proto/base/pattern"
	door[++n] = "^event2/";  at[n] = "^(proto/base/loop|proto/relay|coordinator/door|coordinator/api/(server|exchange))[_.a-z]*$"
	door[++n] = "^curl/";    at[n] = "^(proto/curl_loop|proto/relay|probe/(dial|join|engine|http_|check_http|check_redirect)|coordinator/(notify|cli)/)"
	door[++n] = "^systemd/"; at[n] = "^proto/base/(service|journal)"
	door[++n] = "^openssl/"; at[n] = "^(proto/[^/]*|probe/.*|coordinator/([^c]|c[^o]|co[^r]).*)$"
	door[++n] = "^jansson";  at[n] = "^(proto|probe|coordinator/([^c]|c[^o]|co[^r]))"
	door[++n] = "^glib";     at[n] = "^coordinator/recurrence"
	doors = n
	# the only headers of the system that pure code needs
	pure = "^(assert|errno|inttypes|limits|math|stdarg|stdbool|stddef|stdint|string)\\.h$"
}

FNR == 1 { layer = layer_of(FILENAME) }
layer == "" { next }

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	name = part[2]
	if (name !~ may[layer])
		fault("\"" name "\" must not be included by " layer "/")
	if (name ~ /_internal\.h$/) {
		own = FILENAME; sub(/[^\/]*$/, "", own)
		theirs = name; sub(/[^\/]*$/, "", theirs)
		if (own != theirs) fault("\"" name "\" is private to " theirs)
	}
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, part, /[<>]/)
	name = part[2]
	for (i = 1; i <= doors; i++)
		if (name ~ door[i] && FILENAME !~ at[i])
			fault("<" name "> must not be included here; its door is " at[i])
	if ((layer == "include" || layer == "coordinator/core") && name !~ pure)
		fault("<" name "> must not be included by " layer "/: no input or output, clock, memory or library there")
}

# calls that only one file, or no pure one, may make; comments do not count
{
	code = $0
	gsub(/\/\*.*(\*\/|$)|\/\/.*$|^[ \t]*\*.*$/, "", code)
	if (FILENAME != "proto/base/clock.c" &&
		code ~ /(^|[^A-Za-z0-9_])((clock_gettime|gettimeofday)[ ]*\(|time[ ]*\((NULL|0|&))/)
		fault("only proto/base/clock.c asks for the time")
	if (layer == "coordinator/core" &&
		code ~ /(^|[^A-Za-z0-9_])(malloc|calloc|realloc|free|printf|fprintf|mem_[a-z]+|log_[a-z]+|clock_[a-z_]+)[ ]*\(/)
		fault("no memory, log or clock in coordinator/core/")
}

END { exit faults }
