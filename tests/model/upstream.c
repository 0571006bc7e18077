/*
 * A service upstream, which publishes requests to outbound.requests, some of them twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/avro_write.h"
#include "schemas/topics.h"
#include "schemas/wire.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define SOURCE "shop"

struct request {
    char name[24];
    struct buffer value;
    const struct record *published; /* the first of it; NULL: it is to come */
};

static struct request requests[MESSAGES_MAX];
static size_t request_count;

void upstream_reset(void)
{
    request_count = 0;
}

static void publish(void *arg)
{
    struct request *request = arg;
    if (!kafka_is_up()) {
        event_at(NULL, world_now_us() + 200 * MS, publish, request);
        return;
    }
    static const char key[] = "one";
    const struct kafka_record_out record = {.topic = topic_name(TOPIC_REQUESTS),
                                            .key = key,
                                            .key_length = one_in(6) ? sizeof key - 1 : 0,
                                            .value = request->value.bytes,
                                            .value_length = request->value.length};
    struct record *published = kafka_append(&record);
    published->request = request->name;
    request->published = published;
    tell("upstream: asks for %s", request->name);
}

void upstream_begin(unsigned number, int64_t at_us)
{
    if (request_count == MESSAGES_MAX) {
        abort();
    }
    struct request *request = &requests[request_count++];
    *request = (struct request){0};
    (void)snprintf(request->name, sizeof request->name, "request-%u", number);
    char to[48];
    (void)snprintf(to, sizeof to, "buyer-%u@example.org", number);
    const struct text nothing = {0};
    struct buffer value;
    buffer_init(&value, 4096);
    wire_put_header(&value, SCHEMA_MESSAGE_REQUEST, 0);
    avro_put_nullable_string(&value, text_of(request->name));
    avro_put_string(&value, text_of(SOURCE));
    avro_put_nullable_string(&value, nothing); /* orgId */
    avro_put_long(&value, number);
    avro_put_string(&value, text_of("EMAIL"));
    avro_put_string(&value, text_of(to));
    avro_put_string(&value, text_of("hello"));
    avro_put_nullable_string(&value, text_of("Hello"));
    avro_put_string(&value, text_of("{\"text\":\"Hello\"}"));
    avro_put_nullable_string(&value, one_in(4) ? text_of("urgent") : nothing);
    avro_put_nullable_long(&value, 0);         /* expiresAt */
    avro_put_nullable_string(&value, nothing); /* correlationId */
    request->value = value;
    request->value.bytes = world_copy(value.bytes, value.length);
    buffer_release(&value);
    event_at(NULL, at_us, publish, request);
    if (one_in(4)) {
        event_at(NULL, at_us + between(0, 3 * SECOND), publish, request);
    }
}

bool upstream_is_stored(const char *name)
{
    for (size_t i = 0; i < database.message_count; i++) {
        const struct message_row *message = &database.messages[i];
        if (text_is(message->source, SOURCE) && text_is(message->idempotency_key, name)) {
            return true;
        }
    }
    return false;
}

/* What Kafka has lost before the router has read it is the stated exception. */
size_t upstream_waiting(void)
{
    size_t count = 0;
    for (size_t i = 0; i < request_count; i++) {
        const struct record *published = requests[i].published;
        count += !(published && published->lost) && !upstream_is_stored(requests[i].name);
    }
    return count;
}
