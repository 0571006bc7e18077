#include "senders/header_words.h"

#include <openssl/evp.h>
#include <string.h>

/* As many bytes as a word can hold, without cutting a character in two. */
static size_t word_length(const char *text, size_t most)
{
    size_t length = strnlen(text, most + 1);
    if (length > most) {
        length = most;
        while (length > most - 4 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    return length;
}

void header_words_encode(struct buffer *buffer, const char *text, size_t word_bytes, const char *separator)
{
    for (const char *before = ""; *text; before = separator) {
        const size_t length = word_length(text, word_bytes);
        unsigned char base64[HEADER_WORD_BYTES_MAX / 3 * 4 + 1];
        EVP_EncodeBlock(base64, (const unsigned char *)text, (int)length);
        buffer_format(buffer, "%s=?UTF-8?B?%s?=", before, (const char *)base64);
        text += length;
    }
}

void header_words_quote(struct buffer *buffer, const char *text)
{
    buffer_text(buffer, "\"");
    for (; *text; text++) {
        buffer_text(buffer, *text == '"' || *text == '\\' ? "\\" : "");
        buffer_append(buffer, text, 1);
    }
    buffer_text(buffer, "\"");
}
