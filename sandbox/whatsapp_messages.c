#include "sandbox/whatsapp_messages.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/answer.h"
#include "sandbox/whatsapp.h"

#define DOCUMENT_MAX ((size_t)8 * 1024 * 1024) /* a body of 1 MB, each byte escaped */

static void say(struct answer *answer, const struct whatsapp_error *error)
{
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    whatsapp_write_error(error, &document);
    answer_set_json(answer, document.bytes, document.length);
    buffer_release(&document);
}

/* An answer_status_fn. */
static void say_status(struct answer *answer, int status)
{
    if (status >= 400) {
        const struct whatsapp_error error = whatsapp_status_error(status);
        say(answer, &error);
    }
}

static void refuse(struct sandbox *sandbox, struct http_request *http, const struct whatsapp_error *error)
{
    struct answer *answer = answer_new(http, error->status);
    say(answer, error);
    answer_refuse(sandbox, answer);
}

static bool has_token(const struct http_request *http)
{
    const char *authorization = http_request_header(http, "Authorization");
    return authorization && strncasecmp(authorization, "Bearer ", 7) == 0 && authorization[7] > ' ';
}

/* What the caller wants back in status webhooks: "message id:attempt". */
static void read_opaque(const json_t *body, struct arena *arena, struct delivery *delivery)
{
    const char *opaque = json_string_value(json_object_get(body, "biz_opaque_callback_data"));
    const char *colon = opaque ? strchr(opaque, ':') : NULL;
    if (colon) {
        delivery->message_id = arena_copy(arena, opaque, (size_t)(colon - opaque));
        delivery->attempt = arena_strdup(arena, colon + 1);
    }
}

static void deliver(struct sandbox *sandbox, struct http_request *http, const json_t *body)
{
    char id[WHATSAPP_ID_SIZE];
    whatsapp_new_id(id);
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    whatsapp_write_accepted(body, id, &document);
    struct answer *answer = answer_new(http, 200);
    answer_set_json(answer, document.bytes, document.length);
    buffer_release(&document);
    const char *type = json_string_value(json_object_get(body, "type"));
    char *content = json_dumps(json_object_get(body, type ? type : "text"), JSON_COMPACT);
    struct delivery delivery = {.channel = "WHATSAPP",
                                .provider = "whatsapp",
                                .provider_message_id = id,
                                .content = content,
                                .to = json_string_value(json_object_get(body, "to"))};
    read_opaque(body, &http->arena, &delivery);
    answer_accept(sandbox, answer, &delivery, say_status);
    free(content);
}

void whatsapp_messages(struct sandbox *sandbox, struct http_request *http)
{
    struct whatsapp_error error;
    if (!has_token(http)) {
        error = whatsapp_status_error(401);
        refuse(sandbox, http, &error);
        return;
    }
    json_t *body = json_loadb(http->body.bytes ? http->body.bytes : "", http->body.length, 0, NULL);
    if (whatsapp_check(body, &http->arena, &error)) {
        deliver(sandbox, http, body);
    } else {
        refuse(sandbox, http, &error);
    }
    json_decref(body);
}
