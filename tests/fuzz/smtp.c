/* What a mail server may send: replies, one after the other, in pieces as they come. */
#include <string.h>

#include "base/smtp_reply.h"
#include "tests/fuzz/judged.h"
#include "tests/fuzz/targets.h"

#define REPLY_LIMIT ((size_t)16 * 1024)

int fuzz_smtp(const uint8_t *bytes, size_t length)
{
    struct buffer received;
    struct buffer text;
    const size_t piece = length > 0 ? (size_t)bytes[0] + 1 : 1;
    buffer_init(&received, REPLY_LIMIT);
    buffer_init(&text, REPLY_LIMIT);
    int code = SMTP_REPLY_INCOMPLETE;
    for (size_t at = 1; at < length && code != SMTP_REPLY_MALFORMED; at += piece) {
        buffer_append(&received, bytes + at, length - at < piece ? length - at : piece);
        while ((code = smtp_reply_take(&received, &text)) > 0) {
            must(code >= 200 && code < 600);
            const struct provider_answer answer = {
                .status = code, .body = text.bytes ? text.bytes : "", .body_length = text.length};
            must_be_judged_by_all(&answer, true);
            buffer_clear(&text);
        }
    }
    buffer_release(&received);
    buffer_release(&text);
    return 0;
}
