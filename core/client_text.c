#include "core/client_text.h"

#include "core/resp_write.h"

bool client_text_accepted(struct reply *reply, struct str text, struct str what)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] >= '!' && text.bytes[i] <= '~')
            continue;
        reply_error_format(reply, "ERR %.*s cannot contain spaces, newlines or special characters.",
                           str_quoted_length(what), what.bytes);
        return false;
    }
    return true;
}
