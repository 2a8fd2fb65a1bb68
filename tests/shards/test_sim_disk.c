/* The simulator's disk keeps what was synced, and of the rest whatever it likes. Both have to be true,
 * or what the simulator says of a crash is worth nothing. */
#include "tests/sim/sim_disk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/sim/dice.h"

enum { ROUNDS = 3000 };

static struct sim_disk disks[2], *disk = &disks[0];
static struct sim_disk_queue queue;
static struct dice dice;
static struct loop loop;

static void start_operation(struct loop *unused, struct completion *completion)
{
    sim_disk_start(&queue, completion);
}

static const struct loop_operations operations = {.name = "disk alone", .file = start_operation};

static void begin(void)
{
    const char *given = getenv("SEED");

    dice.state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)dice.state);
    fflush(stdout);
    loop.operations = &operations;
    sim_disk_init(disk);
    sim_disk_queue_init(&queue, disk);
}

static void end(void)
{
    sim_disk_deinit(disk);
}

TestSuite(sim_disk, .init = begin, .fini = end);

static void start_again(void)
{
    sim_disk_deinit(disk);
    sim_disk_init(disk);
    sim_disk_queue_init(&queue, disk);
}

/* The disk is what is left from now on. */
static void crash(bool rots)
{
    struct sim_disk *left = disk == &disks[0] ? &disks[1] : &disks[0];

    sim_disk_crash(disk, left, &dice, rots);
    while (queue.count > 0)
        sim_disk_step(&queue, &dice);
    sim_disk_deinit(disk);
    disk = left;
    sim_disk_queue_init(&queue, disk);
}

/* --- One operation, and its result --- */

static void done(struct completion *completion)
{
    cr_assert_eq(completion->operation, LOOP_IDLE);
}

static void finish_all(void)
{
    while (queue.count > 0)
        sim_disk_step(&queue, &dice);
    while (queue.finished.first)
        sim_disk_deliver(&queue, &dice);
}

static int open_file(const char *path, int flags)
{
    struct completion completion = {.done = done};

    loop_file_open(&loop, &completion, path, flags, 0600);
    finish_all();
    return completion.result;
}

static int write_at(int fd, const char *text, size_t offset)
{
    struct completion completion = {.done = done};
    struct iovec vectors[2] = {{(char *)text, strlen(text) / 2}, {(char *)text + strlen(text) / 2, 0}};

    vectors[1].iov_len = strlen(text) - vectors[0].iov_len;
    loop_file_write(&loop, &completion, fd, vectors, 2, offset);
    finish_all();
    return completion.result;
}

static int sync_fd(int fd)
{
    struct completion completion = {.done = done};

    loop_file_sync(&loop, &completion, fd, true);
    finish_all();
    return completion.result;
}

static int close_fd(int fd)
{
    struct completion completion = {.done = done};

    loop_file_close(&loop, &completion, fd);
    finish_all();
    return completion.result;
}

static int set_length(int fd, size_t length)
{
    struct completion completion = {.done = done};

    loop_file_truncate(&loop, &completion, fd, length);
    finish_all();
    return completion.result;
}

static int rename_file(const char *from, const char *to)
{
    struct completion completion = {.done = done};

    loop_file_rename(&loop, &completion, from, to);
    finish_all();
    return completion.result;
}

static int remove_file(const char *path)
{
    struct completion completion = {.done = done};

    loop_file_remove(&loop, &completion, path);
    finish_all();
    return completion.result;
}

static void sync_folder(const char *path)
{
    int fd = open_file(path, O_RDONLY | O_DIRECTORY);

    cr_assert_eq(sync_fd(fd), 0);
    cr_assert_eq(close_fd(fd), 0);
}

/* NULL: there is no such file. */
static const char *text_of(const char *path)
{
    static char text[1000];
    struct str bytes;

    if (!sim_disk_get(disk, path, &bytes))
        return NULL;
    cr_assert_lt(bytes.length, sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)bytes.length, bytes.bytes);
    return text;
}

static bool is_text(const char *path, const char *text)
{
    return text_of(path) && strcmp(text_of(path), text) == 0;
}

/* --- As any disk --- */

