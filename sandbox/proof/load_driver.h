/*
 * load_driver.h - a way to hand messages over: by HTTP or by Kafka.
 */
#ifndef SANDBOX_PROOF_LOAD_DRIVER_H
#define SANDBOX_PROOF_LOAD_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/error.h"
#include "sandbox/proof/journal.h"
#include "sandbox/proof/load_message.h"
#include "schemas/config.h"

/* What a driver is told at its start. */
struct load_driver_options {
    uv_loop_t *loop;
    const struct config *config;
    const struct load_options *load;
    /* Each message that was asked for ends once; `took_us` is 0 when there was no answer. */
    void (*on_end)(void *arg, const struct journal_end *end, int64_t took_us);
    void *arg;
};

struct load_driver {
    const char *name; /* "http", as the journal has it */

    /* NULL when a setting or an option is wrong. */
    void *(*open)(const struct load_driver_options *options, struct error *error);

    /* How many messages it can take at once now. */
    size_t (*room)(const void *driver);

    /* Sends it, once. There must be room. */
    void (*ask)(void *driver, const struct load_message *message);

    /* What is still open ends as unanswered, then all is freed. */
    void (*close)(void *driver);
};

extern const struct load_driver load_by_http;
extern const struct load_driver load_by_kafka;

#endif
