// SPDX-License-Identifier: MIT
/* The doctor's steps, each by a table of what may be wrong: files here, name servers and doors that
 * are scripted. Who may do what is the end-to-end tests' affair. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/door_kit.h"

#include "probe/doctor.h"
#include "proto/base/clock.h"
#include "proto/link.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#define TOKEN "token-0123456789abcdef"

struct name_server {
	int fd, code; /* -1: silent */
	pthread_t thread;
	atomic_int stop;
};

struct world {
	char dir[32], conf[64], state[64], token[64], resolv[64];
	struct name_server dns;
	int dns_port;
	json_t *answer;
	int status;
};

/* ---- the world */

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void *dns_main(void *arg)
{
	struct name_server *s = arg;
	while (!s->stop) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		unsigned char m[512];
		struct sockaddr_in from;
		socklen_t n = sizeof from;
		if (poll(&p, 1, 10) != 1)
			continue;
		ssize_t got = recvfrom(s->fd, m, sizeof m, 0, (struct sockaddr *)&from, &n);
		if (got < 12 || s->code < 0)
			continue;
		m[2] |= 0x80;
		m[3] = (unsigned char)s->code;
		(void)sendto(s->fd, m, (size_t)got, 0, (struct sockaddr *)&from, n);
	}
	return NULL;
}

static void dns_start(struct world *w)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	w->dns.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->dns.fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(w->dns.fd, (struct sockaddr *)&at, &n), 0);
	w->dns_port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&w->dns.thread, NULL, dns_main, &w->dns), 0);
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	strcpy(w->dir, "/tmp/qdoc-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->conf, sizeof w->conf, "%s/probe.yml", w->dir);
	snprintf(w->state, sizeof w->state, "%s/state", w->dir);
	snprintf(w->token, sizeof w->token, "%s/state/token", w->dir);
	snprintf(w->resolv, sizeof w->resolv, "%s/resolv.conf", w->dir);
	assert_int_equal(mkdir(w->state, 0700), 0);
	put(w->token, TOKEN "\n", 0600);
	put(w->resolv, "nameserver 127.0.0.1\n", 0644);
	dns_start(w);
	*state = w;
	return 0;
}

static void remove_all(const char *path)
{
	struct dirent *entry;
	char below[512];
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(below) == -1)
			remove_all(below);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	w->dns.stop = 1;
	pthread_join(w->dns.thread, NULL);
	close(w->dns.fd);
	remove_all(w->dir);
	json_decref(w->answer);
	free(w);
	return 0;
}

/* CONF: what stands in the file behind state_dir; NULL: there is no file. */
static char *run(struct world *w, const char *conf, bool json)
{
	char *text = NULL, *whole = mem_printf("state_dir: %s\n%s", w->state, conf ? conf : "");
	size_t size = 0;
	unlink(w->conf);
	if (conf)
		put(w->conf, whole, 0644);
	FILE *out = open_memstream(&text, &size);
	struct doctor_options options = {.conf_path = w->conf,
		.conf_given = true,
		.json = json,
		.resolv_conf = w->resolv,
		.dns_port = w->dns_port};
	int64_t begin_ms = clock_now_ms();
	w->status = doctor_run(&options, out);
	assert_true(clock_now_ms() - begin_ms < DOCTOR_MS);
	fclose(out);
	free(whole);
	assert_null(strstr(text, TOKEN));
	return text;
}

static void see(struct world *w, const char *conf)
{
	char *text = run(w, conf, true);
	json_decref(w->answer);
	w->answer = json_loads(text, 0, NULL);
	if (!w->answer)
		fail_msg("no JSON: %s", text);
	free(text);
}

