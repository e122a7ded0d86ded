// SPDX-License-Identifier: MIT
/* The table of commands. Dispatch and help are made from it, and the man page is checked against
 * it. */
#include "coordinator/cli/cli.h"

#include <stddef.h>

const struct cli_option global_options[] = {
	{"output", 'o', "FORM", "table (for people) or json (the API's document)"},
	{"url", 0, "URL",
		"the coordinator: http://, https:// or unix:/path; default: QUORATE_URL, else this "
		"machine's"},
	{"key-file", 0, "FILE",
		"the API key is in FILE; default: QUORATE_API_KEY, else QUORATE_API_KEY_FILE, else "
		"the "
		"coordinator's admin.key on this machine"},
	{"help", 'h', NULL, "show help and end"},
	{"version", 0, NULL, "show the version and end"},
	{0},
};

static const struct cli_option apply_options[] = {
	{"file", 'f', "FILE", "a file of monitors; may be repeated; - is standard input"},
	{"dry-run", 'n', NULL, "show what would change, and change nothing"},
	{0},
};

static const struct cli_option rehearse_options[] = {
	{"policy", 'p', "FILE", "the policy; default: the monitor's own, as it is now"},
	{"from", 0, "TIME", "a time, or how long ago, such as 7d, which is the default"},
	{"to", 0, "TIME", "the same; default: now"},
	{0},
};

static const struct cli_option monitor_show_options[] = {
	{"effective", 0, NULL, "with every default that applies"},
	{0},
};

static const struct cli_option monitor_pause_options[] = {
	{"for", 0, "DURATION", "how long, for example 2h; default: until it is resumed"},
	{"reason", 0, "TEXT", "what for"},
	{0},
};

static const struct cli_option probe_add_options[] = {
	{"region", 0, "REGION", "the registered region that it stands in"},
	{"provider", 0, "TEXT", "whose network it is in; default: its region's"},
	{"org", 0, "ORG", "private: it serves this organization only, for good; default: shared"},
	{"valid", 0, "DURATION", "how long the join string is good; default 1h"},
	{"save", 0, "FILE",
		"write the join string, or the token, to the new FILE (0600) instead of showing "
		"it"},
	{0},
};

static const struct cli_option probe_token_options[] = {
	{"valid", 0, "DURATION", "how long the join string is good; default 1h"},
	{"save", 0, "FILE",
		"write the join string, or the token, to the new FILE (0600) instead of showing "
		"it"},
	{0},
};

static const struct cli_option region_add_options[] = {
	{"title", 0, "TEXT", "its name for people: Tokyo"},
	{"provider", 0, "TEXT", "whose network it is in: the default for its probes"},
	{"org", 0, "ORG",
		"private: for this organization only, and never meant by *; default: shared"},
	{"set", 0, "NAME", "a set that it belongs to: monitors write @NAME; may be repeated"},
	{0},
};

static const struct cli_option door_rotate_options[] = {
	{"force", 0, NULL, "even if probes that do not know the next key have to join anew"},
	{0},
};

static const struct cli_option alert_list_options[] = {
	{"state", 0, "STATE", "open or closed; default: both"},
	{"kind", 0, "KIND",
		"only alerts of this kind: down, slow, certificate, loss, value, failures, "
		"regional, undetermined, flapping, "
		"probe"},
	{"monitor", 0, "MONITOR", "only alerts of this monitor: its id, external_id or name"},
	{"limit", 0, "N", "at most this many, the newest; default 50"},
	{0},
};

static const struct cli_option alert_follow_options[] = {
	{"after", 0, "ID", "begin after the event with this id instead of now; 0: with the oldest"},
	{"count", 0, "N", "end after N events"},
	{0},
};

static const struct cli_option alert_note_options[] = {
	{"comment", 0, "TEXT", "what whoever looks at it next should know"},
	{0},
};

static const struct cli_option key_add_options[] = {
	{"role", 0, "ROLE",
		"viewer (reads; the default), editor (changes monitors and regions, acts on "
		"alerts) or admin "
		"(everything)"},
	{"org", 0, "ORG", "for this organization only: viewer or editor; default: for all"},
	{"save", 0, "FILE", "write the key to the new FILE (0600) instead of showing it"},
	{0},
};

static const struct cli_option explain_options[] = {
	{"audience", 0, "AUDIENCE",
		"operator (the default) or customer: without names of probes, people and other "
		"tenants"},
	{"lang", 0, "LANG", "en (the default) or ja: the sentences of the reasons"},
	{0},
};

static const struct cli_option status_options[] = {
	{"exit-code", 0, NULL, "end with status 3 when a monitor is down"},
	{0},
};

#define MAINTENANCE_SCOPE                                                                          \
	{"service", 0, "SERVICE", "the monitors of this service; may be repeated"},                \
		{"label", 0, "NAME=VALUE",                                                         \
			"the monitors with this label; of several: with all of them"},             \
		{"org", 0, "ORG", "all monitors of this organization"},                            \
	{                                                                                          \
		"reason", 0, "TEXT", "what for"                                                    \
	}

