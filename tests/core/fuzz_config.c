/* Any bytes as a redis.conf, then as CONFIG SET: neither may crash, and settings
 * that loaded must be written by CONFIG REWRITE so that they load as the same. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/resp_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void write_file(const char *path, const uint8_t *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ASSERT(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    close(fd);
}

/* Includes would leave the fuzzer's folder, and would read devices. */
static bool includes(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 7 <= length; i++)
        if (strncasecmp((const char *)bytes + i, "include", 7) == 0)
            return true;
    return false;
}

static void print(const struct config *config, struct reply *reply)
{
    struct str all = STR("*");

    config_get(config, &all, 1, reply);
}

static void check_rewrite(const struct config *config, const char *path, struct memory *memory)
{
    struct config again;
    struct reply before, after;
    char error[512];

    config_init(&again);
    reply_init(&before, memory, NULL, 0, 2);
    reply_init(&after, memory, NULL, 0, 2);
    ASSERT(config_rewrite(config, path, error, sizeof error));
    ASSERT(config_load_file(&again, path, error, sizeof error));
    print(config, &before);
    print(&again, &after);
    ASSERT(str_equal(buffer_str(&before.buffer), buffer_str(&after.buffer)));
    buffer_deinit(&before.buffer);
    buffer_deinit(&after.buffer);
    config_deinit(&again);
}

/* The bytes again, parted at line ends into names and values. */
static void set_lines(struct config *config, const uint8_t *bytes, size_t length, struct memory *memory)
{
    struct str pairs[2 * 8];
    struct reply reply;
    int count = 0;

    for (size_t begin = 0, i = 0; i <= length && count < 16; i++) {
        if (i == length || bytes[i] == '\n') {
            pairs[count++] = (struct str){(const char *)bytes + begin, i - begin};
            begin = i + 1;
        }
    }
    reply_init(&reply, memory, NULL, 0, 2);
    bool set = config_set(config, pairs, count / 2, &reply);
    ASSERT(set != reply.error);
    config_get(config, pairs, count, &reply);
    buffer_deinit(&reply.buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct memory memory = {0};
    struct config config;
    char error[128], path[64];

    if (includes(bytes, length))
        return 0;
    snprintf(path, sizeof path, "/dev/shm/shoal-fuzz-config-%d", getpid());
    write_file(path, bytes, length);
    config_init(&config);
    if (config_load_file(&config, path, error, sizeof error))
        check_rewrite(&config, path, &memory);
    else
        ASSERT(strlen(error) > 0 && !strchr(error, '\n'));
    set_lines(&config, bytes, length, &memory);
    config_deinit(&config);
    unlink(path);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
