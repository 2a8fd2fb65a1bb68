/* The numbers of Redis's RDB format, which its files and DUMP payloads share.
 *
 * A length is big-endian, as short as it can be, and its first two bits say which:
 *
 *     00xxxxxx                  6 bits
 *     01xxxxxx xxxxxxxx         14 bits
 *     10000000 and 4 bytes      32 bits
 *     10000001 and 8 bytes      64 bits
 *     11xxxxxx                  not a length: a string in the encoding xxxxxx
 *
 * All other numbers are little-endian. A string is a length and its bytes, an
 * integer of 1, 2 or 4 bytes, or compressed: both lengths, then the bytes. */
#ifndef CORE_RDB_FORMAT_H
#define CORE_RDB_FORMAT_H

#include <stdint.h>

/* The byte before a value: its type and how it is laid out. */
enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET_TEXT = 3, /* scores as decimal text */
    RDB_HASH = 4,
    RDB_ZSET = 5,
    RDB_MODULE_EARLY = 6, /* of a module; only that knows how long it is */
    RDB_MODULE = 7,       /* of a module, in parts that anyone can pass over */
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* ziplists */
    RDB_STREAM = 15,
    RDB_HASH_LISTPACK = 16, /* 16 to 19 are of version 10 */
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18,    /* listpacks, and large elements plain */
    RDB_STREAM_2 = 19,            /* knows what was deleted, and what was read */
    RDB_SET_LISTPACK = 20,        /* 20 and 21 are of version 11 */
    RDB_STREAM_3 = 21,            /* knows when a consumer was active */
    RDB_HASH_EXPIRING_EARLY = 22, /* of version 12, as are those that follow; before its release */
    RDB_HASH_LISTPACK_EXPIRING_EARLY = 23,
    RDB_HASH_EXPIRING = 24, /* with deadlines of fields */
    RDB_HASH_LISTPACK_EXPIRING = 25,
};

enum {
    RDB_VERSION_LEAST = 10, /* as we write: Redis 7.0 and all later read it */
    RDB_VERSION_EXPIRING = 12,
    RDB_VERSION_OLDEST = 6, /* as we read: from Redis 2.6 on, */
    RDB_VERSION_MOST = 12,  /* up to Redis 8.0 */
};

/* The byte that begins a record, where it is no type of a value. */
enum rdb_opcode {
    RDB_SLOT = 244, /* of a cluster */
    RDB_FUNCTION = 245,
    RDB_FUNCTION_EARLY = 246, /* before Redis 7.0 was released */
    RDB_MODULE_DATA = 247,    /* of no key */
    RDB_IDLE = 248,           /* of the key that follows, as are the next and the deadlines */
    RDB_FREQUENCY = 249,
    RDB_AUX = 250, /* of the file: a name and a text */
    RDB_SIZES = 251,
    RDB_DEADLINE_MS = 252,
    RDB_DEADLINE_SECONDS = 253,
    RDB_DATABASE = 254,
    RDB_END = 255,
};

enum rdb_length_form {
    RDB_LENGTH_6 = 0x00,
    RDB_LENGTH_14 = 0x40,
    RDB_LENGTH_32 = 0x80,
    RDB_LENGTH_64 = 0x81,
    RDB_ENCODED = 0xc0,
    RDB_FORM_MASK = 0xc0,
};

enum rdb_string_encoding { RDB_INT_8, RDB_INT_16, RDB_INT_32, RDB_LZF };

/* The length of a score's text in RDB_ZSET_TEXT, where it is no text. */
enum { RDB_TEXT_NAN = 253, RDB_TEXT_INFINITE = 254, RDB_TEXT_MINUS_INFINITE = 255 };

/* How a node of a quicklist is kept. */
enum { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

#endif
