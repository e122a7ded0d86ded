// SPDX-License-Identifier: MIT
/* The spool on a real folder: order, marks, bound, restarts, damage of every kind, a full disk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/spool.h"
#include "probe/spool_record.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE "tokyo-1"
#define MAX   (INT64_C(1) << 20)

static char dir[64], folder[80];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/qspool-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof folder, "%s/spool", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	return 0;
}

static struct spool *open_it(void)
{
	struct spool *s = spool_open(dir, PROBE, MAX);
	assert_non_null(s);
	return s;
}

/* Number N as text, filled up to SIZE_BYTES. */
static struct spool_text number(int n, size_t size_bytes)
{
	struct spool_text t = {.text = mem_alloc(size_bytes + 16)};
	int digits = snprintf(t.text, 16, "%d ", n);
	while (strlen(t.text) < size_bytes)
		strcat(t.text, ".");
	t.size_bytes = (size_t)digits > size_bytes ? (size_t)digits : size_bytes;
	return t;
}

static int append_sized(
	struct spool *s, int first, int n, struct spool_place *place, size_t size_bytes)
{
	struct spool_text text[64];
	assert_true(n <= 64);
	for (int i = 0; i < n; i++)
		text[i] = number(first + i, size_bytes);
	int result = spool_append(s, text, (size_t)n, place);
	for (int i = 0; i < n; i++)
		free(text[i].text);
	return result;
}

static void append(struct spool *s, int first, int n, struct spool_place *place)
{
	assert_int_equal(append_sized(s, first, n, place, 4), 0);
}

static void append_released(struct spool *s, int first, int n)
{
	struct spool_place place[64];
	append(s, first, n, place);
	for (int i = 0; i < n; i++)
		assert_true(spool_release(s, &place[i]));
}

/* 0: nothing waits. */
static int take(struct spool *s, struct spool_place *place)
{
	size_t size_bytes = 0;
	char *text = spool_take(s, &size_bytes, place);
	int n = text ? atoi(text) : 0;
	if (text)
		assert_int_equal(strlen(text), size_bytes);
	free(text);
	return n;
}

static void expect_taken(struct spool *s, const char *expected)
{
	char found[512] = "";
	struct spool_place place;
	for (int n; (n = take(s, &place));)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s%d",
			*found ? " " : "", n);
	assert_string_equal(found, expected);
	assert_int_equal(spool_waiting(s), 0);
}

static int count_files(void)
{
	int n = 0;
	const struct dirent *entry;
	DIR *d = opendir(folder);
	assert_non_null(d);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

/* What the files take, whatever the spool believes. */
static int64_t bytes_on_disk(void)
{
	int64_t bytes = 0;
	struct stat st;
	const struct dirent *entry;
	DIR *d = opendir(folder);
	assert_non_null(d);
	while ((entry = readdir(d)))
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
			bytes += st.st_size;
	closedir(d);
	return bytes;
}

static void path_of(int segment, char out[128])
{
	snprintf(out, 128, "%s/%016x.spool", folder, (unsigned)segment);
}

static char *read_file(const char *path, size_t *size_bytes)
{
	char *data = mem_alloc(1 << 21);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	*size_bytes = fread(data, 1, 1 << 21, f);
	fclose(f);
	return data;
}

static void write_file(const char *path, const char *data, size_t size_bytes)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size_bytes, f), size_bytes);
	assert_int_equal(fclose(f), 0);
}

/* ---- order and marks */

static void the_newest_comes_back_first(void **state)
{
	(void)state;
	struct spool *s = open_it();
	struct spool_place place[5], taken;
	append(s, 1, 5, place);
	assert_int_equal(spool_waiting(s), 0); /* all are held: in memory */
	assert_int_equal(take(s, &taken), 0);
	for (int i = 0; i < 5; i++)
		assert_true(spool_release(s, &place[i]));
	assert_int_equal(spool_waiting(s), 5);
	assert_int_equal(take(s, &taken), 5);
	assert_int_equal(take(s, &taken), 4);
	assert_true(spool_release(s, &taken)); /* its flight failed */
	assert_true(spool_release(s, &taken)); /* twice is harmless */
	spool_hold(s, &place[1]);
	expect_taken(s, "4 3 1");
	assert_null(spool_error(s));
	spool_close(s);
}

