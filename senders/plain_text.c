#include "senders/plain_text.h"

#include "base/text.h"
#include "senders/payload_text.h"

bool plain_text_find(const struct message *message, size_t characters_max, struct buffer *ret_text,
                     struct verdict *ret_verdict)
{
    if (!payload_text(message->payload, "text", ret_text)) {
        verdict_set(ret_verdict, ERROR_TEMPLATE_NOT_FOUND,
                    "there is no template for templateCode \"%s\", and payloadJson has no text",
                    message->template_code);
        return false;
    }
    const size_t characters = text_characters((struct text){ret_text->bytes, ret_text->length});
    if (characters > characters_max) {
        verdict_set(ret_verdict, ERROR_MESSAGE_TOO_LARGE,
                    "the text in payloadJson has %zu characters, the provider takes %zu", characters,
                    characters_max);
        return false;
    }
    return true;
}
