#include "core/client_line.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/command_run.h"

Test(client_line, the_log_gets_one_line)
{
    char path[] = "/tmp/shoal_client_line_XXXXXX", text[2048] = "";
    struct command_run run;
    int file = mkstemp(path);

    command_run_init(&run, 1);
    cr_assert(file >= 0 && log_open(path));
    client_line_log(LOG_WARNING, "Evicting client", &run.session, &run.memory, run.now_ms);
    cr_assert_gt(read(file, text, sizeof text - 1), 0);
    cr_assert_not_null(strstr(text, " # Evicting client: id="), "%s", text);
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
    close(file);
    unlink(path);
    command_run_deinit(&run);
}
