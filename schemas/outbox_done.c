#include "schemas/outbox_done.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "schemas/lifecycle.h"

#define DELETED_AT_ONCE ((size_t)5000)
#define PARAMS_MAX ((size_t)1024 * 1024)
#define CAPACITY_MIN 1024

void outbox_done_init(struct outbox_done *done, struct pg *pg)
{
    *done = (struct outbox_done){.pg = pg, .rebuilds = -1};
    pg_params_init(&done->params, PARAMS_MAX);
}

void outbox_done_begin(struct outbox_done *done, int64_t rebuilds)
{
    done->count = 0;
    done->deleting = 0;
    done->rebuilds = rebuilds;
}

void outbox_done_release(struct outbox_done *done)
{
    pg_params_release(&done->params);
    free(done->ids);
}

void outbox_done_add(struct outbox_done *done, int64_t outbox_id)
{
    if (done->count == done->capacity) {
        done->capacity = done->capacity ? done->capacity * 2 : CAPACITY_MIN;
        done->ids = memory_resize(done->ids, done->capacity * sizeof *done->ids);
    }
    done->ids[done->count++] = outbox_id;
}

static void on_deleted(void *arg, struct pg_reply *reply)
{
    struct outbox_done *done = arg;
    done->asked = false;
    if (reply->outcome == PG_DONE) {
        done->count -= done->deleting;
        memmove(done->ids, done->ids + done->deleting, done->count * sizeof *done->ids);
    } else if (reply->outcome == PG_REFUSED) {
        log_error("outbox rows cannot be deleted: %s", reply->message);
    }
    done->deleting = 0;
    if (reply->outcome == PG_DONE) {
        outbox_done_delete(done);
    }
}

void outbox_done_delete(struct outbox_done *done)
{
    const size_t count = done->count < DELETED_AT_ONCE ? done->count : DELETED_AT_ONCE;
    if (done->asked || count == 0) {
        return;
    }
    pg_params_clear(&done->params);
    pg_array_begin(&done->params, PG_INT8);
    for (size_t i = 0; i < count; i++) {
        pg_array_int8(&done->params, done->ids[i]);
    }
    pg_array_end(&done->params);
    pg_param_int4(&done->params, (int32_t)done->rebuilds);
    done->asked = pg_call(done->pg, &lifecycle_delete_outbox, &done->params, on_deleted, done);
    done->deleting = done->asked ? count : 0;
}
