/* What each answer of a registry means. The real one is in tests/it/test_registry.py. */
#include "schemas/registry.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "schemas/registry_wait.h"
#include "support/http_peer.h"
#include "support/leaks.h"
#include "support/loop.h"
#include "support/says.h"
#include "support/time_limit.h"

TestSuite(registry, .init = time_limit, .fini = no_leaks);

#define HEAD(status) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n"

/* What the callback was told. */
struct told {
    int times;
    enum registry_answer answer;
    int32_t id;
    int32_t version;
    char text[200];
    char why[512];
    struct registry *to_close; /* NULL: stays open */
};

static void on_answer(void *arg, enum registry_answer answer, const char *why)
{
    struct told *told = arg;
    told->times++;
    told->answer = answer;
    cr_expect(eq(int, why == NULL, answer == REGISTRY_FOUND), "a sentence exactly when there is no answer");
    (void)snprintf(told->why, sizeof told->why, "%s", why ? why : "");
    if (told->to_close) {
        registry_close(told->to_close);
    }
}

static void on_schema(void *arg, enum registry_answer answer, const char *text, const char *why)
{
    struct told *told = arg;
    cr_expect(eq(int, text != NULL, answer == REGISTRY_FOUND));
    (void)snprintf(told->text, sizeof told->text, "%s", text ? text : "");
    on_answer(arg, answer, why);
    if (text) { /* only the beginning: Criterion would compare a megabyte character by character */
        cr_expect(strncmp(text, told->text, strlen(told->text)) == 0, "gone before the callback returned");
    }
}

static void on_id(void *arg, enum registry_answer answer, int32_t id, const char *why)
{
    ((struct told *)arg)->id = id;
    on_answer(arg, answer, why);
}

static void on_version(void *arg, enum registry_answer answer, const struct registry_version *version,
                       const char *why)
{
    struct told *told = arg;
    cr_expect(eq(int, version != NULL, answer == REGISTRY_FOUND));
    if (version) {
        told->id = version->id;
        told->version = version->version;
        (void)snprintf(told->text, sizeof told->text, "%s", version->schema_text);
    }
    on_answer(arg, answer, why);
}

static void on_subjects(void *arg, enum registry_answer answer, const char *const *subjects, size_t count,
                        const char *why)
{
    struct told *told = arg;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(told->text);
        (void)snprintf(told->text + length, sizeof told->text - length, "%s ", subjects[i]);
    }
    on_answer(arg, answer, why);
}

/* A registry that follows a script. */
struct fixture {
    struct test_loop loop;
    struct http_peer *peer;
    struct registry *registry;
    struct told told;
};

static void fixture_open(struct fixture *fixture, const struct peer_step *steps, size_t count)
{
    *fixture = (struct fixture){.peer = http_peer_open(steps, count)};
    char url[200];
    struct error error;
    (void)snprintf(url, sizeof url, "%s/", http_peer_url(fixture->peer)); /* the slash does not count */
    const struct config config = {
        .registry_url = url, .registry_user_info = "user:pass:word", .registry_ca_file = ""};
    loop_open(&fixture->loop);
    fixture->registry = registry_open(&fixture->loop.uv, &config, &error);
    cr_assert(fixture->registry != NULL);
}

static const struct told *wait_for(struct fixture *fixture)
{
    cr_expect(eq(int, fixture->told.times, 0), "answered within the call that asks");
    LOOP_UNTIL(&fixture->loop, fixture->told.times > 0);
    cr_expect(eq(int, fixture->told.times, 1));
    return &fixture->told;
}

/* What the peer saw last is read by then. */
static void fixture_close(struct fixture *fixture)
{
    registry_close(fixture->registry);
    loop_close(&fixture->loop);
    http_peer_free(fixture->peer);
}

