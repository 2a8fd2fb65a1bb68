/* shoal-check: whether RDB files and AOFs are sound, and what can be saved of those that are not. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/command.h"
#include "core/keyspace.h"
#include "core/number.h"
#include "persist/aof_manifest.h"
#include "persist/check.h"
#include "persist/check_aof.h"
#include "persist/check_file.h"
#include "persist/check_rdb.h"
#include "persist/check_repair.h"
#include "persist/file_window.h"

enum { EXIT_SOUND = 0, EXIT_PROBLEMS = 1, EXIT_FAILED = 2 };

static const char manifest_suffix[] = ".manifest";

static void print_usage(FILE *to)
{
    fputs("Usage: shoal-check [--repair] [--truncate-to-timestamp SECONDS] [--yes] [--quiet] PATH...\n"
          "\n"
          "Checks RDB files, AOFs (by their folder or their manifest) and single files of an AOF, of Shoal or Redis:\n"
          "each record, value, command, group and checksum.\n"
          "\n"
          "  --repair   with the server stopped: cuts a file of an AOF to what is sound, and keeps what is cut in\n"
          "             FILE.cut-SECONDS; writes the keys of an RDB file that can be read to FILE.repaired\n"
          "  --truncate-to-timestamp SECONDS\n"
          "             with the server stopped: cuts files of an AOF where they say that it is later than that Unix\n"
          "             time (aof-timestamp-enabled); likewise\n"
          "  --yes      does so without asking\n"
          "  --quiet    says only what is wrong\n"
          "\n"
          "Exit status: 0 all is sound, or is now; 1 there are problems; 2 something can't be read or written.\n",
          to);
}

/* Files */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* uncut: why it is not to be cut, NULL: it may be. */
static void check_commands(struct check *check, const struct check_file *file, uint64_t from, const char *uncut)
{
    struct check_aof aof;

    if (!check_aof_read(&aof, check, file, from))
        return;
    check_end_file(check);
    check_aof_report(&aof, check, file);
    if (!aof.is_cut || !(check->repairs || aof.is_late))
        return;
    if (uncut && aof.is_late) {
        check_problem(check, "%s: is later than wanted from byte %llu on, and is not cut, as %s", file->path,
                      (unsigned long long)aof.sound, uncut);
    } else if (uncut) {
        check_note(check, "%s: is not cut, as %s", file->path, uncut);
    } else if (check_repair_aof(check, file, &aof)) {
        check->problems = aof.problems;
        check->has_mended = true;
    }
}

static void check_keys(struct check *check, const struct check_file *file, const char *uncut)
{
    struct check_rdb rdb;
    bool is_read = check_rdb_read(&rdb, check, file), has_more = is_read && rdb.is_whole && rdb.end < file->end;

    if (has_more && !rdb.is_before_aof)
        check_problem(check, "%s, byte %llu: the file goes on behind its end", file->path, (unsigned long long)rdb.end);
    check_end_file(check);
    if (is_read)
        check_rdb_report(&rdb, check, file->path);
    if (is_read && check->repairs && !check_file_is_sound(check))
        check_repair_rdb(check, file, &rdb);
    check_begin_file(check);
    if (has_more && rdb.is_before_aof)
        check_commands(check, file, rdb.end, uncut);
    check_rdb_deinit(&rdb);
}

static void check_one(struct check *check, const char *path, uint64_t end, const char *uncut)
{
    struct check_file file;

    check_begin_file(check);
    if (!check_file_open(&file, check, path, end))
        return;
    if (end != AOF_FILE_WHOLE && end > file.size)
        check_problem(check, "%s: it has %llu bytes, and the manifest says that %llu are sound", path,
                      (unsigned long long)file.size, (unsigned long long)end);
    if (ends_with(path, ".rdb") || check_file_begins(&file, STR("REDIS")))
        check_keys(check, &file, uncut);
    else
        check_commands(check, &file, 0, uncut);
    check_file_close(&file);
}

/* Manifests */

static bool read_text(struct check *check, const char *path, struct buffer *text)
{
    struct file_window window;
    struct check_file file;
    bool is_read = true;

    if (!check_file_open(&file, check, path, AOF_FILE_WHOLE))
        return false;
    file_window_init(&window, &check->memory, file.end);
    while (is_read && file_window_to_come(&window) > 0)
        is_read = check_file_feed(&file, check, &window);
    buffer_append_str(text, file_window_rest(&window));
    file_window_deinit(&window);
    check_file_close(&file);
    return is_read;
}

static void path_beside(char path[static PATH_MAX], const char *manifest, const char *name)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof copy, "%s", manifest);
    snprintf(path, PATH_MAX, "%s/%s", dirname(copy), name);
}

static bool follows(const struct aof_file *later, const struct aof_file *file)
{
    bool is_later = file->type == AOF_FILE_BASE || later->sequence > file->sequence;
    bool is_of_shard = later->shard == file->shard || later->shard < 0 || file->shard < 0;

    return later->type == AOF_FILE_INCREMENTAL && later != file && is_later && is_of_shard;
}

