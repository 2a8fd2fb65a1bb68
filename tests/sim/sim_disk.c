#include "tests/sim/sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "core/assert.h"
#include "tests/sim/dice.h"

void sim_disk_init(struct sim_disk *disk)
{
    *disk = (struct sim_disk){.next_fd = DISK_FIRST_FD};
}

static void free_file(struct sim_disk *disk, struct sim_file *file)
{
    sim_file_deinit(file);
    memory_free(&disk->memory, file);
}

void sim_disk_deinit(struct sim_disk *disk)
{
    while (disk->files) {
        struct sim_file *file = disk->files;

        disk->files = file->next;
        free_file(disk, file);
    }
    ASSERT(disk->memory.used_bytes == 0);
}

void sim_disk_fail(struct sim_disk *disk, int error)
{
    ASSERT(error == 0 || error == EIO || error == ENOSPC);
    disk->error = error;
}

/* Names. */

static void copy_path(char *to, const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/')))
        length--;
    ASSERT(length > 0 && length < DISK_PATH_BYTES);
    memcpy(to, path, length);
    to[length] = '\0';
}

static void copy_folder(char *to, const char *path)
{
    const char *slash = strrchr(path, '/');

    copy_path(to, ".");
    if (!slash)
        return;
    memcpy(to, path, (size_t)(slash - path));
    to[slash - path] = '\0';
}

static struct sim_name *find_name(const struct sim_names *names, const char *path)
{
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->names[i].path, path) == 0)
            return (struct sim_name *)&names->names[i];
    return NULL;
}

static struct sim_file *find_file(const struct sim_disk *disk, const char *path)
{
    char plain[DISK_PATH_BYTES];
    const struct sim_name *name;

    copy_path(plain, path);
    name = find_name(&disk->now, plain);
    return name ? name->file : NULL;
}

/* A crash may leave a change without those before it: what goes may not be there, or be another file by now. */
static void apply_change(struct sim_names *names, const struct sim_name_change *change)
{
    struct sim_name *from = find_name(names, change->from), *to;

    if (from && from->file == change->file)
        *from = names->names[--names->count];
    if (!change->to[0])
        return;
    to = find_name(names, change->to);
    if (!to) {
        ASSERT(names->count < DISK_NAMES_MAX);
        to = &names->names[names->count++];
        memcpy(to->path, change->to, sizeof to->path);
    }
    to->file = change->file;
}

/* from, to: NULL: none. */
static void change_name(struct sim_disk *disk, const char *from, const char *to, struct sim_file *file)
{
    struct sim_name_change *change = &disk->changes[disk->change_count++];

    ASSERT(disk->change_count <= DISK_NAMES_MAX);
    *change = (struct sim_name_change){.serial = ++disk->serial, .file = file};
    if (from)
        copy_path(change->from, from);
    if (to)
        copy_path(change->to, to);
    apply_change(&disk->now, change);
}

static bool is_in_folder(const struct sim_name_change *change, const char *folder)
{
    char its_folder[DISK_PATH_BYTES];

    copy_folder(its_folder, change->to[0] ? change->to : change->from);
    return strcmp(its_folder, folder) == 0;
}

static void sync_names(struct sim_disk *disk, const char *folder, uint64_t serial)
{
    int kept = 0;

    for (int i = 0; i < disk->change_count; i++) {
        const struct sim_name_change *change = &disk->changes[i];

        if (change->serial <= serial && is_in_folder(change, folder))
            apply_change(&disk->durable, change);
        else
            disk->changes[kept++] = *change;
    }
    disk->change_count = kept;
}

static struct sim_file *add_file(struct sim_disk *disk)
{
    struct sim_file *file = memory_alloc(&disk->memory, sizeof *file);

    sim_file_init(file, &disk->memory);
    file->next = disk->files;
    disk->files = file;
    return file;
}

void sim_disk_put(struct sim_disk *disk, const char *path, struct str bytes)
{
    struct sim_name_change change = {.file = add_file(disk)};

    copy_path(change.to, path);
    apply_change(&disk->now, &change);
    apply_change(&disk->durable, &change);
    sim_file_write(change.file, 0, bytes, ++disk->serial);
    sim_file_sync(change.file, disk->serial);
}