static void what_is_done_never_comes_back(void **state)
{
	(void)state;
	struct spool *s = open_it();
	struct spool_place place[6];
	append(s, 1, 6, place);
	spool_done(s, &place[0]);
	spool_done(s, &place[3]);
	spool_done(s, &place[3]);
	assert_true(spool_release(s, &place[5]));
	spool_done(s, &place[5]); /* one that waits */
	assert_false(spool_release(s, &place[3]));
	spool_hold(s, &place[3]);
	assert_int_equal(spool_waiting(s), 0);
	spool_close(s);
	s = open_it(); /* as after a kill -9: nothing was written at the close */
	assert_int_equal(spool_waiting(s), 3);
	expect_taken(s, "5 3 2");
	spool_close(s);
}

static void a_file_goes_when_all_of_it_is_done(void **state)
{
	(void)state;
	struct spool *s = open_it();
	struct spool_place place[3];
	append(s, 1, 3, place);
	assert_int_equal(count_files(), 1);
	assert_true(spool_size_bytes(s) > 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(count_files(), 1);
		spool_done(s, &place[i]);
	}
	assert_int_equal(count_files(), 0);
	assert_int_equal(spool_size_bytes(s), 0);
	spool_done(s, &place[0]); /* of a segment that is gone */
	assert_false(spool_release(s, &place[0]));
	append_released(s, 7, 1);
	assert_false(spool_release(s, &place[0])); /* a new segment has a new number */
	expect_taken(s, "7");
	spool_close(s);
}

static void a_restart_continues(void **state)
{
	(void)state;
	struct spool *s = open_it();
	append_released(s, 1, 3);
	spool_close(s);
	s = open_it();
	append_released(s, 4, 2); /* into the same file */
	assert_int_equal(count_files(), 1);
	expect_taken(s, "5 4 3 2 1");
	spool_close(s);
	s = spool_open(dir, "osaka-1", MAX); /* another probe's results are not ours to send */
	assert_int_equal(spool_waiting(s), 0);
	append_released(s, 9, 1);
	expect_taken(s, "9");
	assert_int_equal(count_files(), 2);
	spool_close(s);
	s = open_it();
	expect_taken(s, "5 4 3 2 1");
	spool_close(s);
}