static const struct cli_option maintenance_add_options[] = {
	MAINTENANCE_SCOPE,
	{"from", 0, "TIME", "when it begins: 2026-12-24T02:00:00Z; with --every: not earlier"},
	{"to", 0, "TIME", "when it ends; with --every: no window begins then or later"},
	{"for", 0, "DURATION", "or how long it is, for example 2h"},
	{"every", 0, "DAYS",
		"again and again: day, monday, ... sunday, days of the month 1 to 31 or last, "
		"first-sunday, ... "
		"last-friday; several with commas"},
	{"at", 0, "HH:MM", "with --every: the time of the day"},
	{"zone", 0, "ZONE", "with --every: the time zone of that time: Asia/Tokyo; default UTC"},
	{0},
};

static const struct cli_option maintenance_start_options[] = {
	MAINTENANCE_SCOPE,
	{"for", 0, "DURATION", "how long it is, for example 2h"},
	{"to", 0, "TIME", "or when it ends: 2026-12-24T02:00:00Z"},
	{0},
};

const struct command commands[] = {
	{"status", NULL, NULL, 0, 0, status_options, command_status,
		"How the monitors and the probes are", NULL},
	{"explain", NULL, "MONITOR|CASE", 1, 1, explain_options, command_explain,
		"Why a monitor is in its state, or why an alert opened and closed",
		"Of a monitor: every vote with its age and its fate, the rule, the decision, what "
		"would change it, and what is held back until when.\n"
		"Of an alert, also one that is long closed: the votes with which it opened, "
		"changed "
		"and closed, and what happened in between."},
	{"rehearse", NULL, "MONITOR...", 1, ARGS_MAX, rehearse_options, command_rehearse,
		"Which alerts another policy would have raised, on the results that are stored",
		"FILE has quorum, alert or expect.failures as a monitor has them; what it does not "
		"say is the monitor's own. Nothing is changed.\n"
		"REALLY is the case of the alert that was open then; confirmation rounds are those "
		"that were run: where a policy would have asked for others, scheduled checks "
		"decide."},
	{"apply", NULL, "-f FILE...", 0, ARGS_MAX, apply_options, command_apply,
		"Register the monitors of files; show what changes",
		"All files together are one change: everything is applied, or nothing. Monitors "
		"that are not in the files stay.\n"
		"Lines begin with + (created), ~ (updated) or = (unchanged)."},
	{"monitor", "add", "NAME", 0, 1, monitor_add_options, command_monitor_add,
		"Register a monitor",
		"  quorate monitor add 'shop front' --http https://shop.example.com/ --interval "
		"30s --contains 'Add to cart'\n"
		"  quorate monitor add database --tcp db.example.com:5432 --closed\n"
		"  quorate monitor add 'mail certificate' --tls mail.example.com:587 --starttls "
		"smtp\n"
		"  quorate monitor add -f monitor.yml\n\n"
		"A command line can be read by others on this machine: a credential is kept by "
		"'quorate secret set', and named here:\n"
		"  quorate monitor add shop --http https://shop.example.com/ --header-secret "
		"'Authorization: shop-token'"},
	{"monitor", "list", NULL, 0, 0, NULL, command_monitor_list, "All monitors and their states",
		NULL},
	{"monitor", "show", "MONITOR", 1, 1, monitor_show_options, command_monitor_show,
		"One monitor", NULL},
	{"monitor", "pause", "MONITOR", 1, 1, monitor_pause_options, command_monitor_pause,
		"Stop checking a monitor, for a while or until it is resumed",
		"Its open alerts are closed. Applying its file again does not end the pause; a "
		"restart does not, either."},
	{"monitor", "resume", "MONITOR", 1, 1, NULL, command_monitor_resume,
		"Check a paused monitor again", NULL},
	{"monitor", "delete", "MONITOR", 1, 1, NULL, command_monitor_delete, "Delete a monitor",
		NULL},
	{"maintenance", "start", "[MONITOR...]", 0, ARGS_MAX, maintenance_start_options,
		command_maintenance_start, "Begin maintenance now: no alert opens before it ends",
		"  quorate maintenance start shop --for 2h --reason 'new database'\n"
		"  quorate maintenance start --label team=web --for 30m\n\n"
		"It is checked as ever, and what was open before closes. When it ends each monitor "
		"is looked at again first;\n"
		"what is wrong then is told."},
	{"maintenance", "add", "[MONITOR...]", 0, ARGS_MAX, maintenance_add_options,
		command_maintenance_add, "Plan maintenance, once or again and again",
		"  quorate maintenance add shop --from 2026-12-24T02:00:00+09:00 --for 2h\n"
		"  quorate maintenance add --service checkout --every monday,thursday --at 02:00 "
		"--zone Asia/Tokyo --for 2h\n"
		"  quorate maintenance add --org acme --every second-tuesday --at 18:00 "
		"--for 6h\n\n"
		"A window is as long as it says when clocks change within it; a time that they "
		"skip is the first after it, and of\n"
		"one that comes twice the first is meant."},
	{"maintenance", "end", "ID", 1, 1, NULL, command_maintenance_end,
		"End the window that is under way",
		"ID, or the monitor that it is about alone. The monitors are looked at, and what "
		"is wrong is told."},
	{"maintenance", "list", NULL, 0, 0, NULL, command_maintenance_list,
		"All maintenances, with the window under way or the next one", NULL},
	{"maintenance", "remove", "ID", 1, 1, NULL, command_maintenance_remove,
		"Remove a maintenance with all its windows", NULL},
	{"alert", "list", NULL, 0, 0, alert_list_options, command_alert_list,
		"Alerts, the newest first", NULL},
	{"alert", "show", "CASE", 1, 1, NULL, command_alert_show, "One alert with its evidence",
		NULL},
	{"alert", "ack", "CASE", 1, 1, alert_note_options, command_alert_ack,
		"Say that you are at it; the channels are told, once",
		"Who did it is the name of the API key. Nothing else changes: the quorum closes it "
		"when it is over."},
	{"alert", "comment", "CASE TEXT", 2, 2, NULL, command_alert_comment,
		"Leave a comment at an alert; the channels get it", NULL},
	{"alert", "close", "CASE", 1, 1, alert_note_options, command_alert_close,
		"Close an alert by hand, while its cause lasts",
		"The next one opens when the cause ended and came back, or got worse: a monitor "
		"that is down has to be up once. Until then\n"
		"'quorate alert reopen' takes it back."},
	{"alert", "reopen", "CASE", 1, 1, alert_note_options, command_alert_reopen,
		"Take back a close by hand, or an acknowledgement",
		"Refused once the cause has ended: a new alert opens when it comes back."},
	{"alert", "follow", NULL, 0, 0, alert_follow_options, command_alert_follow,
		"Alerts as they happen, a line each",
		"Reconnects by itself and misses nothing. With -o json each line is one event as "
		"JSON."},
	{"probe", "add", "NAME", 1, 1, probe_add_options, command_probe_add,
		"Register a probe and get the line with which it joins",
		"A coordinator without a door gives a token instead, to be put into the probe's "
		"token_file."},
	{"probe", "list", NULL, 0, 0, NULL, command_probe_list, "All probes and how they are",
		NULL},
	{"probe", "show", "PROBE", 1, 1, NULL, command_probe_show,
		"One probe: how it is doing, and what its machine and its file allow", NULL},
	{"probe", "token", "PROBE", 1, 1, probe_token_options, command_probe_token,
		"Let a probe join anew; the old token and its session end", NULL},
	{"probe", "revoke", "PROBE", 1, 1, NULL, command_probe_revoke,
		"Shut a probe out at once; its votes count no more, and it stays registered",
		"'quorate probe token PROBE' prints a line with which it may join anew."},
	{"probe", "drain", "PROBE", 1, 1, NULL, command_probe_drain,
		"Take a probe out of service; others get its seats at once", NULL},
	{"probe", "undrain", "PROBE", 1, 1, NULL, command_probe_undrain,
		"Put a drained probe back into service", NULL},
	{"probe", "remove", "PROBE", 1, 1, NULL, command_probe_remove,
		"Remove a probe; its token ends", NULL},
	{"door", "show", NULL, 0, 0, NULL, command_door_show,
		"The keys that probes pin, now and next, and who does not know the next one", NULL},
	{"door", "rotate", NULL, 0, 0, door_rotate_options, command_door_rotate,
		"Change the door to its next key; probes that know it stay in",
		"Refused while probes that joined do not know the next key yet."},
	{"region", "add", "NAME", 1, 1, region_add_options, command_region_add, "Register a region",
		NULL},
	{"region", "list", NULL, 0, 0, NULL, command_region_list, "All regions", NULL},
	{"region", "remove", "REGION", 1, 1, NULL, command_region_remove,
		"Remove a region that nothing uses", NULL},
	{"secret", "set", "NAME", 1, 2, NULL, command_secret_set,
		"Keep a value that monitors name, or change it; read from standard input",
		"  quorate secret set shop-token <FILE\n\n"
		"A monitor names it where a credential stands: request: {headers: {Authorization: "
		"{secret: shop-token}}}.\n"
		"The value is the whole of what is sent there, \"Bearer \" included; a newline at "
		"its end is left out. It goes to\n"
		"the probes that vote on such monitors, and is never shown again."},
	{"secret", "list", NULL, 0, 0, NULL, command_secret_list,
		"All secrets, without their values, and how many monitors use them", NULL},
	{"secret", "remove", "NAME", 1, 1, NULL, command_secret_remove,
		"Remove a secret that no monitor uses", NULL},
	{"key", "add", "NAME", 1, 1, key_add_options, command_key_add, "Make an API key", NULL},
	{"key", "list", NULL, 0, 0, NULL, command_key_list, "All API keys, without their secrets",
		NULL},
	{"key", "remove", "KEY", 1, 1, NULL, command_key_remove,
		"Remove an API key by its id or name", NULL},
	{"help", NULL, "[COMMAND]", 0, 2, NULL, command_help, "This list, or more about a command",
		NULL},
	{0},
};
