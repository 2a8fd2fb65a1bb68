#include "persist/check_repair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/crc64.h"
#include "core/folder.h"
#include "core/rdb_format.h"
#include "persist/check.h"
#include "persist/check_aof.h"
#include "persist/check_file.h"
#include "persist/check_rdb.h"

/* A file that was not there, to which bytes are appended. What goes wrong has been said. */
struct fresh_file {
    struct check *check;
    char path[PATH_MAX];
    int descriptor;
};

static bool create(struct fresh_file *fresh, struct check *check)
{
    fresh->check = check;
    fresh->descriptor = open(fresh->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fresh->descriptor < 0)
        check_failure(check, fresh->path);
    return fresh->descriptor >= 0;
}

/* failed: the path of what has, as errno says; NULL: nothing. Whether the file is there, and stays. */
static bool finish(struct fresh_file *fresh, const char *failed)
{
    if (!failed && (fsync(fresh->descriptor) < 0 || !folder_sync(fresh->path)))
        failed = fresh->path;
    if (failed) {
        check_failure(fresh->check, failed);
        unlink(fresh->path);
    }
    close(fresh->descriptor);
    return !failed;
}

/* AOF */

static bool keep_aside(struct check *check, const struct check_file *file, const struct check_aof *aof,
                       struct fresh_file *aside)
{
    return create(aside, check) &&
           finish(aside, check_file_copy(file, aof->sound, file->size, aside->descriptor, aside->path, NULL, NULL));
}

static bool shorten(struct check *check, const char *path, uint64_t bytes)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    bool is_done = descriptor >= 0 && ftruncate(descriptor, (off_t)bytes) == 0 && fsync(descriptor) == 0;

    if (!is_done)
        check_failure(check, path);
    if (descriptor >= 0)
        close(descriptor);
    return is_done;
}

bool check_repair_aof(struct check *check, const struct check_file *file, const struct check_aof *aof)
{
    struct fresh_file aside;
    uint64_t commands;

    snprintf(aside.path, sizeof aside.path, "%s.cut-%lld", file->path, (long long)time(NULL));
    if (!check_aof_count(check, file, aof->sound, &commands))
        return false;
    uint64_t bytes = file->size - aof->sound;
    if (!check_confirm(check,
                       "%s: this cuts the file from %llu bytes to %llu. The %llu byte%s behind that, with %llu whole "
                       "command%s, as far as can be made out, will be in %s.",
                       file->path, (unsigned long long)file->size, (unsigned long long)aof->sound,
                       (unsigned long long)bytes, check_plural(bytes), (unsigned long long)commands,
                       check_plural(commands), aside.path))
        return false;
    if (!keep_aside(check, file, aof, &aside) || !shorten(check, file->path, aof->sound))
        return false;
    check_note(check, "%s: cut to %llu bytes", file->path, (unsigned long long)aof->sound);
    return true;
}

/* RDB */

static void add_checksum(void *context, struct str bytes)
{
    uint64_t *checksum = context;

    *checksum = crc64(*checksum, bytes);
}

/* All that is sound, an end and a checksum. As check_file_copy. */
static const char *write_sound(const struct check_file *file, const struct check_rdb *rdb, struct fresh_file *repaired)
{
    const struct check_range *unsound = (const struct check_range *)rdb->unsound.bytes;
    size_t count = rdb->unsound.length / sizeof *unsound;
    uint64_t from = 0, checksum = 0;
    const char *failed = NULL, end = (char)RDB_END;

    for (size_t i = 0; i <= count && !failed; i++) {
        uint64_t to = i < count ? unsound[i].from : rdb->sound;

        failed = check_file_copy(file, from, to, repaired->descriptor, repaired->path, add_checksum, &checksum);
        from = i < count ? unsound[i].to : to;
    }
    if (failed)
        return failed;
    add_checksum(&checksum, (struct str){&end, 1});
    bool is_written = check_file_write(repaired->descriptor, (struct str){&end, 1}) &&
                      check_file_write(repaired->descriptor, (struct str){(char *)&checksum, sizeof checksum});
    return is_written ? NULL : repaired->path;
}

void check_repair_rdb(struct check *check, const struct check_file *file, const struct check_rdb *rdb)
{
    struct fresh_file repaired;

    if (rdb->version == 0)
        return;
    snprintf(repaired.path, sizeof repaired.path, "%s.repaired", file->path);
    if (!check_confirm(check, "%s: this writes the %llu key%s that can be read to %s.", file->path,
                       (unsigned long long)rdb->keys, check_plural(rdb->keys), repaired.path))
        return;
    if (create(&repaired, check) && finish(&repaired, write_sound(file, rdb, &repaired)))
        check_note(check, "%s: written", repaired.path);
}
