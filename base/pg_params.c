#include "base/pg_params.h"

#include <arpa/inet.h>
#include <string.h>

/* 2000-01-01T00:00:00Z, PostgreSQL's epoch, in Unix time. */
#define PG_EPOCH_US ((int64_t)946684800 * 1000000)

void pg_params_init(struct pg_params *params, size_t limit)
{
    *params = (struct pg_params){0};
    buffer_init(&params->bytes, limit);
}

void pg_params_release(struct pg_params *params)
{
    buffer_release(&params->bytes);
}

void pg_params_clear(struct pg_params *params)
{
    buffer_clear(&params->bytes);
    params->count = 0;
}

static void begin(struct pg_params *params)
{
    params->offsets[params->count] = params->bytes.length;
}

static void end(struct pg_params *params)
{
    params->lengths[params->count] = (int)(params->bytes.length - params->offsets[params->count]);
    params->count++;
}

void pg_param_int4(struct pg_params *params, int32_t value)
{
    begin(params);
    buffer_int32(&params->bytes, value);
    end(params);
}

void pg_param_int8(struct pg_params *params, int64_t value)
{
    begin(params);
    buffer_int64(&params->bytes, value);
    end(params);
}

void pg_param_text(struct pg_params *params, const char *text)
{
    if (!text) {
        pg_param_null(params);
        return;
    }
    begin(params);
    buffer_text(&params->bytes, text);
    end(params);
}

void pg_param_uuid(struct pg_params *params, const struct uuid *uuid)
{
    begin(params);
    buffer_append(&params->bytes, uuid->bytes, sizeof uuid->bytes);
    end(params);
}

void pg_param_timestamp(struct pg_params *params, int64_t unix_us)
{
    pg_param_int8(params, unix_us - PG_EPOCH_US);
}

void pg_param_null(struct pg_params *params)
{
    begin(params);
    params->lengths[params->count++] = -1;
}

/* The layout is array_recv()'s in src/backend/utils/adt/arrayfuncs.c. */
void pg_array_begin(struct pg_params *params, enum pg_type element_type)
{
    begin(params);
    buffer_int32(&params->bytes, 1); /* dimensions */
    buffer_int32(&params->bytes, 1); /* may have nulls */
    buffer_int32(&params->bytes, (int32_t)element_type);
    params->element_count_at = params->bytes.length;
    params->element_count = 0;
    buffer_int32(&params->bytes, 0); /* elements, known at the end */
    buffer_int32(&params->bytes, 1); /* lower bound */
}

void pg_array_null(struct pg_params *params)
{
    params->element_count++;
    buffer_int32(&params->bytes, -1);
}

void pg_array_bytes(struct pg_params *params, const char *bytes, size_t length)
{
    if (!bytes) {
        pg_array_null(params);
        return;
    }
    params->element_count++;
    buffer_int32(&params->bytes, (int32_t)length);
    buffer_append(&params->bytes, bytes, length);
}

void pg_array_text(struct pg_params *params, const char *text)
{
    pg_array_bytes(params, text, text ? strlen(text) : 0);
}

void pg_array_int4(struct pg_params *params, int32_t value)
{
    params->element_count++;
    buffer_int32(&params->bytes, 4);
    buffer_int32(&params->bytes, value);
}

void pg_array_int8(struct pg_params *params, int64_t value)
{
    params->element_count++;
    buffer_int32(&params->bytes, 8);
    buffer_int64(&params->bytes, value);
}

void pg_array_timestamp(struct pg_params *params, int64_t unix_us)
{
    pg_array_int8(params, unix_us - PG_EPOCH_US);
}

void pg_array_uuid(struct pg_params *params, const struct uuid *uuid)
{
    pg_array_bytes(params, (const char *)uuid->bytes, sizeof uuid->bytes);
}

void pg_array_end(struct pg_params *params)
{
    if (!params->bytes.overflow) {
        const uint32_t count = htonl((uint32_t)params->element_count);
        memcpy(params->bytes.bytes + params->element_count_at, &count, sizeof count);
    }
    end(params);
}