Test(registry, what_each_answer_to_an_id_means)
{
    static const struct {
        const char *answer;
        enum registry_answer means;
        const char *says;
    } rows[] = {
        {HEAD("200 OK") "{\"schema\":\"\\\"int\\\"\"}", REGISTRY_FOUND, "\"int\""},
        {HEAD("200 OK") "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[]}",
         REGISTRY_FOUND, "\"int\""},
        {HEAD("404 Not Found") "{\"error_code\":40403,\"message\":\"no such schema\"}", REGISTRY_ABSENT,
         "HTTP 404, no such schema"},
        {HEAD("200 OK") "{\"schema\":\"{}\",\"schemaType\":\"JSON\"}", REGISTRY_ABSENT, "not an Avro schema"},
        {HEAD("200 OK") "{\"schema\":\"{}\",\"references\":[{\"name\":\"x\"}]}", REGISTRY_ABSENT,
         "refers to other"},
        /* not a registry's word: a wrong path, or a proxy */
        {HEAD("404 Not Found") "not here", REGISTRY_AWAY, "SCHEMA_REGISTRY_URL"},
        {HEAD("404 Not Found") "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}", REGISTRY_AWAY,
         "HTTP 404"},
        {HEAD("301 Moved") "", REGISTRY_AWAY, "HTTP 301"},
        {HEAD("401 Unauthorized") "{\"error_code\":40101}", REGISTRY_AWAY,
         "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO"},
        {HEAD("403 Forbidden") "", REGISTRY_AWAY, "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO"},
        {HEAD("409 Conflict") "{\"error_code\":409,\"message\":\"x\"}", REGISTRY_ABSENT, "HTTP 409"},
        {HEAD("500 Oops") "{\"error_code\":50001,\"message\":\"store\",\"schema\":\"\\\"int\\\"\"}",
         REGISTRY_AWAY, "HTTP 500, store"},
        {HEAD("500 Oops") "{\"error_code\":50001,\"schema\":\"1\",\"schemaType\":\"JSON\"}", REGISTRY_AWAY,
         "HTTP 500"},
        {HEAD("503 Away") "", REGISTRY_AWAY, "HTTP 503"},
        {HEAD("200 OK") "", REGISTRY_AWAY, "not JSON"},
        {HEAD("200 OK") "<html>", REGISTRY_AWAY, "not JSON"},
        {HEAD("200 OK") "[]", REGISTRY_AWAY, "has no \"schema\""},
        {HEAD("200 OK") "{\"schema\":7}", REGISTRY_AWAY, "has no \"schema\""},
        {HEAD("200 OK") "{\"schema\":\"a\\u0000b\"}", REGISTRY_AWAY, "not JSON"},
        {HEAD("200 OK") "{\"schema\":\"\xff\"}", REGISTRY_AWAY, "not JSON"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", REGISTRY_AWAY,
         "schema registry http://127.0.0.1"},
        {"nonsense\r\n\r\n", REGISTRY_AWAY, "schema registry http://127.0.0.1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct peer_step step = {PEER_ANSWER_AND_CLOSE, rows[i].answer};
        struct fixture fixture;
        fixture_open(&fixture, &step, 1);
        registry_get_schema(fixture.registry, 2147483647, on_schema, &fixture.told);
        const struct told *told = wait_for(&fixture);
        cr_expect(eq(int, told->answer, rows[i].means), "%s: %s", rows[i].answer, told->why);
        EXPECT_SAYS(told->answer == REGISTRY_FOUND ? told->text : told->why, rows[i].says);
        const struct peer_seen *seen = http_peer_stop(fixture.peer);
        EXPECT_SAYS(seen->last, "GET /path/schemas/ids/2147483647 HTTP/1.1\r\n");
        EXPECT_SAYS(seen->last, "\r\nAuthorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"); /* user:pass:word */
        fixture_close(&fixture);
    }
}

Test(registry, an_answer_above_one_megabyte_is_none)
{
    const size_t limit = (size_t)1024 * 1024;
    for (int more = 0; more < 2; more++) {
        /* {"schema":"…"} of exactly the limit, then of one byte more */
        const size_t size = limit + (size_t)more;
        char *answer = memory_new(size + 200);
        const int at = snprintf(answer, size, "%s{\"schema\":\"", HEAD("200 OK"));
        memset(answer + at, 'x', size - 13);
        memcpy(answer + at + size - 13, "\"}", 3);
        const struct peer_step step = {PEER_ANSWER_AND_CLOSE, answer};
        struct fixture fixture;
        fixture_open(&fixture, &step, 1);
        registry_get_schema(fixture.registry, 1, on_schema, &fixture.told);
        const struct told *told = wait_for(&fixture);
        cr_expect(eq(int, told->answer, more ? REGISTRY_ABSENT : REGISTRY_FOUND), "%s", told->why);
        EXPECT_SAYS(told->why, more ? "larger than 1 MB" : "");
        fixture_close(&fixture);
        free(answer);
    }
}

Test(registry, registering_looks_first)
{
    static const struct {
        struct peer_step steps[2];
        enum registry_answer means;
        int32_t id;
        int requests;
        const char *says;
    } rows[] = {
        {{{PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"subject\":\"t-value\",\"id\":7,\"version\":1}"}},
         REGISTRY_FOUND,
         7,
         1,
         ""},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40401}"},
          {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"id\":8}"}},
         REGISTRY_FOUND,
         8,
         2,
         ""},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40403}"},
          {PEER_ANSWER_AND_CLOSE,
           HEAD("409 Conflict") "{\"error_code\":409,\"message\":\"field to is gone\"}"}},
         REGISTRY_REFUSED,
         0,
         2,
         "field to is gone"},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40403}"},
          {PEER_ANSWER_AND_CLOSE, HEAD("422 No") "{\"error_code\":42201,\"message\":\"no schema\"}"}},
         REGISTRY_REFUSED,
         0,
         2,
         "no schema"},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "no such page"}},
         REGISTRY_AWAY,
         0,
         1,
         "SCHEMA_REGISTRY_URL"},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40403}"},
          {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"id\":2147483648}"}},
         REGISTRY_AWAY,
         0,
         2,
         "has no \"id\""},
        {{{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40403}"}, {PEER_HANG_UP, NULL}},
         REGISTRY_AWAY,
         0,
         2,
         "schema registry"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture, rows[i].steps, (size_t)rows[i].requests);
        registry_register(fixture.registry, "a subject/ä", "{\"x\":\"\\\"\"}", on_id, &fixture.told);
        const struct told *told = wait_for(&fixture);
        cr_expect(eq(int, told->answer, rows[i].means), "row %zu: %s", i, told->why);
        cr_expect(eq(i32, told->id, rows[i].id));
        EXPECT_SAYS(told->why, rows[i].says);
        const struct peer_seen *seen = http_peer_stop(fixture.peer);
        cr_expect(eq(int, seen->requests, rows[i].requests));
        EXPECT_SAYS(seen->last, rows[i].requests == 1
                                    ? "POST /path/subjects/a%20subject%2F%C3%A4 HTTP/1.1\r\n"
                                    : "POST /path/subjects/a%20subject%2F%C3%A4/versions HTTP/1.1\r\n");
        EXPECT_SAYS(seen->last, "\r\n\r\n{\"schema\":\"{\\\"x\\\":\\\"\\\\\\\"\\\"}\"}");
        EXPECT_SAYS(seen->last, "\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\n");
        fixture_close(&fixture);
    }
}

