/* Requests as bytes to arguments: RESP arrays of bulk strings, and inline
 * commands, as Redis accepts them (networking.c's rules, from the protocol
 * specification at redis.io/docs/reference/protocol-spec).
 *
 * The parser reads the bytes where they lie. It is given the first byte of a
 * request and all that has arrived since; when that is not enough it remembers
 * how far it got, and is called again with the same bytes (which may have moved)
 * and more after them. Little work is done twice, and nothing is allocated from a
 * count on the wire: the argument array grows as arguments arrive.
 * One parser per connection; the thread that owns the connection. */
#ifndef CORE_RESP_PARSE_H
#define CORE_RESP_PARSE_H

#include <stdint.h>

#include "core/str.h"

struct memory;

enum { RESP_ARGV_INLINE = 8 };

struct resp_limits {
    int64_t bulk_bytes;       /* proto-max-bulk-len */
    int64_t argument_count;   /* of an array: INT32_MAX, or 10 before authentication */
    int64_t unauthenticated_bulk_bytes; /* 16384 while authentication is pending, else INT64_MAX */
};

enum resp_status {
    RESP_COMPLETE,   /* argc, argv and consumed are set; argc may be 0 (an empty line or array): answer nothing */
    RESP_INCOMPLETE, /* call again with more bytes */
    RESP_ERROR,      /* error is set: the text after "-ERR ", without CRLF; close after sending it */
};

struct resp_parser {
    struct str *argv; /* borrowed from the bytes of the last call; the array is the parser's */
    int argc;
    /* Private: where to go on. */
    uint8_t state;
    int argv_capacity;
    size_t consumed;        /* public: bytes of this request, once complete */
    const char *error;      /* public: after RESP_ERROR */
    size_t position;        /* of the header line, or the bytes of a bulk string, to read next */
    size_t scanned;         /* bytes of that line known to hold no end of line */
    int64_t arguments_left; /* of the array being read */
    int64_t bulk_length;    /* of the bulk string being read, -1 before its header */
    struct memory *memory;
    char *inline_copy; /* unquoted arguments of an inline command */
    struct str argv_inline[RESP_ARGV_INLINE];
    char error_text[64];
};

/* A parser stays where it was initialised: argv may point into it. */
void resp_parser_init(struct resp_parser *parser, struct memory *memory);
void resp_parser_deinit(struct resp_parser *parser);

/* bytes: from the first byte of the current request. After COMPLETE the next
 * call starts a new request at bytes + consumed. argv stays valid until the
 * next call or until the bytes go. Once it is RESP_ERROR, it stays that. */
enum resp_status resp_parse(struct resp_parser *parser, struct str bytes, const struct resp_limits *limits);

/* How many bytes the request needs at least before another call can get
 * further, counted from its first one (0 when unknown): lets a connection size
 * its buffer for a bulk string that is already arriving. */
size_t resp_bytes_needed(const struct resp_parser *parser);

#endif
