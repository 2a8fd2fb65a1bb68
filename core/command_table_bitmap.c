/* The bitmap commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "bitmap"

/* BITFIELD only reads where it is told nothing but GET and OVERFLOW. */
static uint16_t refine_bitfield(const struct str *argv, int argc)
{
    int at = 2;

    while (at < argc) {
        if (str_equal_nocase(argv[at], "get") && at + 2 < argc)
            at += 3;
        else if (str_equal_nocase(argv[at], "overflow") && at + 1 < argc)
            at += 2;
        else
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

const struct command command_rows_bitmap[] = {
    {"bitcount", cmd_bitcount, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_BITMAP,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "2.6.0",
     .complexity = "O(N), where N is the number of bytes looked at",
     .summary = "Counts the bits of a string that are set.", .syntax = "key range:[start end unit:[BYTE | BIT]]"},
    {"bitfield", cmd_bitfield, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM, .acl = ACL_BITMAP,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE | KEY_ACCESS | KEY_VARIABLE_FLAGS,
                     .notes = "Read and written, as the operations are")},
     .refine = refine_bitfield, GROUP, .since = "3.2.0", .complexity = "O(1) for each operation",
     .summary = "Reads, writes and counts up integers of any width within a string.",
     .syntax = "key operation:[get-block:<GET encoding offset> | write:<overflow-block:[OVERFLOW <WRAP | SAT | FAIL>] "
               "write-operation:<set-block:<SET encoding offset value:integer> | incrby-block:<INCRBY encoding offset "
               "increment>>> ...]"},
    {"bitfield_ro", cmd_bitfield_ro, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_BITMAP, .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "6.0.0",
     .complexity = "O(1) for each operation", .summary = "Reads integers of any width within a string.",
     .syntax = "key get-block:[GET encoding offset [GET encoding offset ...]]"},
    {"bitop", cmd_bitop, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM, .acl = ACL_BITMAP,
     .keys = {KEY_AT(2, KEY_OW | KEY_UPDATE), KEYS_FROM(3, 1, KEY_RO | KEY_ACCESS)}, .save = undo_save_string, GROUP,
     .since = "2.6.0", .complexity = "O(N), where N is the length of the longest string",
     .summary = "Combines strings bit by bit and stores the result.",
     .syntax = "operation:<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey:key key [key ...]"},
    {"bitpos", cmd_bitpos, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_BITMAP,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "2.8.7",
     .complexity = "O(N), where N is the number of bytes looked at",
     .summary = "Finds the first bit of a string that is set, or is not.",
     .syntax = "key bit:integer range:[start end-unit-block:[end unit:[BYTE | BIT]]]"},
    {"getbit", cmd_getbit, .arity = 3, .route = ROUTE_SINGLE, .flags = CMD_READONLY | CMD_FAST, .acl = ACL_BITMAP,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "2.2.0", .complexity = "O(1)",
     .summary = "Reads one bit of a string.", .syntax = "key offset"},
    {"setbit", cmd_setbit, .arity = 4, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM, .acl = ACL_BITMAP,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)}, .save = undo_save_setbit, GROUP, .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a string, which grows with zeros where it is too short.",
     .syntax = "key offset value:integer"},
    {.name = NULL},
};
