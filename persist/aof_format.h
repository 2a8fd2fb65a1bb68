/* What an AOF segment is made of, line by line.
 *
 *     #GROUP:cccccccc bbbbbbbbbbbbbbbb ssssssssssssssss\r\n
 *                                                      a commit group: checksum, bytes of its
 *                                                      body, and stamp, in hexadecimal
 *     #SYNCED:nnnnnnnnnnnnnnnn\r\n                     its first line, perhaps: see below
 *     #NAME:text\r\n                                   an annotation
 *     *2\r\n$3\r\nDEL\r\n$3\r\nkey\r\n                 a command
 *
 * A group's body are annotations and commands; its checksum, CRC-32C, is that of
 * what follows it, the rest of its line and the body. Redis passes over all lines
 * with a # and executes the commands, and what Redis appends are commands without a
 * group, and times (#TS:1700000000). Another annotation outside of a group is
 * refused: it may be a group's head that has changed, whose body would be executed
 * unchecked. Redis takes lines of up to 1023 bytes. Behind all groups filling may follow (aof_fill.h).
 *
 * SYNCED says up to which offset of the file all was known to be on the disk when the group
 * was written; without it, that was so up to the group itself. What is damaged below that has
 * rotted; what is damaged above it a power loss has torn, though this group survived it. */
#ifndef PERSIST_AOF_FORMAT_H
#define PERSIST_AOF_FORMAT_H

enum { AOF_LINE_MAX = 1023 };

#define AOF_GROUP_NAME "#GROUP:"
#define AOF_GROUP_FORMAT " %016llx %016llx\r\n" /* behind the checksum */

#define AOF_SYNCED_NAME "#SYNCED:"
#define AOF_SYNCED_FORMAT "%016llx"

enum {
    AOF_CHECKSUM_AT = sizeof AOF_GROUP_NAME - 1,
    AOF_CHECKED_AT = AOF_CHECKSUM_AT + 8,
    AOF_BYTES_AT = AOF_CHECKED_AT + 1,
    AOF_STAMP_AT = AOF_BYTES_AT + 16 + 1,
    AOF_GROUP_HEAD_BYTES = AOF_STAMP_AT + 16 + 2,
    AOF_SYNCED_AT = sizeof AOF_SYNCED_NAME - 1, /* in the body */
    AOF_SYNCED_BYTES = AOF_SYNCED_AT + 16 + 2,
};

#endif
