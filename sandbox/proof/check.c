#include "sandbox/proof/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/proof/evidence.h"
#include "sandbox/proof/findings.h"
#include "sandbox/proof/option_words.h"

#define EXIT_WRONG 1
#define EXIT_WRONG_USAGE 2
#define EXIT_NOT_CHECKED 3

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 1000000
#define JOURNALS_MAX 64

struct options {
    const char *journals[JOURNALS_MAX];
    size_t journal_count;
    const char *deliveries;
    int64_t limit;
    bool json;
};

struct named {
    char **ids; /* at most `limit` */
    size_t id_count;
    int64_t count;
};

struct check {
    struct options options;
    struct ledger *ledger;
    struct named found[FINDINGS];
    int64_t asked;
    int64_t ended[3]; /* by enum asked_end */
    int64_t delivered;
    int64_t cut; /* deliveries that are not whole */
};

static bool is_readable(const char *path, struct error *error)
{
    return access(path, R_OK) == 0 || error_set(error, "%s", strerror(errno));
}

static bool take_journal(void *arg, const char *value, struct error *error)
{
    struct options *options = arg;
    if (options->journal_count == JOURNALS_MAX) {
        return error_set(error, "is one too many: there may be %d", JOURNALS_MAX);
    }
    options->journals[options->journal_count++] = value;
    return is_readable(value, error);
}

static bool take_deliveries(void *arg, const char *value, struct error *error)
{
    struct options *options = arg;
    options->deliveries = value;
    return is_readable(value, error);
}

static bool take_limit(void *arg, const char *value, struct error *error)
{
    struct options *options = arg;
    return option_number(value, 1, LIMIT_MAX, &options->limit, error);
}

static bool take_json(void *arg, const char *value, struct error *error)
{
    struct options *options = arg;
    (void)value;
    (void)error;
    options->json = true;
    return true;
}

static const struct option_row rows[] = {
    {"--journal", "FILE", take_journal, "what `outbound load` has written; any number of times; needed"},
    {"--deliveries", "FILE", take_deliveries, "what the sandbox has written (OUTBOUND_SANDBOX_LOG)"},
    {"--limit", "N", take_limit, "names at most so many of each kind (20)"},
    {"--json", NULL, take_json, "one JSON object"},
};

static bool parse(const struct config *config, char **words, size_t count, struct options *options,
                  struct error *error)
{
    *options = (struct options){.limit = LIMIT_DEFAULT, .deliveries = config->sandbox_log};
    if (!option_words_parse(rows, COUNT_OF(rows), words, count, options, error)) {
        return false;
    }
    if (options->journal_count == 0) {
        return error_set(error, "--journal is needed");
    }
    struct error why;
    return is_readable(options->deliveries, &why) ||
           error_set(error, "--deliveries %s: %s", options->deliveries, why.text);
}

static void name(struct check *check, enum finding finding, const char *id, int64_t times)
{
    struct named *named = &check->found[finding];
    named->count += times;
    if (named->id_count < (size_t)check->options.limit) {
        named->ids = memory_resize(named->ids, (named->id_count + 1) * sizeof *named->ids);
        named->ids[named->id_count++] = memory_strdup(id);
    }
}

static void on_stranger(void *arg, const char *id)
{
    name(arg, FOUND_PHANTOM, id, 1);
}

static void judge_all(struct check *check)
{
    for (struct ledger_message *message = ledger_first(check->ledger); message;
         message = ledger_next(message)) {
        int found[FINDINGS];
        char id[UUID_TEXT_SIZE];
        uuid_format(&message->id, id);
        findings_judge(message, found);
        for (int i = 0; i < FINDINGS; i++) {
            if (found[i] > 0) {
                name(check, (enum finding)i, message->has_id ? id : message->key, found[i]);
            }
        }
        check->asked++;
        check->ended[message->end]++;
        check->delivered += message->taken != NULL;
    }
}

static bool is_clean(const struct check *check)
{
    for (int i = 0; i < FINDINGS; i++) {
        if (finding_table[i].wrong && check->found[i].count > 0) {
            return false;
        }
    }
    return true;
}

