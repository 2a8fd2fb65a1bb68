/* Reads an RDB file into the keyspaces of several shards, and writes what they hold to
 * another, each shard its own parts: what test_exchange.py puts between two
 * redis-servers.
 *
 *     rdb_convert FROM TO [SHARDS [POLICY]] */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/rdb_skip.h"
#include "core/rdb_value.h"
#include "persist/rdb_file_reader.h"
#include "persist/rdb_file_writer.h"
#include "tests/support/rdb_write_key.h"

enum { SHARDS_MAX = 16, LIBRARIES_MAX = 16, DATABASES = 16 };

static const int64_t now_ms = 1700000000000;

struct shard {
    struct memory memory;
    struct keyspace *keyspace;
    struct rdb_loader loader;
    struct rdb_file_writer writer;
    bool needs_expiring;
};

static struct config config;
static struct memory memory;
static struct shard shards[SHARDS_MAX];
static int shard_count = 1;
static char *libraries[LIBRARIES_MAX];
static size_t library_bytes[LIBRARIES_MAX];
static int library_count;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* Reading */

static void keep_library(struct str code)
{
    ASSERT(library_count < LIBRARIES_MAX);
    libraries[library_count] = malloc(code.length);
    library_bytes[library_count] = code.length;
    str_copy(libraries[library_count++], code);
}

static void take_record(struct rdb_file_reader *reader, const struct rdb_record *record)
{
    char module[RDB_MODULE_NAME_MAX + 1];
    struct entry *entry;

    if (record->kind == RDB_RECORD_FUNCTION)
        keep_library(record->text);
    if (record->kind == RDB_RECORD_MODULE) {
        rdb_module_name(record->module, module);
        printf("skipped a value of module %s\n", module);
    }
    if (record->kind != RDB_RECORD_KEY)
        return;
    struct shard *shard = &shards[key_of(record->name).hash % (unsigned)shard_count];
    const char *problem = rdb_record_put(record, &shard->loader, shard->keyspace, now_ms, &entry);
    if (problem)
        rdb_file_reader_refuse(reader, record, problem);
    shard->needs_expiring |= record->type >= RDB_HASH_EXPIRING_EARLY;
}

static void feed(struct rdb_file_reader *reader, int file)
{
    size_t room;
    char *to = file_window_room(&reader->window, &room);
    ssize_t got = read(file, to, room);

    if (got < 0)
        fail(reader->name, strerror(errno));
    if (got == 0)
        file_window_filled_all(&reader->window);
    file_window_filled(&reader->window, (size_t)got);
}

static void load(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct rdb_file_reader reader;
    enum rdb_file_status status;
    struct rdb_record record;
    struct stat stat;

    if (file < 0 || fstat(file, &stat) < 0)
        fail(path, strerror(errno));
    rdb_file_reader_init(&reader, &memory, path, (uint64_t)stat.st_size, true);
    while ((status = rdb_file_reader_next(&reader, &record)) != RDB_FILE_END) {
        if (status == RDB_FILE_WRONG)
            fail("wrong", rdb_file_reader_problem(&reader));
        if (status == RDB_FILE_HUNGRY)
            feed(&reader, file);
        else
            take_record(&reader, &record);
    }
    rdb_file_reader_deinit(&reader);
    close(file);
}

/* Writing */

static void write_block(int file, struct rdb_file_writer *writer)
{
    struct buffer block = rdb_file_writer_take(writer);

    for (size_t at = 0; at < block.length;) {
        ssize_t wrote = write(file, block.bytes + at, block.length - at);
        if (wrote < 0)
            fail("write", strerror(errno));
        at += (size_t)wrote;
    }
    buffer_deinit(&block);
}

struct saving {
    struct shard *shard;
    struct rdb_file_writer *whole;
    int file, db;
};

static void end_part(struct saving *saving)
{
    struct rdb_file_writer *part = &saving->shard->writer;

    write_block(saving->file, part);
    rdb_file_writer_join(saving->whole, part->checksum, part->part_bytes);
    rdb_file_writer_begin_part(part);
}

static void save_entry(void *context, struct entry *entry)
{
    struct saving *saving = context;

    rdb_write_key(&saving->shard->writer, saving->db, entry);
}

/* One bucket after the other, in turn with the other shards: their parts lie between each other. */
static void save_database(struct rdb_file_writer *whole, int file, int db)
{
    uint64_t cursors[SHARDS_MAX] = {0};
    bool any = true;

    for (int round = 0; any; round++) {
        any = false;
        for (int i = 0; i < shard_count; i++) {
            struct saving saving = {&shards[i], whole, file, db};

            if (round > 0 && cursors[i] == 0)
                continue;
            cursors[i] = keyspace_scan(shards[i].keyspace, db, cursors[i], RDB_BEFORE_ALL_MS, save_entry, &saving);
            end_part(&saving);
            any |= cursors[i] != 0;
        }
    }
}

static void save(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    struct rdb_file_facts facts = {now_ms / 1000, memory.used_bytes, false};
    struct rdb_file_writer whole;
    int version = RDB_VERSION_LEAST;

    if (file < 0)
        fail(path, strerror(errno));
    for (int i = 0; i < shard_count; i++)
        if (shards[i].needs_expiring)
            version = RDB_VERSION_EXPIRING;
    for (int i = 0; i < shard_count; i++)
        rdb_file_writer_init(&shards[i].writer, &shards[i].memory, &config, version, now_ms);
    rdb_file_writer_init(&whole, &memory, &config, version, now_ms);
    rdb_file_writer_head(&whole, &facts);
    for (int i = 0; i < library_count; i++)
        rdb_file_writer_function(&whole, (struct str){libraries[i], library_bytes[i]});
    write_block(file, &whole);
    for (int db = 0; db < DATABASES; db++)
        save_database(&whole, file, db);
    rdb_file_writer_end(&whole);
    write_block(file, &whole);
    rdb_file_writer_deinit(&whole);
    if (close(file) < 0)
        fail(path, strerror(errno));
}

static void set_policy(const char *name)
{
    config.maxmemory_policy = strcmp(name, "allkeys-lru") == 0   ? CONFIG_POLICY_ALLKEYS_LRU
                              : strcmp(name, "allkeys-lfu") == 0 ? CONFIG_POLICY_ALLKEYS_LFU
                                                                 : CONFIG_POLICY_NOEVICTION;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        fail(argv[0], "FROM TO [SHARDS [POLICY]]");
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    shard_count = argc > 3 ? atoi(argv[3]) : 1;
    ASSERT(shard_count >= 1 && shard_count <= SHARDS_MAX);
    set_policy(argc > 4 ? argv[4] : "noeviction");
    for (int i = 0; i < shard_count; i++) {
        shards[i].keyspace = keyspace_create(&shards[i].memory, DATABASES);
        rdb_loader_init(&shards[i].loader, STR(""), &shards[i].memory, &config);
    }
    load(argv[1]);
    save(argv[2]);
    for (int i = 0; i < shard_count; i++) {
        rdb_file_writer_deinit(&shards[i].writer);
        rdb_loader_deinit(&shards[i].loader);
        keyspace_destroy(shards[i].keyspace);
        ASSERT(shards[i].memory.used_bytes == 0);
    }
    for (int i = 0; i < library_count; i++)
        free(libraries[i]);
    ASSERT(memory.used_bytes == 0);
    config_deinit(&config);
    return 0;
}