#define LATEST                                                                           \
    {                                                                                    \
        PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"id\":1,\"version\":1,\"schema\":\"\"}" \
    }

Test(registry, a_check_tells_new_from_compatible)
{
    static const struct {
        struct peer_step first, second;
        enum registry_answer means;
        const char *says;
    } rows[] = {
        {{PEER_ANSWER_AND_CLOSE, HEAD("404 No") "{\"error_code\":40401,\"message\":\"none\"}"},
         {PEER_HANG_UP, NULL},
         REGISTRY_ABSENT,
         "none"},
        {LATEST, {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"is_compatible\":true}"}, REGISTRY_FOUND, ""},
        {LATEST,
         {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"is_compatible\":false}"},
         REGISTRY_REFUSED,
         "not compatible"},
        {LATEST,
         {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"is_compatible\":false,\"messages\":[\"one\",\"two\"]}"},
         REGISTRY_REFUSED,
         "not compatible: one; two"},
        {LATEST, {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{}"}, REGISTRY_AWAY, "has no \"is_compatible\""},
        {LATEST, {PEER_HANG_UP, NULL}, REGISTRY_AWAY, "schema registry"},
        {{PEER_HANG_UP, NULL}, {PEER_HANG_UP, NULL}, REGISTRY_AWAY, "schema registry"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct peer_step steps[] = {rows[i].first, rows[i].second};
        struct fixture fixture;
        fixture_open(&fixture, steps, 2);
        registry_check(fixture.registry, "t-value", "\"int\"", on_answer, &fixture.told);
        const struct told *told = wait_for(&fixture);
        cr_expect(eq(int, told->answer, rows[i].means), "row %zu: %s", i, told->why);
        EXPECT_SAYS(told->why, rows[i].says);
        fixture_close(&fixture);
    }
}

Test(registry, the_latest_version_and_the_subjects)
{
    static const struct peer_step steps[] = {
        {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"id\":5,\"version\":3,\"schema\":\"\\\"int\\\"\"}"},
        {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{\"id\":5,\"version\":0,\"schema\":\"\\\"int\\\"\"}"},
        {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "[\"a-value\",\"b-value\"]"},
        {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "[\"a-value\",7]"},
    };
    struct fixture fixture;
    fixture_open(&fixture, steps, COUNT_OF(steps));
    registry_get_latest(fixture.registry, "t-value", on_version, &fixture.told);
    const struct told *told = wait_for(&fixture);
    cr_expect(eq(int, told->answer, REGISTRY_FOUND));
    cr_expect(eq(i32, told->id, 5));
    cr_expect(eq(i32, told->version, 3));
    cr_expect(eq(str, (char *)told->text, "\"int\""));

    fixture.told = (struct told){.times = 0};
    registry_find(fixture.registry, "t-value", "\"int\"", on_version, &fixture.told);
    cr_expect(eq(int, wait_for(&fixture)->answer, REGISTRY_AWAY), "version 0");

    fixture.told = (struct told){.times = 0};
    registry_list_subjects(fixture.registry, on_subjects, &fixture.told);
    cr_expect(eq(str, (char *)wait_for(&fixture)->text, "a-value b-value "));

    fixture.told = (struct told){.times = 0};
    registry_list_subjects(fixture.registry, on_subjects, &fixture.told);
    cr_expect(eq(int, wait_for(&fixture)->answer, REGISTRY_AWAY));
    EXPECT_SAYS(told->why, "list of names");
    fixture_close(&fixture);
}

Test(registry, it_can_be_closed_at_any_time)
{
    static const struct peer_step found = {PEER_ANSWER_AND_CLOSE,
                                           HEAD("200 OK") "{\"schema\":\"\\\"int\\\"\"}"};
    static const struct peer_step nonsense = {PEER_ANSWER_AND_CLOSE, HEAD("200 OK") "{}"};
    const struct peer_step *const steps[] = {&found, &nonsense};
    for (int i = 0; i < 2; i++) { /* in the callback */
        struct fixture fixture;
        fixture_open(&fixture, steps[i], 1);
        fixture.told.to_close = fixture.registry;
        registry_get_schema(fixture.registry, 1, on_schema, &fixture.told);
        (void)wait_for(&fixture);
        fixture.registry = NULL;
        fixture_close(&fixture);
    }
    static const struct peer_step silence = {PEER_SILENCE, NULL}; /* before the answer */
    struct fixture fixture;
    fixture_open(&fixture, &silence, 1);
    registry_get_schema(fixture.registry, 1, on_schema, &fixture.told);
    registry_register(fixture.registry, "t-value", "\"int\"", on_id, &fixture.told);
    registry_list_subjects(fixture.registry, on_subjects, &fixture.told);
    (void)uv_run(&fixture.loop.uv, UV_RUN_NOWAIT);
    fixture_close(&fixture);
    cr_expect(eq(int, fixture.told.times, 0), "a callback after the end");
}

Test(registry, nobody_there)
{
    struct fixture fixture;
    const struct peer_step step = {PEER_HANG_UP, NULL};
    fixture_open(&fixture, &step, 1);
    (void)http_peer_stop(fixture.peer); /* its port refuses from now on */
    registry_get_schema(fixture.registry, 1, on_schema, &fixture.told);
    const struct told *told = wait_for(&fixture);
    cr_expect(eq(int, told->answer, REGISTRY_AWAY));
    EXPECT_SAYS(told->why, "schema registry http://127.0.0.1");
    fixture_close(&fixture);
}

Test(registry, a_file_without_a_certificate_is_refused)
{
    struct test_loop loop;
    struct error error;
    loop_open(&loop);
    const struct config config = {
        .registry_url = "https://registry", .registry_user_info = "", .registry_ca_file = "/dev/null"};
    cr_expect(registry_open(&loop.uv, &config, &error) == NULL);
    EXPECT_SAYS(error.text, "SCHEMA_REGISTRY_SSL_CA_LOCATION: /dev/null");
    loop_close(&loop);
}

/* The loop's timers run before it waits for input: an answer that comes from one must not be waited for. */
Test(registry, waiting_ends_with_an_answer_that_needs_no_input)
{
    struct registry_session session;
    struct error error;
    const struct config config = {
        .registry_url = "ftp://127.0.0.1", .registry_user_info = "", .registry_ca_file = ""};
    cr_assert(registry_session_open(&session, &config, &error));
    const struct registry_said said = registry_wait_latest(&session, "t-value");
    cr_expect(eq(int, said.answer, REGISTRY_AWAY));
    EXPECT_SAYS(said.why.text, "ftp");
    registry_session_close(&session);
}