static void print_json(const struct check *check)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    buffer_format(&out,
                  "{\"asked\":%" PRId64 ",\"accepted\":%" PRId64 ",\"refused\":%" PRId64
                  ",\"unanswered\":%" PRId64 ",\"delivered\":%" PRId64 ",\"cutDeliveries\":%" PRId64,
                  check->asked, check->ended[ASKED_ACCEPTED], check->ended[ASKED_REFUSED],
                  check->ended[ASKED_UNANSWERED], check->delivered, check->cut);
    for (int i = 0; i < FINDINGS; i++) {
        buffer_format(&out, ",\"%s\":%" PRId64, finding_table[i].name, check->found[i].count);
    }
    buffer_text(&out, ",\"ids\":{");
    for (int i = 0; i < FINDINGS; i++) {
        buffer_format(&out, "%s\"%s\":[", i ? "," : "", finding_table[i].name);
        for (size_t j = 0; j < check->found[i].id_count; j++) {
            const char *id = check->found[i].ids[j];
            buffer_text(&out, j ? "," : "");
            buffer_json_string(&out, id, strlen(id));
        }
        buffer_text(&out, "]");
    }
    buffer_text(&out, "}}\n");
    (void)fwrite(out.bytes, 1, out.length, stdout);
    buffer_release(&out);
}

static void print_table(const struct check *check)
{
    (void)printf("%" PRId64 " asked, %" PRId64 " accepted, %" PRId64 " refused, %" PRId64
                 " unanswered, %" PRId64 " delivered\n",
                 check->asked, check->ended[ASKED_ACCEPTED], check->ended[ASKED_REFUSED],
                 check->ended[ASKED_UNANSWERED], check->delivered);
    if (check->cut > 0) {
        (void)printf("%" PRId64 " delivery is cut off at the end of %s, and passed over\n", check->cut,
                     check->options.deliveries);
    }
    for (int i = 0; i < FINDINGS; i++) {
        const struct named *named = &check->found[i];
        const bool wrong = finding_table[i].wrong && named->count > 0;
        (void)printf("%-6s %8" PRId64 " %-22s %s\n", wrong ? "WRONG" : "ok", named->count,
                     finding_table[i].name, finding_table[i].help);
        for (size_t j = 0; j < named->id_count; j++) {
            (void)printf("                %s\n", named->ids[j]);
        }
    }
}

static int look(struct check *check, const struct config *config, struct error *error)
{
    const struct options *options = &check->options;
    bool fine = true;
    for (size_t i = 0; fine && i < options->journal_count; i++) {
        fine = evidence_read_journal(check->ledger, options->journals[i], error);
    }
    if (!fine || !evidence_read_requests(check->ledger, config, error) ||
        !evidence_read_database(check->ledger, config, error) ||
        !evidence_read_deliveries(check->ledger, options->deliveries, on_stranger, check, &check->cut,
                                  error)) {
        return EXIT_NOT_CHECKED;
    }
    judge_all(check);
    return is_clean(check) ? 0 : EXIT_WRONG;
}

int check_run(const struct config *config, char **words, size_t count)
{
    struct check check = {0};
    struct error error;
    if (!parse(config, words, count, &check.options, &error)) {
        (void)fprintf(stderr, "outbound check: %s\n", error.text);
        return EXIT_WRONG_USAGE;
    }
    check.ledger = ledger_new();
    const int exit_code = look(&check, config, &error);
    if (exit_code == EXIT_NOT_CHECKED) {
        (void)fprintf(stderr, "outbound check: cannot be checked: %s\n", error.text);
    } else if (check.options.json) {
        print_json(&check);
    } else {
        print_table(&check);
    }
    for (int i = 0; i < FINDINGS; i++) {
        for (size_t j = 0; j < check.found[i].id_count; j++) {
            free(check.found[i].ids[j]);
        }
        free(check.found[i].ids);
    }
    ledger_free(check.ledger);
    return exit_code;
}

void check_print_help(FILE *out)
{
    option_words_print(rows, COUNT_OF(rows), out);
    (void)fputs("\nkinds:\n", out);
    for (int i = 0; i < FINDINGS; i++) {
        (void)fprintf(out, "  %-22s %s\n", finding_table[i].name, finding_table[i].help);
    }
    (void)fputs(
        "\nThe loads have to be over, and the deliveries to be those of these loads alone: what else a\n"
        "provider took counts as phantom. What is unfinished goes on; the caller decides when it is late.\n"
        "\nA file of deliveries may end with half a line, whose answer never left: it is passed over,\n"
        "and counted.\n"
        "\nexit code: 0 nothing is wrong or unfinished, 1 something is (not explained duplicates),\n"
        "2 wrong usage, 3 cannot be checked: a line of a file is unreadable or cut off, or PostgreSQL or\n"
        "Kafka could not be asked\n",
        out);
}
