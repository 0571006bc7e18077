#include "senders/mailbox.h"

#include <string.h>

#include "schemas/address.h"
#include "senders/header_words.h"

bool mailbox_check_sender(const struct config *config, struct error *error)
{
    const char *problem = address_check_email(config->email_from, strlen(config->email_from));
    return !problem || error_set(error, "OUTBOUND_EMAIL_FROM: \"%s\" %s", config->email_from, problem);
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            return false;
        }
    }
    return true;
}

void mailbox_append_sender(const struct config *config, struct buffer *buffer)
{
    const char *name = config->email_from_name;
    if (!*name) {
        buffer_text(buffer, config->email_from);
        return;
    }
    if (is_printable(name)) {
        header_words_quote(buffer, name);
    } else {
        header_words_encode(buffer, name, HEADER_WORD_BYTES_MAX, " ");
    }
    buffer_format(buffer, " <%s>", config->email_from);
}