Test(sim_disk, what_is_written_is_read)
{
    struct completion completion = {.done = done};
    int fd = open_file("folder/file", O_RDWR | O_CREAT | O_EXCL);
    char back[10];

    cr_assert_geq(fd, DISK_FIRST_FD);
    cr_assert_eq(write_at(fd, "hello world", 0), 11);
    cr_assert_eq(set_length(fd, 8), 0);
    loop_file_read(&loop, &completion, fd, back, sizeof back, 6);
    finish_all();
    cr_assert_eq(completion.result, 2);
    cr_assert_arr_eq(back, "wo", 2);
    loop_file_read(&loop, &completion, fd, back, sizeof back, 8);
    finish_all();
    cr_assert_eq(completion.result, 0);
    cr_assert_eq(close_fd(fd), 0);
    cr_assert_eq(open_file("folder/file", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    cr_assert_eq(open_file("folder/other", O_RDONLY), -ENOENT);
    cr_assert_eq(rename_file("folder/file", "folder/other"), 0);
    cr_assert(is_text("folder/other", "hello wo") && !text_of("folder/file"));
    cr_assert_eq(close_fd(open_file("folder/other", O_WRONLY | O_TRUNC)), 0);
    cr_assert(is_text("folder/other", ""));
    cr_assert_eq(remove_file("folder/other"), 0);
    cr_assert_eq(remove_file("folder/other"), -ENOENT);
}

Test(sim_disk, operations_take_effect_in_any_order)
{
    struct completion first = {.done = done}, second = {.done = done};
    struct iovec one = {(char[]){"1"}, 1}, two = {(char[]){"2"}, 1};
    int fd = open_file("file", O_WRONLY | O_CREAT), seen[2] = {0};

    for (int i = 0; i < 50; i++) {
        loop_file_write(&loop, &first, fd, &one, 1, 0);
        loop_file_write(&loop, &second, fd, &two, 1, 0);
        finish_all();
        seen[is_text("file", "2")]++;
    }
    cr_assert(seen[0] > 5 && seen[1] > 5);
}

/* --- Crashes --- */

Test(sim_disk, what_is_synced_survives)
{
    for (int round = 0; round < ROUNDS; round++) {
        int fd = open_file("file", O_WRONLY | O_CREAT);

        write_at(fd, "durable", 0);
        sync_fd(fd);
        sync_folder(".");
        write_at(fd, " and more", 7);
        crash(true);
        cr_assert_arr_eq(text_of("file"), "durable", 7);
        start_again();
    }
}

/* Old or new in each sector, in any combination, and of any length on the way. */
Test(sim_disk, what_is_not_synced_survives_in_any_part)
{
    enum { SECTORS = 3, BYTES = SECTORS * SECTOR_BYTES };
    static char old_bytes[BYTES + 1], new_bytes[BYTES + 1];
    int seen[1 << SECTORS] = {0}, lengths[3] = {0};

    memset(old_bytes, 'o', BYTES);
    memset(new_bytes, 'n', BYTES);
    for (int round = 0; round < ROUNDS; round++) {
        struct str bytes;
        int fd, combination = 0;

        sim_disk_put(disk, "file", (struct str){old_bytes, BYTES});
        fd = open_file("file", O_WRONLY);
        write_at(fd, new_bytes, 0);
        write_at(fd, "longer", BYTES);
        write_at(fd, "much longer", BYTES + 600);
        crash(false);
        cr_assert(sim_disk_get(disk, "file", &bytes));
        for (int i = 0; i < SECTORS; i++) {
            const char *expected = bytes.bytes[i * SECTOR_BYTES] == 'n' ? new_bytes : old_bytes;

            cr_assert_arr_eq(bytes.bytes + i * SECTOR_BYTES, expected, SECTOR_BYTES);
            combination |= (expected == new_bytes) << i;
        }
        seen[combination]++;
        cr_assert(bytes.length >= BYTES && bytes.length <= BYTES + 611);
        lengths[bytes.length == BYTES ? 0 : bytes.length < BYTES + 611 ? 1 : 2]++;
        start_again();
    }
    for (int i = 0; i < 1 << SECTORS; i++)
        cr_assert_gt(seen[i], 0, "combination %d", i);
    for (int i = 0; i < 3; i++)
        cr_assert_gt(lengths[i], 0, "length %d", i);
}

Test(sim_disk, a_later_write_may_survive_an_earlier_one)
{
    int later_alone = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct str bytes;
        int fd;

        sim_disk_put(disk, "file", STR(""));
        fd = open_file("file", O_WRONLY);
        write_at(fd, "first", 0);
        write_at(fd, "second", SECTOR_BYTES);
        crash(false);
        sim_disk_get(disk, "file", &bytes);
        later_alone += bytes.length > SECTOR_BYTES && bytes.bytes[0] == '\0' && bytes.bytes[SECTOR_BYTES] == 's';
        start_again();
    }
    cr_assert_gt(later_alone, 0);
}

Test(sim_disk, a_sync_is_for_what_was_written_before_it_began)
{
    int lost = 0; /* although they had been written when the sync ended */

    for (int round = 0; round < ROUNDS; round++) {
        struct completion write = {.done = done}, sync = {.done = done};
        bool was_written;
        struct iovec vector = {(char[]){"B"}, 1};
        int fd;

        sim_disk_put(disk, "file", STR(""));
        fd = open_file("file", O_WRONLY);
        write_at(fd, "A", 0);
        loop_file_sync(&loop, &sync, fd, true);
        loop_file_write(&loop, &write, fd, &vector, 1, 1);
        sim_disk_step(&queue, &dice);
        was_written = queue.finished.first == &write;
        finish_all();
        cr_assert(is_text("file", "AB") && sync.result == 0);
        crash(false);
        cr_assert_eq(text_of("file")[0], 'A');
        lost += was_written && is_text("file", "A");
        start_again();
    }
    cr_assert_gt(lost, 0);
}

Test(sim_disk, what_is_under_way_has_happened_or_not)
{
    int happened = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct completion sync = {.done = done};
        int fd;

        sim_disk_put(disk, "file", STR(""));
        fd = open_file("file", O_WRONLY);
        write_at(fd, "A", 0);
        loop_file_sync(&loop, &sync, fd, true);
        crash(false);
        happened += is_text("file", "A");
        start_again();
    }
    cr_assert(happened > 0 && happened < ROUNDS);
}

