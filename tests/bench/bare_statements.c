/*
 * bare_statements - the least that PostgreSQL has to do for messages on their way: the product's own four
 * statements, prepared, in batches of 500, by one connection that does nothing else. What the whole way costs
 * beyond this, it costs for smaller batches, for events, and for everybody else on the machine.
 *
 *   bare_statements DATABASE_URL COUNT
 *
 * Prints one JSON object: messages and seconds, and the seconds of each statement.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/pg.h"
#include "base/pg_params.h"
#include "schemas/lifecycle.h"
#include "tests/bench/clocks.h"

#define BATCH 500
#define PAYLOAD                                                                    \
    "{\"name\": \"Ada Lovelace\", \"order\": \"4711\", \"total\": \"129.90 EUR\"," \
    " \"delivery\": \"2 to 3 working days\", \"address\": \"12 St James's Square, London SW1Y 4JH\"}"

static PGconn *connection;
static struct pg_params params;
static struct uuid ids[BATCH];
static int64_t outbox_ids[BATCH];
static double spent_s[4];

static const struct pg_statement *const statements[] = {&lifecycle_insert, &lifecycle_delete_outbox,
                                                        &lifecycle_claim, &lifecycle_finish};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bare_statements: %s\n", what);
    exit(1);
}

static PGresult *execute(size_t number, int rows_expected)
{
    const char *values[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    for (int i = 0; i < params.count; i++) {
        values[i] = params.lengths[i] < 0 ? NULL : params.bytes.bytes + params.offsets[i];
        formats[i] = 1;
    }
    const double began_s = clock_s(CLOCK_MONOTONIC);
    PGresult *rows = PQexecPrepared(connection, statements[number]->name, (int)params.count, values,
                                    params.lengths, formats, 0);
    spent_s[number] += clock_s(CLOCK_MONOTONIC) - began_s;
    const ExecStatusType status = PQresultStatus(rows);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail(PQresultErrorMessage(rows));
    }
    if (rows_expected != PQntuples(rows)) {
        fail("a statement has not met all of the batch");
    }
    pg_params_clear(&params);
    return rows;
}

static void texts(const char *text)
{
    pg_array_begin(&params, PG_TEXT);
    for (int i = 0; i < BATCH; i++) {
        pg_array_text(&params, text);
    }
    pg_array_end(&params);
}

static void payloads(void)
{
    pg_array_begin(&params, PG_JSON);
    for (int i = 0; i < BATCH; i++) {
        pg_array_bytes(&params, PAYLOAD, strlen(PAYLOAD));
    }
    pg_array_end(&params);
}

static void message_ids(void)
{
    pg_array_begin(&params, PG_UUID);
    for (int i = 0; i < BATCH; i++) {
        pg_array_uuid(&params, &ids[i]);
    }
    pg_array_end(&params);
}

static void int4s(int32_t value)
{
    pg_array_begin(&params, PG_INT4);
    for (int i = 0; i < BATCH; i++) {
        pg_array_int4(&params, value);
    }
    pg_array_end(&params);
}

static void int8s(const int64_t *values, int64_t otherwise)
{
    pg_array_begin(&params, PG_INT8);
    for (int i = 0; i < BATCH; i++) {
        pg_array_int8(&params, values ? values[i] : otherwise);
    }
    pg_array_end(&params);
}

static void nulls(enum pg_type type)
{
    pg_array_begin(&params, type);
    for (int i = 0; i < BATCH; i++) {
        pg_array_null(&params);
    }
    pg_array_end(&params);
}

static void none(void)
{
    pg_array_begin(&params, PG_TEXT);
    pg_array_end(&params);
}

/* The parameters of each stand in lifecycle.c, in its order. */
static void insert(void)
{
    for (int i = 0; i < BATCH; i++) {
        ids[i] = uuid_v7();
    }
    message_ids();
    texts("default");
    int8s(NULL, 4711);
    texts("EMAIL");
    texts("normal");
    texts("ada.lovelace@example.com");
    texts("order_confirmation");
    texts("Your order 4711");
    payloads();
    texts("0193c0de-7000-7000-8000-0123456789ab"); /* correlation id */
    nulls(PG_TEXT);                                /* idempotency key */
    nulls(PG_BYTEA);                               /* request hash */
    nulls(PG_TIMESTAMPTZ);
    texts("http");
    nulls(PG_BYTEA); /* ordering key */
    pg_param_int4(&params, 5);
    pg_param_text(&params, "outbound.accepted");
    pg_param_int8(&params, 30000);
    none(); /* traceparent, tracestate */
    none();
    PGresult *rows = execute(0, BATCH);
    for (int i = 0; i < BATCH; i++) {
        outbox_ids[i] = pg_int(rows, i, 1);
    }
    PQclear(rows);
}

static void delete_outbox(int32_t rebuilds)
{
    int8s(outbox_ids, 0);
    pg_param_int4(&params, rebuilds);
    PQclear(execute(1, 0));
}

static void claim(void)
{
    message_ids();
    int4s(0);
    int4s(0);
    pg_param_int8(&params, 60000);
    pg_param_text(&params, "outbound.dlq");
    pg_param_text(&params, "hold");
    none(); /* statuses to be told */
    pg_param_text(&params, "bench");
    PQclear(execute(2, BATCH));
}

static void finish(void)
{
    message_ids();
    int4s(1);
    texts("SENT");
    texts("SENT");
    nulls(PG_TEXT); /* error code, error message */
    nulls(PG_TEXT);
    texts("sendgrid");
    texts("a1b2c3d4e5f6g7h8i9j0");
    int4s(202);
    int8s(NULL, 1234);
    int8s(NULL, 0);
    nulls(PG_TEXT); /* topic to be told */
    int8s(NULL, 0);
    none(); /* statuses to be told */
    PQclear(execute(3, BATCH));
}

static int32_t connect_and_prepare(const char *url)
{
    struct error error;
    connection = pg_connect_blocking(url, "bench", &error);
    if (!connection) {
        fail(error.text);
    }
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        PGresult *prepared = PQprepare(connection, statements[i]->name, statements[i]->sql, 0, NULL);
        if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
            fail(PQresultErrorMessage(prepared));
        }
        PQclear(prepared);
    }
    PGresult *row = PQexec(connection, "SELECT rebuilds FROM outbound_kafka");
    if (PQntuples(row) != 1) {
        fail(PQresultErrorMessage(row));
    }
    const int32_t rebuilds = (int32_t)pg_int(row, 0, 0);
    PQclear(row);
    return rebuilds;
}

int main(int count, char **words)
{
    const long messages = count == 3 ? strtol(words[2], NULL, 10) / BATCH * BATCH : 0;
    if (messages < BATCH) {
        fail("usage: bare_statements DATABASE_URL COUNT, of at least 500");
    }
    pg_params_init(&params, (size_t)16 * 1024 * 1024);
    const int32_t rebuilds = connect_and_prepare(words[1]);
    const double began_s = clock_s(CLOCK_MONOTONIC);
    for (long done = 0; done < messages; done += BATCH) {
        insert();
        delete_outbox(rebuilds);
        claim();
        finish();
    }
    (void)printf("{\"messages\": %ld, \"seconds\": %.6f", messages, clock_s(CLOCK_MONOTONIC) - began_s);
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        (void)printf(", \"%s\": %.6f", statements[i]->name, spent_s[i]);
    }
    (void)printf("}\n");
    PQfinish(connection);
    pg_params_release(&params);
    return 0;
}
