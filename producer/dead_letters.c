#include "producer/dead_letters.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "producer/answer.h"
#include "schemas/letters.h"

#define PARAMS_MAX ((size_t)64 * 1024)
#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define DOCUMENT_MAX ((size_t)16 * 1024 * 1024)
#define DEPTH_MAX 4

/* One request on its way through two statements at most: the ids as given, then what is asked for. */
struct inquiry {
    struct api_request *request;
    struct violations violations;
    struct letter_filter filter;
    void (*go_on)(struct inquiry *inquiry); /* when the ids are known */
    const struct letter_action *action;     /* NULL: only looks */
    struct letter_batch batch;
    bool dry_run;
    bool all;
    bool ids_are_checked;
};

static struct inquiry *inquiry_new(struct api_request *request, void (*go_on)(struct inquiry *inquiry))
{
    struct inquiry *inquiry = arena_alloc(&request->http->arena, sizeof *inquiry);
    inquiry->request = request;
    inquiry->violations.arena = &request->http->arena;
    inquiry->go_on = go_on;
    return inquiry;
}

static void set_filter(struct inquiry *inquiry, const char *name, const char *value)
{
    struct error error;
    const char *kept = arena_strdup(&inquiry->request->http->arena, value);
    if (!letter_filter_set(&inquiry->filter, name, kept, clock_wall_us(), &error)) {
        violation_add(&inquiry->violations, name, "%s", error.text);
    }
}

/* False when the request was answered: something in it is wrong. */
static bool is_fine(struct inquiry *inquiry)
{
    struct error error;
    if (inquiry->violations.count == 0 && !letter_filter_check(&inquiry->filter, &error)) {
        violation_add(&inquiry->violations, "since", "%s", strchr(error.text, ' ') + 1);
    }
    if (inquiry->violations.count > 0) {
        answer_violations(inquiry->request, &inquiry->violations);
    }
    return inquiry->violations.count == 0;
}

/* Answers what is no answer; true when there is one. */
static bool is_done(struct inquiry *inquiry, const struct pg_reply *reply)
{
    if (reply->outcome == PG_LOST) {
        answer_unavailable(inquiry->request, "The database went away.");
    } else if (reply->outcome == PG_REFUSED) {
        answer_problem(inquiry->request, 500, "The database refused it", reply->message);
    }
    return reply->outcome == PG_DONE;
}

static void call(struct inquiry *inquiry, const struct pg_statement *statement,
                 const struct pg_params *params, pg_done_fn *done)
{
    if (!pg_call(inquiry->request->producer->reader, statement, params, done, inquiry)) {
        answer_unavailable(inquiry->request, "The database is away.");
    }
}

static void on_found(void *arg, struct pg_reply *reply)
{
    struct inquiry *inquiry = arg;
    struct error error;
    if (!is_done(inquiry, reply)) {
        return;
    }
    if (!letters_take_found(&inquiry->filter, reply->rows, inquiry->action, &error)) {
        const bool missing = strncmp(error.text, "there is no", 11) == 0;
        answer_problem(inquiry->request, missing ? 404 : 409, missing ? "Not found" : "Not possible",
                       error.text);
        return;
    }
    inquiry->go_on(inquiry);
}

static void start(struct inquiry *inquiry)
{
    if (inquiry->filter.letter_id_count + inquiry->filter.message_id_count == 0) {
        inquiry->go_on(inquiry);
        return;
    }
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letters_find_params(&inquiry->filter, &params);
    call(inquiry, &letters_find, &params, on_found);
    pg_params_release(&params);
}

/* The rows' documents as {"items": […]}. A page that is full ends with the id to go on before. */
static void on_items(void *arg, struct pg_reply *reply)
{
    struct inquiry *inquiry = arg;
    if (!is_done(inquiry, reply)) {
        return;
    }
    const int count = PQntuples(reply->rows);
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    buffer_text(&document, "{\"items\":[");
    for (int row = 0; row < count; row++) {
        buffer_text(&document, row ? "," : "");
        buffer_text(&document, PQgetvalue(reply->rows, row, 0));
    }
    buffer_text(&document, "]");
    if (inquiry->filter.limit && count == inquiry->filter.limit) {
        buffer_format(&document, ",\"before\":%s", PQgetvalue(reply->rows, count - 1, 1));
    }
    buffer_text(&document, "}");
    if (document.overflow) {
        answer_problem(inquiry->request, 500, "The answer is too large", "Ask for fewer with limit.");
    } else {
        answer_json(inquiry->request, 200, NULL, document.bytes, document.length);
    }
    buffer_release(&document);
}

