/*
 * Every few milliseconds the messages that are due are written to the journal, all in one write, and then
 * asked for. What is due follows from the clock alone: answers that are late do not slow it down.
 */
#include "sandbox/proof/load.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/service.h"
#include "sandbox/proof/journal.h"
#include "sandbox/proof/latencies.h"
#include "sandbox/proof/load_driver.h"

#define EXIT_WRONG_USAGE 2
#define TICK_MS 2
#define AT_ONCE 1000 /* messages in one tick */

struct load {
    struct service service;
    struct load_options options;
    struct journal *journal;
    const struct load_driver *way;
    void *driver;
    uv_timer_t tick;
    int64_t began_us;
    int64_t last_us; /* when the last one was asked for */
    bool over;       /* nothing is asked for any more; answers may still come */
    struct load_message *due;
    struct latencies latencies;
    int64_t asked;
    int64_t accepted;
    int64_t refused;
    int64_t unanswered;
};

static void on_end(void *arg, const struct journal_end *end, int64_t took_us)
{
    struct load *load = arg;
    journal_ended(load->journal, end);
    switch (end->event[0]) {
    case 'a':
        load->accepted++;
        break;
    case 'r':
        load->refused++;
        break;
    default:
        load->unanswered++;
    }
    if (took_us > 0) {
        latencies_add(&load->latencies, took_us);
    }
}

static bool flush(struct load *load)
{
    struct error error;
    if (journal_flush(load->journal, &error)) {
        return true;
    }
    log_error("%s", error.text);
    load->service.exit_code = 1;
    service_done(&load->service);
    return false;
}

/* How many are due by now and can be asked for. */
static size_t due_now(const struct load *load)
{
    const struct load_options *options = &load->options;
    const int64_t elapsed_us = clock_monotonic_us() - load->began_us;
    int64_t due = elapsed_us * options->rate / 1000000 + 1;
    due = (due < options->count ? due : options->count) - load->asked;
    const int64_t room = (int64_t)load->way->room(load->driver);
    due = due < room ? due : room;
    return due < AT_ONCE ? (size_t)due : AT_ONCE;
}

static bool is_over(const struct load *load)
{
    const int64_t elapsed_us = clock_monotonic_us() - load->began_us;
    return load->asked == load->options.count ||
           (load->options.seconds > 0 && elapsed_us >= load->options.seconds * 1000000);
}

static void ask(struct load *load, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        load_message_make(&load->options, load->asked + (int64_t)i + 1, &load->due[i]);
        journal_asked(load->journal, &load->due[i], load->way->name);
    }
    if (!flush(load)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        load->asked++;
        load->way->ask(load->driver, &load->due[i]);
    }
    load->last_us = clock_monotonic_us();
}

static void on_tick(uv_timer_t *tick)
{
    struct load *load = tick->data;
    if (!load->over) {
        ask(load, due_now(load));
        load->over = is_over(load);
    } else if (load->accepted + load->refused + load->unanswered == load->asked) {
        service_done(&load->service);
    } else {
        (void)flush(load);
    }
}

/* The tick waits for the answers. */
static void on_stop(void *role)
{
    struct load *load = role;
    load->over = true;
}

static void print_summary(struct load *load)
{
    const double seconds = (double)(load->last_us - load->began_us) / 1e6;
    const double rate = seconds > 0 ? (double)load->asked / seconds : 0;
    const double p50_ms = latencies_percentile_ms(&load->latencies, 50);
    const double p99_ms = latencies_percentile_ms(&load->latencies, 99);
    const char *format = load->options.json
                             ? "{\"name\":\"%s\",\"seed\":%" PRId64 ",\"asked\":%" PRId64
                               ",\"accepted\":%" PRId64 ",\"refused\":%" PRId64 ",\"unanswered\":%" PRId64
                               ",\"seconds\":%.3f,\"rate\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}\n"
                             : "%s, seed %" PRId64 ": %" PRId64 " asked, %" PRId64 " accepted, %" PRId64
                               " refused, %" PRId64 " unanswered in %.3f s (%.1f a second); p50 %.3f ms, p99 "
                               "%.3f ms\n";
    (void)printf(format, load->options.name, load->options.seed, load->asked, load->accepted, load->refused,
                 load->unanswered, seconds, rate, p50_ms, p99_ms);
}

static int run(struct load *load, const struct config *config, struct error *error)
{
    const struct load_driver_options driver = {
        .loop = &load->service.loop, .config = config, .load = &load->options, .on_end = on_end, .arg = load};
    load->way = load->options.by_kafka ? &load_by_kafka : &load_by_http;
    load->driver = load->way->open(&driver, error);
    if (!load->driver) {
        return EXIT_WRONG_USAGE;
    }
    load->due = NEW_ARRAY(struct load_message, AT_ONCE);
    load->began_us = load->last_us = clock_monotonic_us();
    uv_timer_start(&load->tick, on_tick, 0, TICK_MS);
    int exit_code = service_run(&load->service);
    load->way->close(load->driver);
    struct error last;
    if (exit_code == 0 && !journal_flush(load->journal, &last)) {
        log_error("%s", last.text);
        exit_code = 1;
    }
    print_summary(load);
    return exit_code;
}

int load_run(const struct config *config, char **words, size_t count)
{
    struct load load = {0};
    struct error error;
    if (!load_options_parse(words, count, &load.options, &error) ||
        !(load.journal = journal_open(load.options.journal, &error))) {
        (void)fprintf(stderr, "outbound load: %s\n", error.text);
        return EXIT_WRONG_USAGE;
    }
    service_init(&load.service, (unsigned)config->stop_timeout_ms, on_stop, &load);
    uv_timer_init(&load.service.loop, &load.tick);
    load.tick.data = &load;
    const int exit_code = run(&load, config, &error);
    if (exit_code == EXIT_WRONG_USAGE) {
        (void)fprintf(stderr, "outbound load: %s\n", error.text);
    }
    journal_close(load.journal);
    latencies_release(&load.latencies);
    free(load.due);
    service_release(&load.service);
    return exit_code;
}

void load_print_help(FILE *out)
{
    load_options_print(out);
    (void)fputs("\nEach message is asked for once, with an Idempotency-Key (by Kafka: requestId) "
                "WORD-NUMBER, and is:\n"
                "  accepted     202, or Kafka's acknowledgement\n"
                "  refused      4xx: it is not taken, and must never be sent\n"
                "  unanswered   no answer, or 5xx: nobody knows\n"
                "SIGTERM ends it when the answers that are due have come. The text of a message is its "
                "payloadJson.text,\n"
                "its templateCode is \""
                "proof"
                "\", for which a WhatsApp template must not be set.\n"
                "\nexit code: 0, 1 when the journal cannot be written, 2 wrong usage\n",
                out);
}
