// SPDX-License-Identifier: MIT
/* What the machine gives to the probe: open files, pings, room for the spool. */
#include "probe/doctor_internal.h"

#include "probe/check.h"
#include "probe/pinger.h"
#include "proto/base/mem.h"
#include "quorate/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void look_at_files(struct doctor *d)
{
	struct rlimit r;
	int64_t wanted = engine_files_wanted(d->conf.in_flight_max);
	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return;
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max >= (rlim_t)wanted) {
		doctor_say(d, MARK_OK, "files",
			"enough of them may be open for %" PRId64 " checks at a time",
			d->conf.in_flight_max);
		return;
	}
	doctor_say(d, MARK_WARN, "files",
		"at most %lld may be open: enough for %" PRId64
		" checks at a time, not for %" PRId64,
		(long long)r.rlim_max, engine_checks_within((int64_t)r.rlim_max),
		d->conf.in_flight_max);
	doctor_advise(d,
		"LimitNOFILE=%" PRId64 " in the service's unit (ulimit -n in a shell), or a "
		"smaller in_flight_max",
		wanted);
}

/* ---- pings */

static bool group_may_ping(gid_t group)
{
	unsigned long first = 1, last = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/ping_group_range", "re");
	bool ok = f && fscanf(f, "%lu %lu", &first, &last) == 2 && first <= group && group <= last;
	if (f)
		fclose(f);
	return ok;
}

static void advise_ping(struct doctor *d)
{
	char program[PATH_MAX] = "quorate-probe";
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n > 0)
		program[n] = 0;
	doctor_advise(d,
		"one of: sysctl -w net.ipv4.ping_group_range=\"%u %u\" (and in /etc/sysctl.d, "
		"to keep it); setcap cap_net_raw+ep %s; AmbientCapabilities=CAP_NET_RAW in "
		"the service's unit",
		(unsigned)d->owner_group, (unsigned)d->owner_group, program);
}

static void look_at_ping(struct doctor *d)
{
	bool raw, for_owner = geteuid() == 0 && d->owner != 0;
	if (!strings_have(&d->conf.types, check_kind_names[CHECK_PING])) {
		doctor_say(d, MARK_NOTE, "ping", "not in types: this probe sends none");
		return;
	}
	int fd = pinger_socket(AF_INET, &raw);
	if (fd != -1)
		close(fd);
	if (for_owner && !group_may_ping(d->owner_group)) {
		doctor_say(d, MARK_NOTE, "ping",
			"root may send pings, user %s only with CAP_NET_RAW from its service's "
			"unit, "
			"which cannot be seen from here",
			d->owner_name);
	} else if (fd != -1) {
		doctor_say(d, MARK_OK, "ping", "may be sent, by %s",
			raw ? "CAP_NET_RAW" : "net.ipv4.ping_group_range");
	} else {
		doctor_say(d, MARK_WARN, "ping",
			"user %s may not send pings (%s): this probe gets no ping checks",
			d->our_name, strerror(errno));
		advise_ping(d);
	}
}

/* ---- the spool */

static const char *size_text(int64_t bytes, char out[32])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	double n = (double)bytes;
	for (; n >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
		n /= 1024;
	snprintf(out, 32, n < 10 && unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return out;
}

static void judge_space(struct doctor *d, const char *path)
{
	struct statvfs fs;
	char free_text[32], max_text[32];
	if (statvfs(path, &fs) == -1) {
		doctor_say(d, MARK_FAIL, "spool", "%s: %s", path, strerror(errno));
		return;
	}
	int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	size_text(free_bytes, free_text);
	size_text(d->conf.spool_max_bytes, max_text);
	bool enough = free_bytes >= d->conf.spool_max_bytes;
	doctor_say(d, enough ? MARK_OK : MARK_WARN, "spool", "%s: %s free, at most %s are used",
		path, free_text, max_text);
	if (!enough)
		doctor_advise(d,
			"make room there, or set a smaller spool_max: with a full disk results "
			"are kept in memory only while the coordinator is away");
}

static void look_at_spool(struct doctor *d)
{
	char *path = mem_printf("%s/spool", d->conf.state_dir);
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (d->conf.spool_max_bytes == 0) {
		doctor_say(d, MARK_NOTE, "spool",
			"spool_max is 0: results are kept in memory only while the coordinator is "
			"away");
	} else if (there && (st.st_uid != d->owner || !S_ISDIR(st.st_mode))) {
		doctor_say(d, MARK_FAIL, "spool", "%s is no folder of %s, the probe's user", path,
			d->owner_name);
		doctor_advise(d, "chown -R %s %s, or remove it while the probe does not run",
			d->owner_name, path);
	} else if (access(there ? path : d->conf.state_dir, W_OK) == -1) {
		doctor_say(d, doctor_is_stranger(d) ? MARK_NOTE : MARK_FAIL, "spool",
			"%s: user %s may not write (%s)", path, d->our_name, strerror(errno));
		if (!doctor_is_stranger(d))
			doctor_advise(d,
				"chmod 700 %s; 'read-only' means that the file system is mounted "
				"so",
				there ? path : d->conf.state_dir);
	} else {
		judge_space(d, there ? path : d->conf.state_dir);
	}
	free(path);
}

void doctor_machine_report(struct doctor *d)
{
	if (!d->readable)
		return;
	look_at_files(d);
	look_at_ping(d);
	if (d->seen)
		look_at_spool(d);
}