static void list(struct inquiry *inquiry)
{
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letters_list_params(&inquiry->filter, &params);
    call(inquiry, &letters_list, &params, on_items);
    pg_params_release(&params);
}

static void stats(struct inquiry *inquiry)
{
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letter_filter_params(&inquiry->filter, NULL, &params);
    call(inquiry, &letters_stats, &params, on_items);
    pg_params_release(&params);
}

static void on_letter(void *arg, struct pg_reply *reply)
{
    struct inquiry *inquiry = arg;
    if (is_done(inquiry, reply)) {
        answer_json(inquiry->request, 200, NULL, PQgetvalue(reply->rows, 0, 0),
                    (size_t)PQgetlength(reply->rows, 0, 0));
    }
}

static void show(struct inquiry *inquiry)
{
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    pg_param_int8(&params, inquiry->filter.letter_ids[0]);
    call(inquiry, &letters_show, &params, on_letter);
    pg_params_release(&params);
}

static void take_query(void *arg, const char *name, const char *value)
{
    struct inquiry *inquiry = arg;
    const bool pages = strcmp(name, "before") == 0 || strcmp(name, "limit") == 0;
    if (!letter_filter_knows(name) || (pages && inquiry->go_on != list)) {
        violation_add(&inquiry->violations, name, "is not a filter here");
    } else {
        set_filter(inquiry, name, value);
    }
}

void dead_letters_list(struct api_request *request)
{
    struct inquiry *inquiry = inquiry_new(request, list);
    http_request_each_query(request->http, take_query, inquiry);
    if (inquiry->filter.limit > LIST_MAX) {
        violation_add(&inquiry->violations, "limit", "must be at most %d", LIST_MAX);
    }
    inquiry->filter.limit = inquiry->filter.limit ? inquiry->filter.limit : LIST_DEFAULT;
    if (is_fine(inquiry)) {
        start(inquiry);
    }
}

void dead_letters_stats(struct api_request *request)
{
    struct inquiry *inquiry = inquiry_new(request, stats);
    http_request_each_query(request->http, take_query, inquiry);
    if (is_fine(inquiry)) {
        start(inquiry);
    }
}

void dead_letters_show(struct api_request *request)
{
    struct inquiry *inquiry = inquiry_new(request, show);
    set_filter(inquiry, "id", request->id);
    if (is_fine(inquiry)) {
        start(inquiry);
    }
}

static void act(struct inquiry *inquiry);

/* The counts by their names, and whether there may be more. */
static void on_acted(void *arg, struct pg_reply *reply)
{
    struct inquiry *inquiry = arg;
    if (!is_done(inquiry, reply)) {
        return;
    }
    const PGresult *rows = reply->rows;
    int64_t held_back = 0;
    for (int column = LETTER_ANSWER_COUNTS + 1; column < PQnfields(rows); column++) {
        held_back += pg_int(rows, 0, column);
    }
    const bool strict = inquiry->filter.letter_id_count > 0 && !inquiry->ids_are_checked;
    const bool more = pg_int(rows, 0, LETTER_ANSWER_SEEN) == inquiry->batch.size;
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    buffer_format(&document, "{\"dryRun\":%s,\"more\":%s", inquiry->dry_run ? "true" : "false",
                  more ? "true" : "false");
    for (int column = LETTER_ANSWER_COUNTS; column < PQnfields(rows); column++) {
        buffer_format(&document, ",\"%s\":%s", PQfname(rows, column), PQgetvalue(rows, 0, column));
    }
    if (more && PQgetvalue(rows, 0, LETTER_ANSWER_LAST_ID)[0]) {
        buffer_format(&document, ",\"after\":%s", PQgetvalue(rows, 0, LETTER_ANSWER_LAST_ID));
    }
    buffer_text(&document, "}");
    if (strict && (held_back > 0 || pg_int(rows, 0, LETTER_ANSWER_SEEN) == 0)) {
        /* What is asked for by its id and cannot be done is refused before anything is done. */
        answer_problem(inquiry->request, 409, "Not possible", document.bytes);
    } else if (strict && !inquiry->dry_run) {
        inquiry->ids_are_checked = true;
        act(inquiry);
    } else {
        answer_json(inquiry->request, 200, NULL, document.bytes, document.length);
    }
    buffer_release(&document);
}