Test(sim_disk, what_a_crash_would_leave_is_asked_without_one)
{
    int fd = open_file("file", O_RDWR | O_CREAT);
    struct completion sync = {.done = done}, read = {.done = done};
    struct sim_disk *left = &disks[1];
    struct str bytes;
    char back[4];

    write_at(fd, "text", 0);
    loop_file_sync(&loop, &sync, fd, true);
    loop_file_read(&loop, &read, fd, back, sizeof back, 0);
    for (int i = 0; i < 100; i++) {
        sim_disk_crash(disk, left, &dice, true);
        sim_disk_deinit(left);
    }
    finish_all();
    cr_assert(read.result == 4 && memcmp(back, "text", 4) == 0 && sync.result == 0);
    sync_folder(".");
    sim_disk_crash(disk, left, &dice, true);
    cr_assert(sim_disk_get(left, "file", &bytes) && str_equal(bytes, STR("text")));
    sim_disk_deinit(left);
    cr_assert_eq(close_fd(fd), 0);
}

Test(sim_disk, a_name_is_there_for_good_when_its_folder_is_synced)
{
    int lost = 0, kept = 0;

    for (int round = 0; round < ROUNDS; round++) {
        int fd = open_file("a/file", O_WRONLY | O_CREAT);

        write_at(fd, "text", 0);
        sync_fd(fd);
        if (round % 2 == 0)
            sync_folder("a/.");
        else
            sync_folder("b");
        crash(false);
        cr_assert(text_of("a/file") ? is_text("a/file", "text") : round % 2 == 1);
        kept += round % 2 == 1 && text_of("a/file");
        lost += round % 2 == 1 && !text_of("a/file");
        start_again();
    }
    cr_assert(lost > 0 && kept > 0);
}

Test(sim_disk, a_rename_is_old_or_new)
{
    int is_old = 0, is_new = 0;

    for (int round = 0; round < ROUNDS; round++) {
        int fd;

        sim_disk_put(disk, "name", STR("old"));
        fd = open_file("temporary", O_WRONLY | O_CREAT);
        write_at(fd, "new", 0);
        sync_fd(fd);
        close_fd(fd);
        rename_file("temporary", "name");
        crash(false);
        cr_assert(is_text("name", "old") || is_text("name", "new"));
        is_old += is_text("name", "old");
        is_new += is_text("name", "new");
        start_again();
    }
    cr_assert(is_old > 0 && is_new > 0);
}

Test(sim_disk, bits_rot_only_where_nothing_was_synced)
{
    int rotten = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct str bytes;
        int fd;

        sim_disk_put(disk, "file", STR("synced"));
        fd = open_file("file", O_WRONLY);
        write_at(fd, "UNSYNCED", 6);
        write_at(fd, "later", 700);
        crash(true);
        sim_disk_get(disk, "file", &bytes);
        cr_assert_arr_eq(bytes.bytes, "synced", 6);
        rotten += bytes.length >= 14 && bytes.bytes[6] && memcmp(bytes.bytes + 6, "UNSYNCED", 8) != 0;
        start_again();
    }
    cr_assert_gt(rotten, 0);
}

/* --- Failing --- */

