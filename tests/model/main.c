/*
 * model - drives the product's roles through random schedules; see README.md.
 */
#include <avro.h>
#include <curl/curl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/differential.h"
#include "tests/model/schedule.h"

#define SEED_MAX 1000000 /* each has an hour of its own */
#define FAILURES_TOLD 5

static const char usage[] =
    "usage: model [--seeds N] [--from SEED]   N schedules, from a seed on (1000, 1)\n"
    "       model --seed SEED [--verbose]      one of them, and all that happens in it\n"
    "       model --differential [--seeds N]   the model's statements beside PostgreSQL's\n"
    "                                          (DATABASE_URL)\n";

static void print_result(uint64_t schedules, const struct schedule_result *result)
{
    printf("%" PRIu64 " schedules, %" PRIu64 " steps, %" PRIu64 " messages: %" PRIu64 " sent, %" PRIu64
           " given up, %" PRIu64 " unknown; %" PRIu64 " taken again after an UNKNOWN\n",
           schedules, result->steps, result->messages, result->sent, result->given_up, result->unknown,
           result->taken_again);
    printf("%" PRIu64 " kills, %" PRIu64 " freezes, %" PRIu64 " stops, %" PRIu64
           " outages; at rest at the latest %.1f s after the last fault\n",
           result->kills, result->freezes, result->stops, result->outages,
           (double)result->longest_rest_us / 1e6);
}

static int run(uint64_t from, uint64_t count, bool verbose)
{
    struct schedule_result result = {0};
    unsigned failures = 0;
    uint64_t seed = from;
    for (; seed < from + count && failures < FAILURES_TOLD; seed++) {
        const char *why = schedule_run(seed, verbose, &result);
        if (why) {
            failures++;
            printf("seed %" PRIu64 ": %s\n", seed, why);
        }
    }
    print_result(seed - from, &result);
    if (failures > 0) {
        printf("repeat one with: model --seed SEED --verbose\n");
    }
    return failures > 0;
}

static bool read_number(const char *text, uint64_t *ret_number)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > SEED_MAX) {
        (void)fprintf(stderr, "model: \"%s\" is no number up to %d\n", text, SEED_MAX);
        return false;
    }
    *ret_number = number;
    return true;
}

static void *avro_resize(void *arg, void *pointer, size_t had, size_t size)
{
    (void)arg;
    (void)had;
    if (size > 0) {
        return realloc(pointer, size);
    }
    free(pointer);
    return NULL;
}

/* What libraries hold for a process ends with it, but for what they make once. */
static void libraries_prepare(void)
{
    json_set_alloc_funcs(malloc, free);
    (void)curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, free, realloc, strdup, calloc);
    avro_set_allocator(avro_resize, NULL);
    avro_set_error("none");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"differential", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    uint64_t from = 1;
    uint64_t count = 1000;
    bool verbose = false;
    bool differential = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool fine = true;
        switch (option) {
        case 'n':
            fine = read_number(optarg, &count);
            break;
        case 's':
            count = 1;
            fine = read_number(optarg, &from);
            break;
        case 'f':
            fine = read_number(optarg, &from);
            break;
        case 'v':
            verbose = true;
            break;
        case 'd':
            differential = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        default:
            fine = false;
        }
        if (!fine) {
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    libraries_prepare();
    struct error error;
    if (!schedules_prepare(&error)) {
        (void)fprintf(stderr, "model: %s\n", error.text);
        return 1;
    }
    return differential ? differential_run(from, count, verbose) : run(from, count, verbose);
}