/* Whether a finding of STEP and MARK holds both texts; WORDS of its text, REMEDY of what to do. */
static bool has(
	struct world *w, const char *step, const char *mark, const char *words, const char *remedy)
{
	size_t i;
	json_t *f;
	json_array_foreach (json_object_get(w->answer, "findings"), i, f) {
		const char *text = json_string_value(json_object_get(f, "text"));
		const char *advice = json_string_value(json_object_get(f, "remedy"));
		if (strcmp(json_string_value(json_object_get(f, "step")), step) == 0 &&
			strcmp(json_string_value(json_object_get(f, "mark")), mark) == 0 &&
			strstr(text, words) &&
			(remedy ? advice && strstr(advice, remedy) : !advice))
			return true;
	}
	return false;
}

static void expect(struct world *w, const char *what, const char *step, const char *mark,
	const char *words, const char *remedy)
{
	static const char *const statuses[] = {"ok", "warn", "fail"};
	if (has(w, step, mark, words, remedy)) {
		for (int i = 1; i < 3; i++)
			if (strcmp(mark, statuses[i]) == 0 && w->status < i)
				fail_msg("%s: exit status %d", what, w->status);
		return;
	}
	char *text = json_dumps(w->answer, JSON_INDENT(1));
	fail_msg("%s: no %s of %s with '%s' and '%s' in %s", what, mark, step, words,
		remedy ? remedy : "nothing", text);
}

/* ---- files */

static void configurations_are_judged(void **state)
{
	static const struct {
		const char *conf, *step, *mark, *words, *remedy;
	} table[] = {
		{NULL, "file", "fail", "probe.yml", "-c"},
		{"name: [", "file", "fail", "probe.yml:", "quorate-probe(8)"},
		{"nam: tokyo-1\n", "file", "fail", "name", "quorate-probe(8)"},
		{"", "joined", "fail", "has not joined", "quorate probe add"},
		{"name: tokyo-1\n", "joined", "ok", "on this machine", NULL},
		{"name: tokyo-1\n", "token", "ok", "0600", NULL},
		{"name: tokyo-1\n", "allow", "ok", "no private ones", NULL},
		{"name: tokyo-1\nallow: [10.0.0.0/8]\n", "allow", "ok", "10.0.0.0/8", NULL},
		{"name: tokyo-1\nallow: ['::/0']\n", "allow", "warn", "every address", "allow:"},
		{"name: tokyo-1\nper_second: 7\n", "bounds", "ok", "7 starts", NULL},
		{"name: tokyo-1\ntypes: [tcp]\n", "ping", "note", "not in types", NULL},
		{"name: tokyo-1\nspool_max: 0\n", "spool", "note", "memory only", NULL},
		{"name: tokyo-1\nspool_max: 1048576\n", "spool", "ok", "1.0 MiB", NULL},
		{"name: tokyo-1\ntoken_file: /nowhere/token\n", "token", "fail", "/nowhere/token",
			"quorate-probe join"},
		{"name: tokyo-1\ncoordinator: {proxy_password_file: /nowhere/pw}\n", "password",
			"fail", "/nowhere/pw", "0600"},
		{"name: tokyo-1\n", "anchors", "note", "not judged", NULL},
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		see(w, table[i].conf);
		expect(w, table[i].conf ? table[i].conf : "no file", table[i].step, table[i].mark,
			table[i].words, table[i].remedy);
	}
}

static void the_state_folder_is_judged(void **state)
{
	struct world *w = *state;
	char path[96];
	const char *conf = "name: tokyo-1\n";
	chmod(w->token, 0644);
	see(w, conf);
	expect(w, "a token for all", "token", "fail", "0644", "chmod 600");
	put(w->token, "short\n", 0600);
	see(w, conf);
	expect(w, "a short token", "token", "fail", "5 characters", "quorate probe token tokyo-1");
	unlink(w->token);
	see(w, conf);
	expect(w, "no token", "token", "fail", "No such file", "quorate-probe join");
	chmod(w->state, 0770);
	see(w, conf);
	expect(w, "a folder for others", "state", "fail", "0770", "chmod 700");
	chmod(w->state, 0700);
	snprintf(path, sizeof path, "%s/spool", w->state);
	put(path, "", 0600);
	see(w, conf);
	expect(w, "a spool that is a file", "spool", "fail", "no folder", "remove it");
	snprintf(path, sizeof path, "%s/coordinator.json", w->state);
	put(path, "{}", 0600);
	see(w, "");
	expect(w, "a damaged coordinator.json", "joined", "fail", "damaged", "quorate-probe join");
	remove_all(w->state);
	see(w, conf);
	expect(w, "no folder", "state", "fail", "No such file", "quorate-probe join");
	see(w, "");
	expect(w, "neither folder nor name", "joined", "fail", "has not joined",
		"quorate probe add");
	put(w->state, "", 0600);
	see(w, conf);
	expect(w, "a file for a folder", "state", "fail", "is no folder", "state_dir");
	unlink(w->state);
}

