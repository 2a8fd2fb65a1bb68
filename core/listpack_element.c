#include "core/listpack_element.h"

#include <assert.h>

#include "core/assert.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are copied as they are");

enum {
    INTEGER_13 = 0xc0,
    STRING_12 = 0xe0,
    STRING_32 = 0xf0,
    INTEGER_16 = 0xf1,
    INTEGER_24 = 0xf2,
    INTEGER_32 = 0xf3,
    INTEGER_64 = 0xf4,
    BACK_LENGTH_MAX = 5,
    INTEGER_TEXT_MAX = 20,
};

/* Data bytes of the integers from INTEGER_16 on. */
static size_t wide_integer_bytes(unsigned encoding)
{
    static const unsigned char bytes[] = {2, 3, 4, 8};

    ASSERT(encoding >= INTEGER_16 && encoding <= INTEGER_64);
    return bytes[encoding - INTEGER_16];
}

size_t listpack_wide_element_bytes(const unsigned char *element)
{
    if (element[0] == STRING_32)
        return 5 + listpack_read_little(element + 1, 4);
    return 1 + wide_integer_bytes(element[0]);
}

static int64_t extend_sign(uint64_t value, unsigned bits)
{
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

int64_t listpack_wide_integer(const unsigned char *element)
{
    if (element[0] < STRING_12)
        return extend_sign((uint64_t)(element[0] & 0x1f) << 8 | element[1], 13);
    size_t bytes = wide_integer_bytes(element[0]);
    return extend_sign(listpack_read_little(element + 1, bytes), (unsigned)bytes * 8);
}

static inline bool is_digit(char byte)
{
    return (unsigned char)(byte - '0') < 10;
}

/* Most text is told from an integer by its ends. */
bool listpack_read_integer(struct str text, int64_t *integer)
{
    if (text.length == 0 || text.length > INTEGER_TEXT_MAX || !is_digit(text.bytes[text.length - 1]))
        return false;
    if (text.bytes[0] != '-' && !is_digit(text.bytes[0]))
        return false;
    return number_parse_integer(text, integer);
}

struct listpack_value listpack_value_of(struct str text)
{
    int64_t integer;

    if (listpack_read_integer(text, &integer))
        return listpack_integer(integer);
    return (struct listpack_value){.bytes = text.bytes != NULL ? text.bytes : "", .length = text.length};
}

static bool fits_bits(int64_t integer, unsigned bits)
{
    return extend_sign((uint64_t)integer, bits) == integer;
}

static struct listpack_pieces wide_integer_pieces(unsigned encoding, int64_t integer)
{
    struct listpack_pieces pieces = {.start = {(unsigned char)encoding},
                                     .start_bytes = 1 + wide_integer_bytes(encoding)};

    listpack_write_little(pieces.start + 1, (uint64_t)integer, pieces.start_bytes - 1);
    return pieces;
}

static struct listpack_pieces integer_pieces(int64_t integer)
{
    if (integer >= 0 && integer <= 127)
        return (struct listpack_pieces){.start = {(unsigned char)integer}, .start_bytes = 1};
    if (fits_bits(integer, 13)) {
        unsigned char high = (unsigned char)(INTEGER_13 | (integer >> 8 & 0x1f));
        return (struct listpack_pieces){.start = {high, (unsigned char)integer}, .start_bytes = 2};
    }
    return wide_integer_pieces(fits_bits(integer, 16)   ? INTEGER_16
                               : fits_bits(integer, 24) ? INTEGER_24
                               : fits_bits(integer, 32) ? INTEGER_32
                                                        : INTEGER_64,
                               integer);
}

static struct listpack_pieces string_pieces(struct str string)
{
    struct listpack_pieces pieces = {.string = string};

    if (string.length < 64) {
        pieces.start[0] = (unsigned char)(0x80 | string.length);
        pieces.start_bytes = 1;
    } else if (string.length < 4096) {
        pieces.start[0] = (unsigned char)(STRING_12 | string.length >> 8);
        pieces.start[1] = (unsigned char)string.length;
        pieces.start_bytes = 2;
    } else {
        pieces.start[0] = STRING_32;
        listpack_write_little(pieces.start + 1, string.length, 4);
        pieces.start_bytes = 5;
    }
    return pieces;
}

struct listpack_pieces listpack_pieces_of(struct listpack_value value)
{
    if (value.bytes == NULL)
        return integer_pieces(value.integer);
    return string_pieces((struct str){value.bytes, value.length});
}

static size_t body_bytes_of(const struct listpack_pieces *pieces)
{
    return pieces->start_bytes + pieces->string.length;
}

size_t listpack_pieces_bytes(const struct listpack_pieces *pieces)
{
    size_t body = body_bytes_of(pieces);

    return body + listpack_back_length_bytes(body);
}

size_t listpack_value_bytes(struct listpack_value value)
{
    struct listpack_pieces pieces = listpack_pieces_of(value);

    return listpack_pieces_bytes(&pieces);
}

/* The most significant group first, and all others marked, so that a reader from behind knows where to stop. */
static void write_back_length(unsigned char *to, size_t body_bytes)
{
    for (size_t left = listpack_back_length_bytes(body_bytes); left-- > 0; body_bytes >>= 7)
        to[left] = (unsigned char)((body_bytes & 0x7f) | (left > 0 ? 0x80 : 0));
}

unsigned char *listpack_write_element(unsigned char *to, const struct listpack_pieces *pieces)
{
    size_t body = body_bytes_of(pieces);

    memcpy(to, pieces->start, pieces->start_bytes);
    str_copy((char *)to + pieces->start_bytes, pieces->string);
    write_back_length(to + body, body);
    return to + body + listpack_back_length_bytes(body);
}

const unsigned char *listpack_element_before(const unsigned char *end)
{
    const unsigned char *at = end - 1;
    size_t body_bytes = *at & 0x7f;

    for (unsigned shift = 7; *at & 0x80; shift += 7)
        body_bytes |= (size_t)(*--at & 0x7f) << shift;
    return at - body_bytes;
}

/* Bytes of the element before its back length, or 0: they do not all lie before the end. */
static size_t valid_body_bytes(const unsigned char *element, const unsigned char *end)
{
    size_t left = (size_t)(end - element), body_bytes;

    if (element[0] > INTEGER_64 || (element[0] >= INTEGER_13 && left < 2) || (element[0] == STRING_32 && left < 5))
        return 0;
    body_bytes = listpack_element_body_bytes(element);
    return body_bytes < left ? body_bytes : 0;
}

const unsigned char *listpack_valid_element_end(const unsigned char *element, const unsigned char *end)
{
    size_t body_bytes = valid_body_bytes(element, end), back_bytes = listpack_back_length_bytes(body_bytes);
    unsigned char back_length[BACK_LENGTH_MAX];

    if (body_bytes == 0 || back_bytes > (size_t)(end - element) - body_bytes)
        return NULL;
    write_back_length(back_length, body_bytes);
    if (memcmp(back_length, element + body_bytes, back_bytes) != 0)
        return NULL;
    return element + body_bytes + back_bytes;
}