bool sim_disk_get(const struct sim_disk *disk, const char *path, struct str *bytes)
{
    const struct sim_file *file = find_file(disk, path);

    if (!file)
        return false;
    *bytes = buffer_str(&file->now);
    return true;
}

/* Descriptors. Numbers are not used again, so that who uses a closed one is found out. */

static struct sim_descriptor *find_descriptor(struct sim_disk *disk, int fd)
{
    for (int i = 0; i < DISK_DESCRIPTORS_MAX; i++)
        if (disk->descriptors[i].fd == fd)
            return &disk->descriptors[i];
    return NULL;
}

static struct sim_descriptor *get_descriptor(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_descriptor *descriptor = find_descriptor(disk, completion->fd);

    ASSERT(descriptor);
    return descriptor;
}

static struct sim_descriptor *add_descriptor(struct sim_disk *disk)
{
    struct sim_descriptor *descriptor = find_descriptor(disk, 0);

    ASSERT(descriptor);
    *descriptor = (struct sim_descriptor){.fd = disk->next_fd++};
    return descriptor;
}

/* Operations taking effect; each returns the result. */

static int open_folder(struct sim_disk *disk, const char *path)
{
    struct sim_descriptor *descriptor = add_descriptor(disk);

    copy_path(descriptor->folder, path);
    return descriptor->fd;
}

static int open_file(struct sim_disk *disk, const struct completion *completion, struct sim_file *file)
{
    struct sim_descriptor *descriptor = add_descriptor(disk);
    int access = completion->flags & O_ACCMODE;

    descriptor->file = file;
    descriptor->may_read = access != O_WRONLY;
    descriptor->may_write = access != O_RDONLY;
    if (completion->flags & O_TRUNC && file->now.length > 0)
        sim_file_set_length(file, 0, ++disk->serial);
    return descriptor->fd;
}

int sim_disk_put_open(struct sim_disk *disk, const char *path)
{
    struct completion completion = {.flags = O_WRONLY};

    sim_disk_put(disk, path, STR(""));
    return open_file(disk, &completion, find_file(disk, path));
}

static int perform_open(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_file *file;

    ASSERT(!(completion->flags & O_APPEND));
    if (disk->error == EIO)
        return -EIO;
    if (completion->flags & O_DIRECTORY)
        return open_folder(disk, completion->path);
    file = find_file(disk, completion->path);
    if (file && completion->flags & O_CREAT && completion->flags & O_EXCL)
        return -EEXIST;
    if (!file && !(completion->flags & O_CREAT))
        return -ENOENT;
    if (!file && disk->error)
        return -disk->error;
    if (!file) {
        file = add_file(disk);
        change_name(disk, NULL, completion->path, file);
    }
    return open_file(disk, completion, file);
}

/* One change, whatever the vectors. */
static void write_vectors(struct sim_disk *disk, const struct completion *completion, struct sim_file *file,
                          size_t length)
{
    struct buffer bytes;

    buffer_init(&bytes, &disk->memory, NULL, 0);
    for (int i = 0; i < completion->vector_count; i++)
        buffer_append(&bytes, completion->vectors[i].iov_base, completion->vectors[i].iov_len);
    sim_file_write(file, completion->offset, (struct str){bytes.bytes, length}, ++disk->serial);
    buffer_deinit(&bytes);
}

static int perform_write(struct sim_disk *disk, const struct completion *completion, struct dice *dice)
{
    struct sim_descriptor *descriptor = get_descriptor(disk, completion);
    size_t length = completion->total;

    ASSERT(descriptor->may_write && length <= INT_MAX);
    if (disk->error)
        length = dice_below(dice, (uint32_t)length + 1);
    write_vectors(disk, completion, descriptor->file, length);
    return disk->error ? -disk->error : (int)length;
}

static int perform_read(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_descriptor *descriptor = get_descriptor(disk, completion);
    struct str bytes = buffer_str(&descriptor->file->now);

    ASSERT(descriptor->may_read);
    if (disk->error == EIO)
        return -EIO;
    if (completion->offset >= bytes.length)
        return 0;
    bytes.bytes += completion->offset;
    bytes.length -= completion->offset;
    bytes.length = bytes.length < completion->room_bytes ? bytes.length : completion->room_bytes;
    memcpy(completion->room, bytes.bytes, bytes.length);
    return (int)bytes.length;
}