/* ---- name servers */

static void name_servers_are_judged(void **state)
{
	static const struct {
		const char *resolv;
		int code;
		const char *mark, *words, *remedy;
	} table[] = {
		{"nameserver 127.0.0.1\n", 0, "ok", "127.0.0.1", NULL},
		{"nameserver 127.0.0.1\n", 3, "ok", "answers", NULL},
		{"nameserver 127.0.0.1\n", 2, "fail", "SERVFAIL", "resolv.conf"},
		{"nameserver 127.0.0.1\n", 5, "fail", "REFUSED", "resolv.conf"},
		{"nameserver 127.0.0.1\n", -1, "fail", "does not answer within", "resolv.conf"},
		{"nameserver 127.0.0.2\n", 0, "fail", "refused", "resolv.conf"},
		{"nameserver 127.0.0.2\nnameserver 127.0.0.1\n", 0, "warn", "127.0.0.2",
			"asked first"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		put(w->resolv, table[i].resolv, 0644);
		w->dns.code = table[i].code;
		see(w, "name: tokyo-1\n");
		expect(w, table[i].resolv, "dns", table[i].mark, table[i].words, table[i].remedy);
	}
}

/* ---- a coordinator on this machine */

static void drop_cb(void *arg UNUSED, enum link_stream stream UNUSED, struct link_held *held,
	const void *data UNUSED, size_t size_bytes UNUSED)
{
	link_drop(held);
}

static void the_local_link_is_greeted(void **state)
{
	struct world *w = *state;
	struct loop *loop = loop_new();
	struct link_server *server;
	char *report = mem_printf("ipc://%s/report", w->dir);
	char *orders = mem_printf("ipc://%s/orders", w->dir);
	char *conf =
		mem_printf("name: tokyo-1\nlink: {report: '%s', orders: '%s'}\n", report, orders);
	see(w, conf);
	expect(w, "nobody", "report", "fail", "No such file", "link.report");
	assert_int_equal(link_server_open(&server, loop, report, orders, drop_cb, NULL), 0);
	see(w, conf);
	expect(w, "a coordinator", "report", "ok", "answers", NULL);
	expect(w, "a coordinator", "orders", "ok", "answers", NULL);
	expect(w, "a coordinator", "token", "note", "not tried", NULL);
	link_server_close(server);
	loop_free(loop);
	free(report);
	free(orders);
	free(conf);
}

/* ---- doors */

static void doors_are_judged(void **state)
{
	static const struct {
		const char *what;
		enum door_act act;
		int version; /* of TLS, the newest */
		bool alpn, pinned;
		const char *step, *mark, *words, *remedy;
	} table[] = {
		{"accepts", DOOR_HOLD, 0, true, true, "token", "ok", "accepted", NULL},
		{"accepts", DOOR_HOLD, 0, true, true, "tls", "ok", "pinned key", NULL},
		{"refuses", DOOR_REFUSE, 0, true, true, "token", "fail", "no such probe here",
			"quorate probe token tokyo-1"},
		{"garbage", DOOR_GARBAGE, 0, true, true, "token", "fail", "not that of", "its log"},
		{"cut", DOOR_CUT, 0, true, true, "token", "fail", "closed", "its log"},
		{"old TLS", DOOR_HOLD, TLS1_2_VERSION, true, true, "tls", "fail", "TLS 1.3",
			"exception"},
		{"other protocol", DOOR_HOLD, 0, false, true, "protocol", "fail", "quorate/1",
			"untouched"},
		{"other key", DOOR_HOLD, 0, true, false, "key", "fail", "door CA",
			"TLS-inspecting proxy"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct door door = {.act = (int)table[i].act};
		door_open(&door, w->dir, table[i].version, table[i].alpn);
		char *conf = mem_printf("name: tokyo-1\ncoordinator: {proxy: none, addresses: "
					"['%s'], pin: ['%s']}\n",
			door.address,
			table[i].pinned ? door.pin
					: "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
		see(w, conf);
		expect(w, table[i].what, table[i].step, table[i].mark, table[i].words,
			table[i].remedy);
		if (table[i].pinned && table[i].alpn && !table[i].version)
			assert_int_equal(door.stream, PREFACE_DOCTOR);
		free(conf);
		door_close(&door);
	}
}

static void what_the_door_knows_is_told(void **state)
{
	static const struct {
		const char *standing;
		long off_ms; /* of the coordinator's clock */
		const char *step, *mark, *words, *remedy;
	} table[] = {
		{"voting", 0, "token", "ok", "votes", NULL},
		{"voting", 0, "clock", "ok", "the same as", NULL},
		{"voting", -4500, "clock", "ok", "4.5 s ahead of", NULL},
		{"voting", 4500, "clock", "ok", "4.5 s behind", NULL},
		{"voting", -5500, "clock", "warn", "5.5 s ahead of", "timedatectl"},
		{"voting", 59500, "clock", "warn", "59.5 s behind", "timedatectl"},
		{"voting", 60500, "clock", "fail", "60.5 s behind", "certificates"},
		{"voting", -60500, "clock", "fail", "60.5 s ahead of", "certificates"},
		{"lost", 0, "token", "warn", "does not hear", "systemctl restart"},
		{"never-seen", 0, "token", "note", "has not heard", "systemctl start"},
		{"drained", 0, "token", "note", "drained", "quorate probe undrain tokyo-1"},
		{"twins", 0, "token", "fail", "two programs", "quorate probe token tokyo-1"},
		{"of tomorrow", 0, "token", "ok", "accepted", NULL},
	};
	struct world *w = *state;
	struct door door = {.act = DOOR_FACTS};
	door_open(&door, w->dir, 0, true);
	char *conf = mem_printf(
		"name: tokyo-1\ncoordinator: {proxy: none, addresses: ['%s'], pin: ['%s']}\n",
		door.address, door.pin);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		door.standing = table[i].standing;
		door.clock_off_ms = table[i].off_ms;
		see(w, conf);
		expect(w, table[i].standing, table[i].step, table[i].mark, table[i].words,
			table[i].remedy);
	}
	free(conf);
	door_close(&door);
}

/* ---- telling */

static void people_get_a_line_each(void **state)
{
	struct world *w = *state;
	char *text = run(w, "name: tokyo-1\nallow: ['::/0']\n", false);
	assert_int_equal(strncmp(text, "configuration\n  ok    file       /", 34), 0);
	assert_non_null(strstr(text, "\n  warn  allow      ::/0: checks may"));
	assert_non_null(strstr(text, "\n                   -> name in allow:"));
	assert_non_null(strstr(text, "\n\nthis machine\n"));
	assert_non_null(strstr(text, "\n  FAIL  report     "));
	assert_non_null(strstr(text, "\n2 failures, 1 warning\n"));
	assert_null(strchr(text, '\033'));
	assert_int_equal(w->status, DOCTOR_BROKEN);
	free(text);
	put(w->token, "short", 0644); /* what is wrong is told, and never what is in it */
	text = run(w, "name: tokyo-1\n", false);
	assert_null(strstr(text, "short"));
	free(text);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(configurations_are_judged),
		WORLD(the_state_folder_is_judged),
		WORLD(name_servers_are_judged),
		WORLD(the_local_link_is_greeted),
		WORLD(doors_are_judged),
		WORLD(what_the_door_knows_is_told),
		WORLD(people_get_a_line_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