static void files_and_folder_are_private(void **state)
{
	(void)state;
	struct stat st;
	char path[128];
	assert_int_equal(mkdir(folder, 0777), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	struct spool *s = open_it();
	append_released(s, 1, 1);
	path_of(1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	spool_close(s);
}

/* ---- the bound */

static void the_oldest_segment_goes_at_the_bound(void **state)
{
	(void)state;
	struct spool *s = open_it();
	struct spool_place place, first, taken;
	int n = 0, before;
	assert_int_equal(append_sized(s, ++n, 1, &first, 10000), 0); /* held */
	while (spool_size_bytes(s) + 10100 < MAX) {
		assert_int_equal(append_sized(s, ++n, 1, &place, 10000), 0);
		assert_true(spool_release(s, &place));
	}
	assert_int_equal(spool_dropped(s), 0);
	int files = count_files();
	assert_true(files > 10); /* 64 KiB each */
	for (int i = 0; i < 200; i++) {
		assert_int_equal(append_sized(s, ++n, 1, &place, 10000), 0);
		assert_true(spool_release(s, &place));
		assert_true(spool_size_bytes(s) <= MAX);
		assert_true(count_files() <= files + 1);
	}
	assert_false(spool_release(s, &first)); /* the owner learns that it is not on disk */
	before = n - (int)spool_waiting(s);
	assert_int_equal(spool_dropped(s), before - 1); /* the held one is not lost yet */
	for (int i = n; i > before; i--)
		assert_int_equal(take(s, &taken), i);
	assert_int_equal(take(s, &taken), 0);
	spool_set_max(s, MAX / 2); /* what is held is in memory: nothing is lost by that */
	assert_true(spool_size_bytes(s) <= MAX / 2);
	assert_int_equal(spool_dropped(s), before - 1);
	spool_close(s);
	s = spool_open(dir, PROBE, MAX / 4);
	assert_true(spool_size_bytes(s) <= MAX / 4);
	assert_true(spool_dropped(s) > 0);
	spool_close(s);
}

static void too_much_at_once_is_refused(void **state)
{
	(void)state;
	struct spool *s = open_it();
	struct spool_place place[3];
	append_released(s, 1, 1);
	assert_int_equal(append_sized(s, 2, 1, place, SPOOL_TEXT_MAX + 1), -1);
	assert_int_equal(append_sized(s, 2, 3, place, SPOOL_TEXT_MAX), -1);
	assert_int_equal(append_sized(s, 2, 2, place, SPOOL_TEXT_MAX), 0);
	expect_taken(s, "1");
	spool_close(s);
	spool_set_max(NULL, MAX);
	assert_null(spool_open(dir, PROBE, 0));
	assert_int_equal(spool_append(NULL, NULL, 0, NULL), -1);
	assert_int_equal(take(NULL, place), 0);
}

/* ---- damage */

/* The bytes of a segment with the records 1, 2 (done) and 3, in memory and on disk. */
static char *three(size_t *size_bytes, char path[128])
{
	struct spool *s = open_it();
	struct spool_place place[3];
	append(s, 1, 3, place);
	spool_done(s, &place[1]);
	spool_close(s);
	path_of(1, path);
	return read_file(path, size_bytes);
}

static void a_torn_tail_is_cut_at_every_byte(void **state)
{
	(void)state;
	char path[128], header[SPOOL_HEADER_MAX];
	size_t size_bytes, header_bytes = spool_header(header, PROBE);
	char *data = three(&size_bytes, path);
	const size_t record = SPOOL_RECORD_HEAD + 4;
	assert_int_equal(size_bytes, header_bytes + 3 * record);
	for (size_t n = 0; n <= size_bytes; n++) {
		write_file(path, data, n);
		struct spool *s = open_it();
		size_t whole = n < header_bytes ? 0 : (n - header_bytes) / record;
		assert_int_equal(spool_waiting(s), whole == 0 ? 0 : whole < 3 ? 1 : 2);
		assert_int_equal(spool_dropped(s), 0);
		assert_int_equal(bytes_on_disk(), spool_size_bytes(s));
		append_released(s, 8, 1); /* behind the last whole one */
		spool_close(s);
		s = open_it();
		expect_taken(s, whole == 0 ? "8" : whole < 3 ? "8 1" : "8 3 1");
		spool_close(s);
		path_of(2, path);
		unlink(path);
		path_of(1, path);
		unlink(path);
	}
	free(data);
}

/* Whatever bit flips: no crash, nothing invented, and only what the bit belongs to is lost. */
static void every_bit_may_flip(void **state)
{
	(void)state;
	char path[128], header[SPOOL_HEADER_MAX];
	size_t size_bytes, header_bytes = spool_header(header, PROBE);
	char *data = three(&size_bytes, path);
	const size_t record = SPOOL_RECORD_HEAD + 4;
	for (size_t bit = 0; bit < size_bytes * 8; bit++) {
		size_t byte = bit / 8,
		       in = byte < header_bytes ? 0 : (byte - header_bytes) / record,
		       at = byte < header_bytes ? 0 : (byte - header_bytes) % record;
		data[byte] ^= (char)(1 << bit % 8);
		write_file(path, data, size_bytes);
		struct spool *s = open_it();
		if (byte < header_bytes)
			expect_taken(s, "");
		else if (at == SPOOL_STATE_AT)
			expect_taken(s, in == 1 ? "3 2 1" : "3 1"); /* sent again, dropped there */
		else if (at >= 4)
			expect_taken(s, in == 0 ? "3" : in == 1 ? "3 1" : "1");
		if (byte >= header_bytes && at >= 4)
			assert_int_equal(spool_dropped(s), at != SPOOL_STATE_AT && in != 1);
		if (byte >= header_bytes &&
			at < 4) { /* a length: what follows it cannot be found */
			struct spool_place place;
			for (int n; (n = take(s, &place));)
				assert_true(n == 1 || n == 3);
		}
		spool_close(s);
		data[byte] ^= (char)(1 << bit % 8);
	}
	free(data);
}

static void what_the_disk_does_not_give_back_is_counted(void **state)
{
	(void)state;
	char path[128];
	struct spool *s = open_it();
	append_released(s, 1, 3);
	path_of(1, path);
	assert_int_equal(truncate(path, 60), 0); /* behind our back */
	struct spool_place place;
	while (take(s, &place))
		;
	assert_true(spool_dropped(s) >= 1);
	spool_close(s);
}

static void strangers_are_left_alone(void **state)
{
	(void)state;
	static const char *const names[] = {"README", "1.spool", "000000000000000G.spool",
		"0000000000000000.spool", "ffffffffffffffff.spool", "0000000000000002.spool",
		"0000000000000005.spool.bak"};
	char path[256], outside[128];
	struct spool *s = open_it();
	append_released(s, 1, 1);
	spool_close(s);
	path_of(1, path);
	snprintf(outside, sizeof outside, "%s/outside", dir);
	assert_int_equal(rename(path, outside), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		write_file(path, "a diary", 7);
	}
	snprintf(path, sizeof path, "%s/%s", folder, "0000000000000003.spool");
	assert_int_equal(symlink(outside, path), 0);
	snprintf(path, sizeof path, "%s/%s", folder, "0000000000000004.spool");
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/%s", folder, "0000000000000005.spool");
	assert_int_equal(mkfifo(path, 0600), 0);
	s = open_it();
	assert_int_equal(spool_waiting(s), 0);
	append_released(s, 6, 1);
	expect_taken(s, "6");
	spool_close(s);
	assert_int_equal(count_files(), (int)ARRAY_LEN(names) + 4);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t size_bytes;
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		char *data = read_file(path, &size_bytes);
		assert_string_equal(data, "a diary");
		free(data);
	}
}

/* ---- where it cannot be */

static void a_folder_in_use_is_refused(void **state)
{
	(void)state;
	struct spool_place place;
	struct spool *first = open_it(), *second = open_it();
	assert_null(spool_error(first));
	assert_non_null(strstr(spool_error(second), "another probe"));
	assert_int_equal(append_sized(second, 1, 1, &place, 4), -1);
	append_released(first, 1, 1);
	spool_close(first);
	assert_int_equal(append_sized(second, 2, 1, &place, 4), 0); /* it is free now */
	assert_null(spool_error(second));
	expect_taken(second, "1");
	spool_close(second);
}

static void a_folder_that_cannot_be_is_no_error_of_the_probe(void **state)
{
	(void)state;
	struct spool_place place;
	write_file(folder, "a file", 6);
	struct spool *s = open_it();
	assert_non_null(strstr(spool_error(s), folder));
	assert_int_equal(append_sized(s, 1, 1, &place, 4), -1);
	assert_int_equal(unlink(folder), 0);
	append_released(s, 1, 1); /* tried again */
	assert_null(spool_error(s));
	spool_close(s);
	s = spool_open("/nonexistent/quorate", PROBE, MAX);
	assert_non_null(spool_error(s));
	spool_close(s);
}

/* In a process of its own, as an ordinary user where we are root: root may read everything. */
static void an_unreadable_folder_is_no_error_of_the_probe(void **state)
{
	(void)state;
	struct spool *s = open_it();
	append_released(s, 1, 1);
	spool_close(s);
	assert_int_equal(chmod(dir, 0755), 0);
	pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(3);
		if (geteuid() != 65534)
			(void)chmod(folder, 0);
		s = spool_open(dir, PROBE, MAX);
		bool told = spool_error(s) && spool_waiting(s) == 0;
		spool_close(s);
		_exit(told ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	(void)chmod(folder, 0700);
}

/* On a small tmpfs that only this child sees: 0 passed, 2 not possible here. */
static int on_a_full_disk(void)
{
	struct spool_place place[64];
	int n = 0;
	if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0700"))
		return 2;
	struct spool *s = open_it();
	while (append_sized(s, n + 1, 8, place, 1000) == 0) {
		n += 8;
		for (int i = 0; i < 8; i++)
			assert_true(spool_release(s, &place[i]));
		assert_true(n < 1000);
	}
	assert_true(n > 100);
	assert_non_null(strstr(spool_error(s), "No space left"));
	assert_int_equal(spool_waiting(s), n); /* what was written is there, whole */
	assert_int_equal(bytes_on_disk(), spool_size_bytes(s));
	assert_int_equal(append_sized(s, n + 1, 8, place, 1000), -1);
	for (int i = n; i > 0; i--) {
		assert_int_equal(take(s, &place[0]), i);
		spool_done(s, &place[0]); /* marks need no room, and make some */
	}
	assert_int_equal(spool_size_bytes(s), 0);
	assert_int_equal(append_sized(s, n + 1, 8, place, 1000), 0);
	assert_null(spool_error(s));
	assert_int_equal(spool_dropped(s), 0);
	spool_close(s);
	s = open_it();
	assert_int_equal(spool_waiting(s), 8);
	spool_close(s);
	return 0;
}

static void a_full_disk_takes_nothing_half(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(on_a_full_disk());
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_comes_back_first),
		TEST(what_is_done_never_comes_back),
		TEST(a_file_goes_when_all_of_it_is_done),
		TEST(a_restart_continues),
		TEST(files_and_folder_are_private),
		TEST(the_oldest_segment_goes_at_the_bound),
		TEST(too_much_at_once_is_refused),
		TEST(a_torn_tail_is_cut_at_every_byte),
		TEST(every_bit_may_flip),
		TEST(what_the_disk_does_not_give_back_is_counted),
		TEST(strangers_are_left_alone),
		TEST(a_folder_in_use_is_refused),
		TEST(a_folder_that_cannot_be_is_no_error_of_the_probe),
		TEST(an_unreadable_folder_is_no_error_of_the_probe),
		TEST(a_full_disk_takes_nothing_half),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
