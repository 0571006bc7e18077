#include "base/smtp_reply.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char byte, char least, char most)
{
    return byte >= least && byte <= most;
}

/* The code of "250 text", "250-text" or "250"; 0 when the line has none. */
static int line_code(const char *line, size_t length)
{
    if (length < 3 || !is_digit(line[0], '2', '5') || !is_digit(line[1], '0', '9') ||
        !is_digit(line[2], '0', '9') || (length > 3 && line[3] != ' ' && line[3] != '-')) {
        return 0;
    }
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

int smtp_reply_take(struct buffer *received, struct buffer *ret_text)
{
    buffer_clear(ret_text);
    size_t at = 0;
    int code = 0;
    for (const char *end;
         at < received->length && (end = memchr(received->bytes + at, '\n', received->length - at));) {
        const char *line = received->bytes + at;
        size_t length = (size_t)(end - line);
        at += length + 1;
        length -= length > 0 && line[length - 1] == '\r';
        const int this_code = line_code(line, length);
        if (this_code == 0 || (code != 0 && this_code != code)) {
            return SMTP_REPLY_MALFORMED;
        }
        code = this_code;
        if (length > 4) {
            buffer_text(ret_text, ret_text->length > 0 ? " " : "");
            buffer_append(ret_text, line + 4, length - 4);
        }
        if (length == 3 || line[3] == ' ') {
            memmove(received->bytes, received->bytes + at, received->length - at);
            received->length -= at;
            return code;
        }
    }
    return received->overflow ? SMTP_REPLY_MALFORMED : SMTP_REPLY_INCOMPLETE;
}
