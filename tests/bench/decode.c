/*
 * decode - what it costs to read a record: our decoders, and beside each avro-c's generic value, reused from
 * record to record, of which nothing is looked at yet.
 *
 *   decode COUNT
 *
 * Prints one JSON object: nanoseconds of CPU for a record of each kind.
 */
#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schemas/avro_schemas.h"
#include "schemas/avro_write.h"
#include "schemas/reference.h"
#include "schemas/request_record.h"
#include "tests/bench/clocks.h"

#define HEADER_SIZE 10

static void fail(const char *what)
{
    (void)fprintf(stderr, "decode: %s\n", what);
    exit(1);
}

static double cpu_ns(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID) * 1e9;
}

static void make_reference(struct buffer *into)
{
    const struct reference reference = {.id = uuid_v7(),
                                        .generation = 1,
                                        .org_id = text_of("default"),
                                        .channel = text_of("EMAIL"),
                                        .priority = text_of("normal"),
                                        .expires_at_ms = INT64_C(1769903999123)};
    reference_encode(&reference, into);
}

/* All fields given, and some data for the template. */
static void make_request(struct buffer *into)
{
    avro_put_nullable_string(into, text_of("order-4711-confirmation"));
    avro_put_string(into, text_of("shop"));
    avro_put_nullable_string(into, text_of("default"));
    avro_put_long(into, 4711);
    avro_put_string(into, text_of("EMAIL"));
    avro_put_string(into, text_of("jane.doe@example.org"));
    avro_put_string(into, text_of("ORDER_CONFIRMED"));
    avro_put_nullable_string(into, text_of("Your order 4711"));
    avro_put_string(into, text_of("{\"name\":\"Jane Doe\",\"order\":4711,\"total\":\"129.90 EUR\",\"items\":["
                                  "{\"sku\":\"A-100\",\"title\":\"Coffee beans\",\"count\":2},"
                                  "{\"sku\":\"B-200\",\"title\":\"Paper filters\",\"count\":1}],"
                                  "\"link\":\"https://shop.example.org/orders/4711\"}"));
    avro_put_nullable_string(into, text_of("normal"));
    avro_put_nullable_long(into, INT64_C(1769903999123));
    avro_put_nullable_string(into, text_of("01980a5d-ac96-774b-bcce-b302099a8057"));
}

static double time_reference(const struct buffer *record, long count)
{
    struct reference reference;
    enum error_code code = ERROR_NONE;
    const double begin = cpu_ns();
    for (long i = 0; i < count; i++) {
        if (!reference_decode(record->bytes, record->length, &reference, &code)) {
            fail("the reference was refused");
        }
    }
    return (cpu_ns() - begin) / (double)count;
}

static double time_request(const struct buffer *datum, long count)
{
    const char *schema = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    struct arena arena = {NULL};
    struct error error;
    enum error_code code = ERROR_NONE;
    struct request_reader *reader = request_reader_new(schema, strlen(schema), &error);
    if (!reader) {
        fail(error.text);
    }
    const double begin = cpu_ns();
    for (long i = 0; i < count; i++) {
        struct new_message message = {.channel = CHANNEL_COUNT};
        struct violations violations = {.arena = &arena};
        if (!request_reader_read(reader, datum->bytes, datum->length, &arena, &message, &violations, &code) ||
            violations.count) {
            fail("the request was refused");
        }
        arena_reset(&arena);
    }
    const double ns = (cpu_ns() - begin) / (double)count;
    request_reader_free(reader);
    arena_release(&arena);
    return ns;
}

static double time_generic(enum schema of, const char *datum, size_t length, long count)
{
    const char *text = avro_schema_text(of);
    avro_schema_t schema;
    avro_value_t value;
    if (avro_schema_from_json_length(text, strlen(text), &schema) != 0) {
        fail(avro_strerror());
    }
    avro_value_iface_t *type = avro_generic_class_from_schema(schema);
    if (!type || avro_generic_value_new(type, &value) != 0) {
        fail(avro_strerror());
    }
    avro_reader_t reader = avro_reader_memory(datum, (int64_t)length);
    const double begin = cpu_ns();
    for (long i = 0; i < count; i++) {
        avro_reader_memory_set_source(reader, datum, (int64_t)length);
        if (avro_value_read(reader, &value) != 0) {
            fail(avro_strerror());
        }
    }
    const double ns = (cpu_ns() - begin) / (double)count;
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(type);
    avro_schema_decref(schema);
    return ns;
}

int main(int argc, char **argv)
{
    const long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    struct buffer reference;
    struct buffer request;
    if (count < 1) {
        fail("usage: decode COUNT");
    }
    buffer_init(&reference, SIZE_MAX / 4);
    buffer_init(&request, SIZE_MAX / 4);
    make_reference(&reference);
    make_request(&request);
    printf(
        "{\"reference_ns\":%.1f,\"reference_generic_ns\":%.1f,\"request_ns\":%.1f,\"request_generic_ns\":%."
        "1f}\n",
        time_reference(&reference, count),
        time_generic(SCHEMA_REFERENCE, reference.bytes + HEADER_SIZE, reference.length - HEADER_SIZE, count),
        time_request(&request, count),
        time_generic(SCHEMA_MESSAGE_REQUEST, request.bytes, request.length, count));
    buffer_release(&reference);
    buffer_release(&request);
    return 0;
}
