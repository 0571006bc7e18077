/* What `outbound check` finds, by what is known of a message. What takes real processes is in
 * tests/it/test_proof.py. */
#include "sandbox/proof/findings.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(findings, .fini = no_leaks);

#define NOT_STORED STATE_COUNT

/* Attempts from 1 on by the first letters of their outcomes; the attempts that were taken, 0 where nobody was
 * told. */
static const struct {
    enum asked_end end;
    enum state state;
    const char *attempts;
    const char *taken;
    const char *found; /* the names, in their order */
} rows[] = {
    {ASKED_ACCEPTED, STATE_SENT, "S", "1", ""},
    {ASKED_ACCEPTED, STATE_SENT, "S", "0", ""},
    {ASKED_ACCEPTED, STATE_SENT, "S", "", "lost"},
    {ASKED_ACCEPTED, NOT_STORED, "", "", "lost"},
    {ASKED_UNANSWERED, NOT_STORED, "", "", ""},
    {ASKED_UNANSWERED, NOT_STORED, "", "1", "disagreeing"},
    {ASKED_UNANSWERED, STATE_SENT, "S", "1", ""},
    {ASKED_UNANSWERED, STATE_SENT, "S", "", "lost"},
    {ASKED_REFUSED, NOT_STORED, "", "", ""},
    {ASKED_REFUSED, NOT_STORED, "", "1", "phantom"},
    {ASKED_REFUSED, STATE_SENT, "S", "1", "phantom disagreeing"},
    {ASKED_REFUSED, STATE_SENT, "S", "", "lost disagreeing"},
    {ASKED_REFUSED, STATE_QUEUED, "", "", "unfinished disagreeing"},
    {ASKED_REFUSED, STATE_FAILED, "F", "", "disagreeing"},
    {ASKED_ACCEPTED, STATE_QUEUED, "", "", "unfinished"},
    {ASKED_ACCEPTED, STATE_SENDING, "", "1", "unfinished"}, /* the attempt is under way */
    {ASKED_ACCEPTED, STATE_SCHEDULED, "", "", "unfinished"},
    {ASKED_ACCEPTED, STATE_QUEUED, "R", "1", "unfinished disagreeing"},
    /* duplicates */
    {ASKED_ACCEPTED, STATE_SENT, "US", "12", "duplicatesExplained"},
    {ASKED_ACCEPTED, STATE_SENT, "US", "21",
     "duplicatesExplained"}, /* the older one reached the provider later */
    {ASKED_ACCEPTED, STATE_SENT, "UUS", "123", "duplicatesExplained duplicatesExplained"},
    {ASKED_ACCEPTED, STATE_SENT, "URS", "13", "duplicatesExplained"},
    {ASKED_ACCEPTED, STATE_SENT, "S", "11", "duplicatesUnexplained"},
    {ASKED_ACCEPTED, STATE_SENT, "US", "112", "duplicatesExplained duplicatesUnexplained"},
    {ASKED_ACCEPTED, STATE_SENT, "SS", "12", "duplicatesUnexplained"},
    {ASKED_ACCEPTED, STATE_SENT, "USS", "123", "duplicatesExplained duplicatesUnexplained"},
    {ASKED_ACCEPTED, STATE_SENT, "SUS", "123", "duplicatesUnexplained duplicatesUnexplained"},
    {ASKED_ACCEPTED, STATE_SENT, "RS", "12", "duplicatesUnexplained disagreeing"},
    {ASKED_ACCEPTED, STATE_SENT, "S", "12", "duplicatesUnexplained disagreeing"}, /* 2 has no row */
    {ASKED_ACCEPTED, STATE_SENT, "US", "00", "duplicatesExplained"},
    {ASKED_ACCEPTED, STATE_SENT, "US", "000", "duplicatesExplained duplicatesUnexplained"},
    /* status and provider */
    {ASKED_ACCEPTED, STATE_SENT, "US", "1", "disagreeing"}, /* nobody took 2 */
    {ASKED_ACCEPTED, STATE_SENT, "U", "1", "disagreeing"},
    {ASKED_ACCEPTED, STATE_FAILED, "F", "", ""},
    {ASKED_ACCEPTED, STATE_FAILED, "F", "1", "disagreeing"},
    {ASKED_ACCEPTED, STATE_FAILED, "U", "1", ""}, /* out of attempts, and nobody knew */
    {ASKED_ACCEPTED, STATE_FAILED, "S", "1", "disagreeing"},
    {ASKED_ACCEPTED, STATE_UNKNOWN, "U", "1", ""},
    {ASKED_ACCEPTED, STATE_UNKNOWN, "U", "", ""},
    {ASKED_ACCEPTED, STATE_UNKNOWN, "S", "1", "disagreeing"},
    {ASKED_ACCEPTED, STATE_EXPIRED, "", "", ""},
    {ASKED_ACCEPTED, STATE_CANCELLED, "", "0", "disagreeing"},
};

