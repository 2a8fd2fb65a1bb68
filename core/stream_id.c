/* What Redis takes for an ID is what its C strings and strtoull take, and the
 * same is taken here: a text ends at a zero byte. */
#include "core/stream_id.h"

#include "core/number.h"

enum { ID_LENGTH_MAX = 127 };

bool stream_id_increment(struct stream_id *id)
{
    if (id->sequence != UINT64_MAX)
        id->sequence++;
    else if (id->ms != UINT64_MAX)
        *id = (struct stream_id){id->ms + 1, 0};
    else
        return false;
    return true;
}

bool stream_id_decrement(struct stream_id *id)
{
    if (id->sequence != 0)
        id->sequence--;
    else if (id->ms != 0)
        *id = (struct stream_id){id->ms - 1, UINT64_MAX};
    else
        return false;
    return true;
}

static size_t format_unsigned(char *text, uint64_t value)
{
    char digits[20];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    for (size_t i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    return count;
}

size_t stream_id_format(char text[static STREAM_ID_TEXT_MAX], struct stream_id id)
{
    size_t length = format_unsigned(text, id.ms);

    text[length++] = '-';
    return length + format_unsigned(text + length, id.sequence);
}

static bool parse_number(struct str text, uint64_t *value)
{
    int64_t integer;

    if (!number_parse_integer(text, &integer))
        return number_parse_wrapping(text, value);
    *value = (uint64_t)integer;
    return integer >= 0;
}

static bool parse(struct str text, uint64_t missing_sequence, struct stream_id *id, bool *any_sequence)
{
    if (text.length > ID_LENGTH_MAX)
        return false;
    text.length = strnlen(text.bytes, text.length);
    const char *dash = text.length > 0 ? memchr(text.bytes, '-', text.length) : NULL;
    if (dash == NULL) {
        id->sequence = missing_sequence;
        return parse_number(text, &id->ms);
    }
    struct str ms = {text.bytes, (size_t)(dash - text.bytes)}, sequence = {dash + 1, text.length - ms.length - 1};
    if (!parse_number(ms, &id->ms))
        return false;
    if (any_sequence != NULL && str_equal(sequence, STR("*"))) {
        *any_sequence = true;
        id->sequence = 0;
        return true;
    }
    return parse_number(sequence, &id->sequence);
}

bool stream_id_parse(struct str text, uint64_t missing_sequence, struct stream_id *id)
{
    return parse(text, missing_sequence, id, NULL);
}

bool stream_id_parse_bound(struct str text, uint64_t missing_sequence, struct stream_id *id)
{
    if (str_equal(text, STR("-"))) {
        *id = (struct stream_id){0, 0};
        return true;
    }
    if (str_equal(text, STR("+"))) {
        *id = stream_id_greatest();
        return true;
    }
    return parse(text, missing_sequence, id, NULL);
}

bool stream_id_parse_new(struct str text, struct stream_id *id, bool *any_sequence)
{
    *any_sequence = false;
    return parse(text, 0, id, any_sequence);
}
