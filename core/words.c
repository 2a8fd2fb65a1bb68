#include "core/words.h"

#include "core/number.h"

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Vertical tab and form feed part words only in front of one. */
static bool ends_bare_word(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static char escaped_byte(char letter)
{
    switch (letter) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return letter;
    }
}

/* at: a backslash between double quotes, with a byte behind it. */
static void unescape(struct words *words)
{
    const char *at = words->at;

    if (words->end - at >= 4 && at[1] == 'x' && number_hex_digit(at[2]) >= 0 && number_hex_digit(at[3]) >= 0) {
        *words->out++ = (char)(number_hex_digit(at[2]) << 4 | number_hex_digit(at[3]));
        words->at += 4;
    } else {
        *words->out++ = escaped_byte(at[1]);
        words->at += 2;
    }
}

/* Passes the closing quote, which has to be there and to end the word. */
static bool close_quote(struct words *words)
{
    if (words->at == words->end)
        return false;
    words->at++;
    return words->at == words->end || is_blank(*words->at);
}

static bool double_quoted(struct words *words)
{
    while (words->at < words->end && *words->at != '"') {
        if (*words->at == '\\' && words->end - words->at >= 2)
            unescape(words);
        else
            *words->out++ = *words->at++;
    }
    return close_quote(words);
}

static bool single_quoted(struct words *words)
{
    while (words->at < words->end && *words->at != '\'') {
        if (*words->at == '\\' && words->end - words->at >= 2 && words->at[1] == '\'')
            words->at++;
        *words->out++ = *words->at++;
    }
    return close_quote(words);
}

enum words_status words_next(struct words *words, struct str *word)
{
    const char *start = words->out;
    bool balanced = true;

    while (words->at < words->end && is_blank(*words->at))
        words->at++;
    if (words->at == words->end)
        return WORDS_END;
    while (words->at < words->end && !ends_bare_word(*words->at)) {
        char byte = *words->at++;
        if (byte == '"' || byte == '\'') {
            balanced = byte == '"' ? double_quoted(words) : single_quoted(words);
            break;
        }
        *words->out++ = byte;
    }
    *word = (struct str){start, (size_t)(words->out - start)};
    return balanced ? WORDS_NEXT : WORDS_UNBALANCED;
}