/* Why the file is not to be cut. NULL: what happened after its end is in no other. */
static const char *why_uncut(const struct aof_manifest *manifest, const struct aof_file *file,
                             const char *manifest_path)
{
    char path[PATH_MAX];
    struct stat about;

    if (file->end != AOF_FILE_WHOLE)
        return "the manifest says how much of it is sound";
    for (size_t i = 0; i < manifest->count; i++) {
        path_beside(path, manifest_path, manifest->files[i].name);
        if (follows(&manifest->files[i], file) && stat(path, &about) == 0 && about.st_size > 0)
            return "another file follows it";
    }
    return NULL;
}

static void check_files(struct check *check, const struct aof_manifest *manifest, const char *manifest_path)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct aof_file *file = &manifest->files[i];
        char path[PATH_MAX];

        path_beside(path, manifest_path, file->name);
        if (file->type == AOF_FILE_HISTORY)
            check_note(check, "%s: history, which nobody needs any more", path);
        else if (access(path, F_OK) < 0 && errno == ENOENT)
            check_problem(check, "%s: the manifest names it, but there is no such file", path);
        else
            check_one(check, path, file->end, why_uncut(manifest, file, manifest_path));
    }
}

static void check_manifest(struct check *check, const char *path)
{
    struct aof_manifest manifest;
    struct buffer text;
    char error[PATH_MAX + 100];

    buffer_init(&text, &check->memory, NULL, 0);
    aof_manifest_init(&manifest, &check->memory);
    check_begin_file(check);
    if (read_text(check, path, &text)) {
        if (aof_manifest_parse(&manifest, path, buffer_str(&text), error, sizeof error))
            check_files(check, &manifest, path);
        else
            check_problem(check, "%s", error);
    }
    aof_manifest_deinit(&manifest);
    buffer_deinit(&text);
}

/* Folders */

/* The folder's only manifest. False: there is none, or there are several, which has been said. */
static bool find_manifest(struct check *check, const char *folder, char found[static PATH_MAX])
{
    DIR *open_folder = opendir(folder);
    int count = 0;

    if (!open_folder) {
        check_failure(check, folder);
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;)
        if (ends_with(entry->d_name, manifest_suffix) && count++ == 0)
            snprintf(found, PATH_MAX, "%s/%s", folder, entry->d_name);
    closedir(open_folder);
    if (count == 1)
        return true;
    check->has_failed = true;
    fprintf(stderr, "%s: %s\n", folder, count == 0 ? "there is no manifest in it" : "which of its manifests is meant?");
    return false;
}

static void check_path(struct check *check, const char *path)
{
    char manifest[PATH_MAX];
    struct stat about;

    if (stat(path, &about) < 0) {
        check_failure(check, path);
    } else if (S_ISDIR(about.st_mode)) {
        if (find_manifest(check, path, manifest))
            check_manifest(check, manifest);
    } else if (ends_with(path, manifest_suffix)) {
        check_manifest(check, path);
    } else {
        check_one(check, path, AOF_FILE_WHOLE, NULL);
    }
}

/* Options */

static const struct option options[] = {
    {"repair", no_argument, NULL, 'r'}, {"truncate-to-timestamp", required_argument, NULL, 't'},
    {"yes", no_argument, NULL, 'y'},    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},   {NULL, no_argument, NULL, 0},
};

static bool take_time(struct check *check, const char *text)
{
    return number_parse_integer(str_from(text), &check->until_s) && check->until_s >= 0;
}

/* The paths begin at optind. False: the usage is to be shown. */
static bool take_options(struct check *check, int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            print_usage(stdout);
            exit(EXIT_SOUND);
        }
        check->repairs |= option == 'r';
        check->assents |= option == 'y';
        check->is_quiet |= option == 'q';
        if (option == '?' || (option == 't' && !take_time(check, optarg)))
            return false;
    }
    return optind < argc && (check->repairs || check->until_s < INT64_MAX || !check->assents);
}

static void seed_hashes(void)
{
    uint8_t secret[32];

    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        abort();
    keyspace_hash_seed(secret);
}

static int conclude(struct check *check)
{
    check_hide_progress(check);
    if (check->problems > 0)
        check_note(check, "%d problem%s", check->problems, check_plural((uint64_t)check->problems));
    else if (!check->has_failed)
        check_note(check, check->has_mended ? "all is sound now" : "all is sound");
    return check->has_failed ? EXIT_FAILED : check->problems > 0 ? EXIT_PROBLEMS : EXIT_SOUND;
}

int main(int argc, char **argv)
{
    int status = EXIT_FAILED;
    struct check check;

    check_init(&check);
    if (take_options(&check, argc, argv)) {
        command_table_init();
        seed_hashes();
        for (int i = optind; i < argc; i++)
            check_path(&check, argv[i]);
        status = conclude(&check);
    } else {
        print_usage(stderr);
    }
    check_deinit(&check);
    return status;
}