static void act(struct inquiry *inquiry)
{
    const struct letter_action *action = inquiry->action;
    const bool first_look = inquiry->filter.letter_id_count > 0 && !inquiry->ids_are_checked;
    inquiry->batch.preview = inquiry->dry_run || first_look;
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letter_action_params(action, &inquiry->filter, &inquiry->batch, inquiry->request->producer->config,
                         &params);
    call(inquiry, inquiry->batch.preview ? action->preview : action->run, &params, on_acted);
    pg_params_release(&params);
}

static void take_value(struct inquiry *inquiry, const char *name, const json_t *value)
{
    char number[24];
    if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value)) {
        set_filter(inquiry, name, json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        set_filter(inquiry, name, number);
    } else {
        violation_add(&inquiry->violations, name, "must be a string or a whole number");
    }
}

static void take_member(struct inquiry *inquiry, const char *name, const json_t *value)
{
    bool *flag = strcmp(name, "dryRun") == 0                                ? &inquiry->dry_run
                 : strcmp(name, "force") == 0 && inquiry->action->is_replay ? &inquiry->batch.force
                 : strcmp(name, "all") == 0 && !inquiry->action->is_replay  ? &inquiry->all
                                                                            : NULL;
    const bool is_id = strcmp(name, "id") == 0;
    if (flag) {
        if (json_is_boolean(value)) {
            *flag = json_is_true(value);
        } else {
            violation_add(&inquiry->violations, name, "must be true or false");
        }
    } else if (strcmp(name, "after") == 0) {
        if (json_is_integer(value) && json_integer_value(value) >= 0) {
            inquiry->batch.after = json_integer_value(value);
        } else {
            violation_add(&inquiry->violations, name, "must be a dead letter's number");
        }
    } else if (!letter_filter_knows(name) || strcmp(name, "status") == 0 || strcmp(name, "before") == 0) {
        violation_add(&inquiry->violations, name, "is not a filter here");
    } else if (is_id && json_is_array(value)) {
        size_t index;
        json_t *one;
        json_array_foreach (value, index, one) {
            take_value(inquiry, name, one);
        }
        if (json_array_size(value) == 0) {
            violation_add(&inquiry->violations, name, "is empty");
        }
    } else {
        take_value(inquiry, name, value);
    }
}

static void take_body(struct inquiry *inquiry)
{
    const struct http_request *http = inquiry->request->http;
    size_t position;
    json_error_t error;
    json_t *body = NULL;
    if (http->too_large) {
        violation_add(&inquiry->violations, "body", "is too large");
    } else if (!json_text_deeper_than(http->body.bytes, http->body.length, DEPTH_MAX, &position)) {
        body = json_loadb(http->body.bytes ? http->body.bytes : "", http->body.length, JSON_REJECT_DUPLICATES,
                          &error);
    }
    if (!json_is_object(body) && inquiry->violations.count == 0) {
        violation_add(&inquiry->violations, "body", "must be a JSON object");
    }
    const char *name;
    json_t *value;
    json_object_foreach (body, name, value) {
        take_member(inquiry, name, value);
    }
    json_decref(body);
}

static void change(struct api_request *request, const struct letter_action *action)
{
    const struct config *config = request->producer->config;
    struct inquiry *inquiry = inquiry_new(request, act);
    inquiry->action = action;
    inquiry->batch.status = action->from[0];
    take_body(inquiry);
    if (inquiry->violations.count == 0 && !action->is_replay && !inquiry->all &&
        !letter_filter_is_given(&inquiry->filter)) {
        violation_add(&inquiry->violations, "all", "must be true where no filter is given");
    }
    /* What is asked for by ids is done as a whole, or not at all. */
    inquiry->batch.size = inquiry->filter.letter_id_count + inquiry->filter.message_id_count > 0
                              ? LETTER_IDS_MAX
                              : config->dlq_batch_size;
    if (inquiry->filter.limit && inquiry->filter.limit < inquiry->batch.size) {
        inquiry->batch.size = inquiry->filter.limit;
    }
    if (is_fine(inquiry)) {
        start(inquiry);
    }
}

void dead_letters_replay(struct api_request *request)
{
    change(request, &letter_replay);
}

void dead_letters_archive(struct api_request *request)
{
    change(request, &letter_archive);
}

void dead_letters_discard(struct api_request *request)
{
    change(request, &letter_discard);
}