Test(sim_disk, a_full_disk_takes_a_part_and_tells)
{
    int parts[4] = {0};

    for (int round = 0; round < 300; round++) {
        int fd;

        sim_disk_put(disk, "file", STR(""));
        fd = open_file("file", O_WRONLY);
        sim_disk_fail(disk, ENOSPC);
        cr_assert_eq(write_at(fd, "abc", 0), -ENOSPC);
        parts[strlen(text_of("file"))]++;
        cr_assert_eq(open_file("other", O_WRONLY | O_CREAT), -ENOSPC);
        cr_assert_eq(set_length(fd, 0), 0);
        sim_disk_fail(disk, 0);
        cr_assert_eq(write_at(fd, "abc", 0), 3);
        start_again();
    }
    for (int i = 0; i < 4; i++)
        cr_assert_gt(parts[i], 0);
}

Test(sim_disk, a_sync_after_one_that_failed_saves_nothing_of_before)
{
    static char text[SECTOR_BYTES + 2];
    int lost = 0;

    memset(text, 'A', sizeof text - 1);
    for (int round = 0; round < ROUNDS; round++) {
        int fd;

        sim_disk_put(disk, "file", STR(""));
        fd = open_file("file", O_WRONLY);
        write_at(fd, text, 0);
        sim_disk_fail(disk, EIO);
        cr_assert_eq(sync_fd(fd), -EIO);
        sim_disk_fail(disk, 0);
        cr_assert_eq(sync_fd(fd), 0);
        write_at(fd, "B", SECTOR_BYTES);
        cr_assert_eq(sync_fd(fd), 0);
        crash(true);
        struct str bytes;
        sim_disk_get(disk, "file", &bytes);
        cr_assert(bytes.length == SECTOR_BYTES + 1 && bytes.bytes[SECTOR_BYTES] == 'B');
        lost += bytes.bytes[0] == '\0';
        start_again();
    }
    cr_assert(lost > 0);
}

/* --- Random operations on a file, beside a model of each byte --- */

struct byte_model {
    char synced;
    bool may[256]; /* what it may be after a crash */
};

Test(sim_disk, each_byte_is_one_that_it_was_since_the_last_sync)
{
    enum { BYTES = 1500 };
    static struct byte_model model[BYTES];
    static char text[BYTES];

    for (int round = 0; round < 300; round++) {
        char path[] = "file";
        struct str bytes;
        int fd;

        memset(text, '.', BYTES);
        sim_disk_put(disk, path, (struct str){text, BYTES});
        fd = open_file(path, O_RDWR);
        memset(model, 0, sizeof model);
        for (int i = 0; i < BYTES; i++)
            model[i].may['.'] = true;
        for (int step = (int)dice_below(&dice, 20); step > 0; step--) {
            size_t offset = dice_below(&dice, BYTES), length = 1 + dice_below(&dice, (uint32_t)(BYTES - offset));
            struct completion completion = {.done = done};
            struct iovec vector = {text + offset, length};
            char letter = (char)('a' + dice_below(&dice, 26));

            if (dice_one_in(&dice, 4)) {
                cr_assert_eq(sync_fd(fd), 0);
                memset(model, 0, sizeof model);
                for (int i = 0; i < BYTES; i++)
                    model[i].may[(unsigned char)text[i]] = true;
                continue;
            }
            memset(text + offset, letter, length);
            for (size_t i = offset; i < offset + length; i++)
                model[i].may[(unsigned char)letter] = true;
            loop_file_write(&loop, &completion, fd, &vector, 1, offset);
            finish_all();
        }
        sim_disk_get(disk, path, &bytes);
        cr_assert_arr_eq(bytes.bytes, text, BYTES);
        crash(false);
        sim_disk_get(disk, path, &bytes);
        cr_assert_eq(bytes.length, BYTES);
        for (int i = 0; i < BYTES; i++)
            cr_assert(model[i].may[(unsigned char)bytes.bytes[i]], "byte %d is %c", i, bytes.bytes[i]);
        start_again();
    }
}

/* Appended in one write. */
Test(sim_disk, a_long_write_may_have_been_on_its_way)
{
    static char text[10 * SECTOR_BYTES + 1];
    int lengths[11] = {0};

    memset(text, 'x', sizeof text - 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct completion completion = {.done = done};
        struct iovec vector = {text, sizeof text - 1};
        struct str bytes;

        sim_disk_put(disk, "file", STR(""));
        loop_file_write(&loop, &completion, open_file("file", O_WRONLY), &vector, 1, 0);
        finish_all();
        crash(false);
        sim_disk_get(disk, "file", &bytes);
        cr_assert_eq(bytes.length % SECTOR_BYTES, 0);
        lengths[bytes.length / SECTOR_BYTES]++;
        start_again();
    }
    for (int i = 0; i <= 10; i++)
        cr_assert_gt(lengths[i], 0, "%d sectors", i);
}
