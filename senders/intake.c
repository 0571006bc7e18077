/*
 * Which records are taken next: urgent ones first. No lane gets more than nine tenths of the places, so
 * urgent messages find one free behind any backlog of others, and a stream of them does not stop the others.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "schemas/deadletter.h"
#include "schemas/letter_record.h"
#include "schemas/message_log.h"
#include "senders/sender.h"

#define NORMAL_FIRST_EVERY 10

/* A record that nobody can read, until the dead-letter topic has it. */
struct unreadable {
    struct sender *sender;
    struct lane *lane;
    struct kafka_position position;
    rd_kafka_message_t *record;
    enum error_code code;
    struct unreadable *next;
};

static void on_dead_letter(void *arg, uint64_t ticket, const char *reason);

static bool open_dead_letters(struct sender *sender)
{
    struct error error;
    const struct kafka_producer_options options = {.kafka = config_kafka(sender->config, "outbound-sender"),
                                                   .message_timeout_ms =
                                                       (unsigned)sender->config->kafka_message_timeout_ms,
                                                   .on_delivery = on_dead_letter,
                                                   .arg = sender};
    if (!sender->dead_letters) {
        sender->dead_letters = kafka_producer_open(&sender->service.loop, &options, &error);
        if (!sender->dead_letters) {
            log_error("%s", error.text);
        }
    }
    return sender->dead_letters;
}

static void unreadable_free(struct unreadable *unreadable)
{
    rd_kafka_message_destroy(unreadable->record);
    free(unreadable);
}

static void remember(struct unreadable *unreadable)
{
    unreadable->next = unreadable->sender->unreadable;
    unreadable->sender->unreadable = unreadable;
}

static void unreadable_send(struct unreadable *unreadable)
{
    struct sender *sender = unreadable->sender;
    if (!open_dead_letters(sender) ||
        !deadletter_send(sender->dead_letters, unreadable->record, unreadable->code, NULL, "sender",
                         (uint64_t)(uintptr_t)unreadable)) {
        remember(unreadable); /* the tick tries again */
    }
}

void intake_retry(struct sender *sender)
{
    struct unreadable *list = sender->unreadable;
    sender->unreadable = NULL;
    for (struct unreadable *next; list; list = next) {
        next = list->next;
        unreadable_send(list);
    }
}

static void on_dead_letter(void *arg, uint64_t ticket, const char *reason)
{
    struct unreadable *unreadable = (struct unreadable *)(uintptr_t)ticket;
    (void)arg;
    if (!reason) {
        kafka_consumer_finish(unreadable->lane->consumer, unreadable->position);
        unreadable_free(unreadable);
    } else {
        remember(unreadable);
    }
}

static void set_aside(struct sender *sender, struct lane *lane, struct kafka_position position,
                      rd_kafka_message_t *record, enum error_code code)
{
    if (message_log_wants(sender->config, LOG_WARN, false)) {
        struct message_fields fields;
        message_fields_of_record(&fields, record, code);
        log_write(LOG_WARN, fields.list,
                  "a record cannot be read and goes to the dead letters: %s (%s [%d] offset %lld)",
                  error_row(code)->name, lane->topic, (int)record->partition, (long long)record->offset);
    }
    struct unreadable *unreadable = NEW(struct unreadable);
    *unreadable = (struct unreadable){
        .sender = sender, .lane = lane, .position = position, .record = record, .code = code};
    unreadable_send(unreadable);
}

/* Takes the lane's next record into a free place. False: there is none. */
static bool take_one(struct sender *sender, struct lane *lane)
{
    struct kafka_position position;
    rd_kafka_message_t *record;
    while ((record = kafka_consumer_take(lane->consumer, &position))) {
        struct reference reference;
        enum error_code code;
        if (!letter_or_reference_decode(record->payload, record->len, &reference, &code)) {
            set_aside(sender, lane, position, record, code);
            continue;
        }
        struct delivery *delivery = sender->free;
        sender->free = delivery->next;
        sender->in_flight++;
        lane->in_flight++;
        delivery->lane = lane;
        delivery->position = position;
        delivery->id = reference.id;
        delivery->generation = reference.generation;
        delivery->fence = reference.fence;
        delivery_list_push(&sender->unclaimed, delivery);
        rd_kafka_message_destroy(record);
        return true;
    }
    return false;
}

/* A tenth of the places, at least one, is out of reach for one lane. */
static size_t lane_limit(const struct sender *sender)
{
    const size_t all = sender->places;
    return all - (all >= 10 ? all / 10 : 1);
}

bool intake_has_room(const struct sender *sender, const struct lane *lane)
{
    return sender->free && lane->in_flight < lane_limit(sender);
}

bool intake_is_full(const struct sender *sender)
{
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (!intake_has_room(sender, &sender->lanes[i])) {
            return true;
        }
    }
    return false;
}

void intake_fill(struct sender *sender, size_t most)
{
    const size_t first = sender->claims % NORMAL_FIRST_EVERY == 0 ? LANE_NORMAL : LANE_URGENT;
    for (size_t i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &sender->lanes[(first + i) % LANE_COUNT];
        while (most > 0 && intake_has_room(sender, lane) && take_one(sender, lane)) {
            most--;
        }
    }
}

void intake_close(struct sender *sender)
{
    kafka_producer_close(sender->dead_letters); /* its last reports finish records of the consumers */
    for (struct unreadable *unreadable; (unreadable = sender->unreadable);) {
        sender->unreadable = unreadable->next;
        unreadable_free(unreadable); /* its offset is not finished: it is read again */
    }
    for (size_t i = 0; i < LANE_COUNT; i++) {
        kafka_consumer_close(sender->lanes[i].consumer);
    }
}