/* A full disk may be found out only now, as blocks are chosen late. */
static int perform_sync(struct sim_disk *disk, const struct completion *completion, uint64_t serial, struct dice *dice)
{
    struct sim_descriptor *descriptor = get_descriptor(disk, completion);
    bool fails = disk->error == EIO || (disk->error == ENOSPC && dice_one_in(dice, 2));

    if (!fails && !descriptor->file)
        sync_names(disk, descriptor->folder, serial);
    else if (!fails)
        sim_file_sync(descriptor->file, serial);
    else if (descriptor->file)
        sim_file_forget(descriptor->file, serial);
    return fails ? -disk->error : 0;
}

static int perform_truncate(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_descriptor *descriptor = get_descriptor(disk, completion);

    ASSERT(descriptor->may_write);
    if (disk->error == EIO)
        return -EIO;
    sim_file_set_length(descriptor->file, completion->offset, ++disk->serial);
    return 0;
}

static int perform_close(struct sim_disk *disk, const struct completion *completion)
{
    get_descriptor(disk, completion)->fd = 0;
    return disk->error == EIO ? -EIO : 0;
}

static int perform_rename(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_file *file = find_file(disk, completion->path);
    char folder[DISK_PATH_BYTES], other_folder[DISK_PATH_BYTES];

    copy_folder(folder, completion->path);
    copy_folder(other_folder, completion->new_path);
    ASSERT(strcmp(folder, other_folder) == 0);
    if (disk->error || !file)
        return disk->error ? -disk->error : -ENOENT;
    change_name(disk, completion->path, completion->new_path, file);
    return 0;
}

static int perform_remove(struct sim_disk *disk, const struct completion *completion)
{
    struct sim_file *file = find_file(disk, completion->path);

    if (disk->error == EIO || !file)
        return disk->error == EIO ? -EIO : -ENOENT;
    change_name(disk, completion->path, NULL, file);
    return 0;
}

static int perform(struct sim_disk *disk, const struct sim_operation *operation, struct dice *dice)
{
    struct completion *completion = operation->completion;

    switch (completion->operation) {
    case LOOP_FILE_OPEN:
        return perform_open(disk, completion);
    case LOOP_FILE_WRITE:
        return perform_write(disk, completion, dice);
    case LOOP_FILE_READ:
        return perform_read(disk, completion);
    case LOOP_FILE_SYNC:
        return perform_sync(disk, completion, operation->serial, dice);
    case LOOP_FILE_TRUNCATE:
        return perform_truncate(disk, completion);
    case LOOP_FILE_CLOSE:
        return perform_close(disk, completion);
    case LOOP_FILE_RENAME:
        return perform_rename(disk, completion);
    default:
        ASSERT(completion->operation == LOOP_FILE_REMOVE);
        return perform_remove(disk, completion);
    }
}

/* A loop's operations. */

void sim_disk_queue_init(struct sim_disk_queue *queue, struct sim_disk *disk)
{
    ASSERT(disk->queue_count < DISK_QUEUES_MAX);
    *queue = (struct sim_disk_queue){.disk = disk};
    disk->queues[disk->queue_count++] = queue;
}

void sim_disk_close(struct sim_disk *disk, int fd)
{
    struct sim_descriptor *descriptor = find_descriptor(disk, fd);

    ASSERT(descriptor);
    descriptor->fd = 0;
}

void sim_disk_start(struct sim_disk_queue *queue, struct completion *completion)
{
    ASSERT(queue->count < DISK_OPERATIONS_MAX);
    for (int i = 0; i < queue->count; i++) /* who closes has nothing under way */
        ASSERT(completion->operation != LOOP_FILE_CLOSE || queue->under_way[i].completion->fd != completion->fd);
    queue->under_way[queue->count++] = (struct sim_operation){completion, queue->disk->serial};
}

void sim_disk_step(struct sim_disk_queue *queue, struct dice *dice)
{
    int drawn = (int)dice_below(dice, (uint32_t)queue->count);
    struct sim_operation operation = queue->under_way[drawn];

    queue->under_way[drawn] = queue->under_way[--queue->count];
    operation.completion->result = perform(queue->disk, &operation, dice);
    completion_list_append(&queue->finished, operation.completion);
}