static struct ledger_message *message_of(struct ledger *ledger, size_t row)
{
    char key[24];
    (void)snprintf(key, sizeof key, "row-%zu", row);
    struct ledger_message *message = ledger_add(ledger, key);
    message->end = rows[row].end;
    message->stored = rows[row].state != NOT_STORED;
    message->state = message->stored ? rows[row].state : STATE_QUEUED;
    for (int32_t number = 1; rows[row].attempts[number - 1]; number++) {
        ledger_add_attempt(message, number, rows[row].attempts[number - 1]);
    }
    for (const char *taken = rows[row].taken; *taken; taken++) {
        ledger_add_taken(message, *taken - '0', false);
    }
    return message;
}

static void say(const int found[FINDINGS], char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < FINDINGS; i++) {
        for (int times = 0; times < found[i]; times++) {
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? " " : "",
                                       finding_table[i].name);
        }
    }
}

Test(findings, what_is_known_of_a_message_decides)
{
    struct ledger *ledger = ledger_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int found[FINDINGS];
        char text[256];
        findings_judge(message_of(ledger, i), found);
        say(found, text, sizeof text);
        cr_expect(strcmp(text, rows[i].found) == 0, "row %zu: found \"%s\", not \"%s\"", i, text,
                  rows[i].found);
    }
    ledger_free(ledger);
}

Test(findings, what_the_router_has_not_read_is_not_lost)
{
    struct ledger *ledger = ledger_new();
    struct ledger_message *message = ledger_add(ledger, "k-1");
    message->end = ASKED_ACCEPTED;
    message->may_be_unread = true;
    int found[FINDINGS];
    findings_judge(message, found);
    cr_expect(found[FOUND_UNFINISHED] == 1 && found[FOUND_LOST] == 0);
    ledger_free(ledger);
}

Test(findings, a_message_has_one_key_and_one_id)
{
    struct ledger *ledger = ledger_new();
    struct ledger_message *first = ledger_add(ledger, "k-1");
    struct ledger_message *second = ledger_add(ledger, "k-2");
    cr_expect(ledger_add(ledger, "k-1") == NULL);
    const struct uuid id = uuid_v7();
    const struct uuid other = uuid_v7();
    cr_expect(ledger_set_id(ledger, first, &id));
    cr_expect(ledger_set_id(ledger, first, &id));
    cr_expect(not(ledger_set_id(ledger, first, &other)));
    cr_expect(not(ledger_set_id(ledger, second, &id)));
    cr_expect(ledger_find_id(ledger, &id) == first);
    cr_expect(ledger_find(ledger, text_of("k-2")) == second);
    cr_expect(ledger_next(ledger_first(ledger)) == second);
    ledger_free(ledger);
}

Test(findings, a_fingerprint_is_of_each_field)
{
    const struct text a = text_of("a");
    const struct text b = text_of("b");
    const uint64_t first = ledger_fingerprint(a, a, a);
    cr_expect(first == ledger_fingerprint(a, a, a));
    cr_expect(first != ledger_fingerprint(b, a, a) && first != ledger_fingerprint(a, b, a) &&
              first != ledger_fingerprint(a, a, b));
    cr_expect(ledger_fingerprint(text_of("ab"), text_of(""), a) != ledger_fingerprint(a, b, a));
}
