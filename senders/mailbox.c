#include "senders/mailbox.h"

#include <openssl/evp.h>
#include <string.h>

#include "schemas/address.h"

/* An encoded word has at most 75 characters, of which 12 are around the text; 45 bytes become 60. */
#define WORD_BYTES_MAX 45

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

static void append_quoted(struct buffer *buffer, const char *text)
{
    buffer_text(buffer, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            buffer_text(buffer, "\\");
        }
        buffer_append(buffer, text, 1);
    }
    buffer_text(buffer, "\"");
}

/* As many bytes as a word can hold, without cutting a character in two. */
static size_t word_length(const char *text)
{
    size_t length = strnlen(text, WORD_BYTES_MAX + 1);
    if (length > WORD_BYTES_MAX) {
        length = WORD_BYTES_MAX;
        while (length > WORD_BYTES_MAX - 4 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    return length;
}

static void append_encoded(struct buffer *buffer, const char *text)
{
    const char *separator = "";
    while (*text) {
        const size_t length = word_length(text);
        unsigned char base64[WORD_BYTES_MAX / 3 * 4 + 1];
        EVP_EncodeBlock(base64, (const unsigned char *)text, (int)length);
        buffer_format(buffer, "%s=?UTF-8?B?%s?=", separator, (const char *)base64);
        separator = " "; /* between two words it is not part of the text */
        text += length;
    }
}

void mailbox_append_sender(const struct config *config, struct buffer *buffer)
{
    const char *name = config->email_from_name;
    if (!*name) {
        buffer_text(buffer, config->email_from);
        return;
    }
    if (is_printable(name)) {
        append_quoted(buffer, name);
    } else {
        append_encoded(buffer, name);
    }
    buffer_format(buffer, " <%s>", config->email_from);
}
