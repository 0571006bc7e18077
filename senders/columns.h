/*
 * columns.h - a list of deliveries as the array parameters of a statement, one array per column.
 */
#ifndef SENDERS_COLUMNS_H
#define SENDERS_COLUMNS_H

#include "base/pg_params.h"
#include "senders/sender.h"

struct column {
    enum pg_type type;
    void (*put)(struct pg_params *params, const struct delivery *delivery); /* appends one element */
};

/* Adds one array for each of the `count` columns, in their order. */
void columns_add(struct pg_params *params, const struct column *columns, size_t count,
                 const struct delivery_list *deliveries);

void column_put_id(struct pg_params *params, const struct delivery *delivery);

#endif
