#include "persist/rdb_file_writer.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/crc64.h"
#include "core/redis_version.h"

enum { NO_DATABASE = -1 };

void rdb_file_writer_init(struct rdb_file_writer *writer, struct memory *memory, const struct config *config,
                          int version, int64_t now_ms)
{
    *writer = (struct rdb_file_writer){
        .parts = {&writer->block, config->rdbcompression},
        .config = config,
        .now_ms = now_ms,
        .version = version,
        .db = NO_DATABASE,
    };
    buffer_init(&writer->block, memory, NULL, 0);
}

void rdb_file_writer_deinit(struct rdb_file_writer *writer)
{
    buffer_deinit(&writer->block);
}

/* The head */

static void write_aux(struct rdb_file_writer *writer, struct str name, struct str text)
{
    rdb_write_byte(&writer->parts, RDB_AUX);
    rdb_write_string(&writer->parts, name);
    rdb_write_string(&writer->parts, text);
}

static void write_aux_number(struct rdb_file_writer *writer, struct str name, int64_t number)
{
    rdb_write_byte(&writer->parts, RDB_AUX);
    rdb_write_string(&writer->parts, name);
    rdb_write_integer(&writer->parts, number);
}

void rdb_file_writer_head(struct rdb_file_writer *writer, const struct rdb_file_facts *facts)
{
    buffer_append_format(&writer->block, "REDIS%04d", writer->version);
    write_aux(writer, STR("redis-ver"), STR(REDIS_VERSION));
    write_aux_number(writer, STR("redis-bits"), 8 * sizeof(void *));
    write_aux_number(writer, STR("ctime"), facts->created_seconds);
    write_aux_number(writer, STR("used-mem"), (int64_t)facts->memory_bytes);
    write_aux_number(writer, STR("aof-base"), facts->is_aof_base);
}

void rdb_file_writer_function(struct rdb_file_writer *writer, struct str code)
{
    rdb_write_byte(&writer->parts, RDB_FUNCTION);
    rdb_write_string(&writer->parts, code);
}

/* Keys */

static void select_database(struct rdb_file_writer *writer, int db)
{
    if (writer->db == db)
        return;
    rdb_write_byte(&writer->parts, RDB_DATABASE);
    rdb_write_length(&writer->parts, (uint64_t)db);
    writer->db = db;
}

void rdb_file_writer_sizes(struct rdb_file_writer *writer, int db, uint64_t keys, uint64_t expiring)
{
    select_database(writer, db);
    rdb_write_byte(&writer->parts, RDB_SIZES);
    rdb_write_length(&writer->parts, keys);
    rdb_write_length(&writer->parts, expiring);
}

/* What the policy goes by when it evicts. */
static void write_use(struct rdb_file_writer *writer, uint32_t access)
{
    if (config_maxmemory_policy_is_lru(writer->config)) {
        rdb_write_byte(&writer->parts, RDB_IDLE);
        rdb_write_length(&writer->parts, (uint64_t)access_idle_seconds(access, writer->now_ms));
    } else if (config_maxmemory_policy_is_lfu(writer->config)) {
        uint32_t frequency = access_frequency(access, writer->now_ms, writer->config->lfu_decay_time);

        rdb_write_byte(&writer->parts, RDB_FREQUENCY);
        rdb_write_byte(&writer->parts, (uint8_t)frequency);
    }
}

void rdb_file_writer_begin_key(struct rdb_file_writer *writer, int db, const struct entry *entry)
{
    enum rdb_type type = rdb_type_of(entry);
    int64_t deadline_ms = entry_expiry_ms(entry);

    ASSERT(!writer->steps.has_more && rdb_version_of(type) <= writer->version);
    select_database(writer, db);
    if (deadline_ms >= 0) {
        rdb_write_byte(&writer->parts, RDB_DEADLINE_MS);
        rdb_write_time_ms(&writer->parts, deadline_ms);
    }
    write_use(writer, entry_access(entry));
    rdb_write_byte(&writer->parts, (uint8_t)type);
    rdb_write_string(&writer->parts, entry_key(entry));
    rdb_write_value_begin(&writer->parts, &writer->steps, entry);
}

bool rdb_file_writer_go_on(struct rdb_file_writer *writer, size_t bytes_most)
{
    return rdb_write_value_go_on(&writer->parts, &writer->steps, bytes_most);
}

/* Blocks and parts */

/* Without rdbchecksum it is 0, which tells readers that there is none. */
static void cover(struct rdb_file_writer *writer)
{
    if (writer->covered == writer->block.length) /* there may be no block */
        return;
    struct str more = {writer->block.bytes + writer->covered, writer->block.length - writer->covered};
    writer->checksum = writer->config->rdbchecksum ? crc64(writer->checksum, more) : 0;
    writer->covered = writer->block.length;
}

void rdb_file_writer_end(struct rdb_file_writer *writer)
{
    ASSERT(!writer->steps.has_more);
    rdb_write_byte(&writer->parts, RDB_END);
    cover(writer);
    buffer_append(&writer->block, &writer->checksum, sizeof writer->checksum);
}

struct buffer rdb_file_writer_take(struct rdb_file_writer *writer)
{
    cover(writer);
    struct buffer block = writer->block;
    writer->part_bytes += block.length;
    writer->covered = 0;
    buffer_init(&writer->block, block.memory, NULL, 0);
    return block;
}

void rdb_file_writer_begin_part(struct rdb_file_writer *writer)
{
    ASSERT(writer->block.length == 0 && !writer->steps.has_more);
    writer->db = NO_DATABASE;
    writer->part_bytes = 0;
    writer->checksum = 0;
}

void rdb_file_writer_join(struct rdb_file_writer *writer, uint64_t checksum, uint64_t bytes)
{
    ASSERT(writer->block.length == 0 && !writer->steps.has_more);
    writer->db = NO_DATABASE;
    writer->part_bytes += bytes;
    writer->checksum = crc64_join(writer->checksum, checksum, bytes);
}