int sim_disk_deliver(struct sim_disk_queue *queue, struct dice *dice)
{
    struct completion_list due = queue->finished;
    int delivered = 0;

    queue->finished = (struct completion_list){0};
    while (due.first) {
        struct completion *completion = completion_list_take_first(&due);

        if (dice_one_in(dice, 4)) {
            completion_list_append(&queue->finished, completion);
            continue;
        }
        loop_finish(completion, completion->result);
        delivered++;
    }
    return delivered;
}

/* Crashing. */

static struct sim_file *copy_of(const struct sim_disk *disk, struct sim_disk *left, const struct sim_file *file)
{
    struct sim_file *copy = left->files;

    for (const struct sim_file *it = disk->files; it != file; it = it->next)
        copy = copy->next;
    return copy;
}

static void copy_files(const struct sim_disk *disk, struct sim_disk *left)
{
    struct sim_file **end = &left->files;

    for (const struct sim_file *file = disk->files; file; file = file->next) {
        *end = memory_alloc(&left->memory, sizeof **end);
        sim_file_copy(*end, file, &left->memory);
        end = &(*end)->next;
    }
}

static void copy_disk(const struct sim_disk *disk, struct sim_disk *left)
{
    *left = *disk;
    left->memory = (struct memory){0};
    left->files = NULL;
    left->queue_count = 0;
    copy_files(disk, left);
    for (int i = 0; i < left->now.count; i++)
        left->now.names[i].file = copy_of(disk, left, disk->now.names[i].file);
    for (int i = 0; i < left->durable.count; i++)
        left->durable.names[i].file = copy_of(disk, left, disk->durable.names[i].file);
    for (int i = 0; i < left->change_count; i++)
        left->changes[i].file = copy_of(disk, left, disk->changes[i].file);
    for (int i = 0; i < DISK_DESCRIPTORS_MAX; i++)
        if (left->descriptors[i].fd && left->descriptors[i].file)
            left->descriptors[i].file = copy_of(disk, left, disk->descriptors[i].file);
}

/* Any of what is under way, in any order. */
static void end_queue(struct sim_disk *left, const struct sim_disk_queue *queue, struct dice *dice)
{
    bool *tried = memory_alloc_zeroed(&left->memory, DISK_OPERATIONS_MAX * sizeof *tried);

    for (int count = queue->count; count > 0 && !dice_one_in(dice, 4); count--) {
        int drawn = (int)dice_below(dice, (uint32_t)queue->count);

        if (!tried[drawn] && queue->under_way[drawn].completion->operation != LOOP_FILE_READ)
            perform(left, &queue->under_way[drawn], dice);
        tried[drawn] = true;
    }
    memory_free(&left->memory, tried);
}

/* Any prefix, as of a file system with a journal, or any at all. */
static void crash_names(struct sim_disk *disk, struct dice *dice)
{
    bool keeps_prefix = dice_one_in(dice, 2);
    int prefix = (int)dice_below(dice, (uint32_t)disk->change_count + 1);

    for (int i = 0; i < disk->change_count; i++)
        if (keeps_prefix ? i < prefix : dice_one_in(dice, 2))
            apply_change(&disk->durable, &disk->changes[i]);
    disk->change_count = 0;
    disk->now = disk->durable;
}

static bool has_name(const struct sim_disk *disk, const struct sim_file *file)
{
    for (int i = 0; i < disk->now.count; i++)
        if (disk->now.names[i].file == file)
            return true;
    return false;
}

static bool crash_files(struct sim_disk *disk, struct dice *dice, bool rots)
{
    struct sim_file *file = disk->files;
    bool rotted = false;

    disk->files = NULL;
    while (file) {
        struct sim_file *next = file->next;

        if (has_name(disk, file)) {
            rotted |= sim_file_crash(file, dice, rots);
            file->next = disk->files;
            disk->files = file;
        } else {
            free_file(disk, file);
        }
        file = next;
    }
    return rotted;
}

bool sim_disk_crash(const struct sim_disk *disk, struct sim_disk *left, struct dice *dice, bool rots)
{
    copy_disk(disk, left);
    for (int i = 0; i < disk->queue_count; i++)
        end_queue(left, disk->queues[i], dice);
    crash_names(left, dice);
    memset(left->descriptors, 0, sizeof left->descriptors);
    return crash_files(left, dice, rots);
}
