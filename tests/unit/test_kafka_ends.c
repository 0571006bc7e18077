#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "producer/kafka_ends.h"

Test(kafka_ends, whether_what_is_seen_can_follow_what_was)
{
    static const struct {
        const char *recorded, *seen;
        enum kafka_ends_verdict verdict;
        const char *lost, *why;
    } rows[] = {
        {"{}", "{}", KAFKA_ENDS_FINE, "[]", ""},
        {"{}", "{\"a\":[]}", KAFKA_ENDS_FINE, "[]", ""},
        {"{\"a\":[3,0]}", "{\"a\":[3,0]}", KAFKA_ENDS_FINE, "[]", ""},
        {"{\"a\":[3,0]}", "{\"a\":[4,9,7]}", KAFKA_ENDS_FINE, "[]", ""},
        /* What nobody knows now, and topics that this producer does not look at. */
        {"{\"a\":[3,0]}", "{\"a\":[null,null]}", KAFKA_ENDS_FINE, "[]", ""},
        {"{\"a\":[3,0]}", "{\"b\":[0]}", KAFKA_ENDS_FINE, "[]", ""},
        {"{\"a\":[3,null]}", "{\"a\":[3,0]}", KAFKA_ENDS_FINE, "[]", ""},
        {"{\"a\":[3,5]}", "{\"a\":[3,4]}", KAFKA_ENDS_BEHIND, "[\"a\"]",
         "a [1] ends at 4 and has ended at 5"},
        {"{\"a\":[1]}", "{\"a\":[0]}", KAFKA_ENDS_BEHIND, "[\"a\"]", "a [0] ends at 0 and has ended at 1"},
        {"{\"a\":[1,0]}", "{\"a\":[1]}", KAFKA_ENDS_MISSING, "[\"a\"]", "a [1] is missing"},
        {"{\"a\":[0]}", "{\"a\":[]}", KAFKA_ENDS_MISSING, "[\"a\"]", "a [0] is missing"},
        /* The surer sign counts, and with it those that are missing. */
        {"{\"a\":[1],\"b\":[2],\"c\":[3]}", "{\"a\":[],\"b\":[1],\"c\":[3]}", KAFKA_ENDS_BEHIND,
         "[\"a\",\"b\"]", "b [0] ends at 1 and has ended at 2"},
        /* What a person wrote into the row is no reason to rebuild. */
        {"{\"a\":\"x\",\"b\":[\"9\"]}", "{\"a\":[0],\"b\":[0]}", KAFKA_ENDS_FINE, "[]", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *recorded = json_loads(rows[i].recorded, 0, NULL);
        json_t *seen = json_loads(rows[i].seen, 0, NULL);
        json_t *lost = json_array();
        char why[128] = "";
        cr_expect(eq(int, kafka_ends_compare(recorded, seen, lost, why, sizeof why), rows[i].verdict),
                  "%s %s", rows[i].recorded, rows[i].seen);
        char *names = json_dumps(lost, JSON_COMPACT);
        cr_expect(eq(str, names, (char *)(uintptr_t)rows[i].lost), "%s %s", rows[i].recorded, rows[i].seen);
        free(names);
        json_decref(lost);
        cr_expect(eq(str, why, (char *)(uintptr_t)rows[i].why));
        json_decref(recorded);
        json_decref(seen);
    }
}

Test(kafka_ends, what_is_not_known_now_stays_as_it_was)
{
    static const struct {
        const char *recorded, *seen, *merged;
    } rows[] = {
        {"{}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
        {"{\"a\":[1,2]}", "{\"a\":[3,null]}", "{\"a\":[3,2]}"},
        {"{\"a\":[1]}", "{\"a\":[1,null]}", "{\"a\":[1,null]}"},
        {"{\"a\":[1],\"old\":[7]}", "{\"a\":[2]}", "{\"a\":[2],\"old\":[7]}"},
        {"{\"a\":[1]}", "{\"a\":[]}", "{\"a\":[1]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *recorded = json_loads(rows[i].recorded, 0, NULL);
        json_t *seen = json_loads(rows[i].seen, 0, NULL);
        json_t *merged = kafka_ends_merge(recorded, seen);
        char *text = json_dumps(merged, JSON_COMPACT | JSON_SORT_KEYS);
        cr_expect(eq(str, text, (char *)(uintptr_t)rows[i].merged));
        free(text);
        json_decref(merged);
        json_decref(seen);
        json_decref(recorded);
    }
}
