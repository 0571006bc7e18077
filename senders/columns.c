#include "senders/columns.h"

void columns_add(struct pg_params *params, const struct column *columns, size_t count,
                 const struct delivery_list *deliveries)
{
    for (size_t i = 0; i < count; i++) {
        pg_array_begin(params, columns[i].type);
        for (const struct delivery *delivery = deliveries->first; delivery; delivery = delivery->next) {
            columns[i].put(params, delivery);
        }
        pg_array_end(params);
    }
}

void column_put_id(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_uuid(params, &delivery->id);
}
