// SPDX-License-Identifier: MIT
/* quorate: the command line of the coordinator. Everything is in cli.c, so that tests can run it in
 * their process. */
#include "coordinator/cli/cli.h"

#include <curl/curl.h>
#include <locale.h>

int main(int argc, char **argv)
{
	int status;

	setlocale(LC_CTYPE,
		"C.UTF-8"); /* the width of characters; nothing else of the locale is used */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = cli_main(argc, argv, stdout, stderr);
	if (fflush(stdout) == EOF && status == CLI_OK)
		status = CLI_FAILED;
	curl_global_cleanup();
	return status;
}
