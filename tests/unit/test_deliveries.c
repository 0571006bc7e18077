/* The sandbox's file of deliveries, as the process before has left it. */
#include "sandbox/deliveries.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/leaks.h"

#define LINE "{\"at\":\"2026-01-31T12:00:00.000Z\",\"channel\":\"SMS\"}\n"
#define LONG 10000 /* more than is read at once */

static char path[] = "/tmp/outbound-deliveries-XXXXXX";
static struct buffer before;
static struct error error;

static void make_file(void)
{
    const int fd = mkstemp(path);
    cr_assert(ge(int, fd, 0));
    (void)close(fd);
    buffer_init(&before, SIZE_MAX);
}

static void remove_file(void)
{
    (void)unlink(path);
    buffer_release(&before);
    no_leaks();
}

TestSuite(deliveries, .init = make_file, .fini = remove_file);

static void write_file(void)
{
    FILE *file = fopen(path, "we");
    cr_assert(file != NULL);
    cr_assert(eq(sz, fwrite(before.bytes ? before.bytes : "", 1, before.length, file), before.length));
    (void)fclose(file);
}

static bool file_is(const char *bytes, size_t length)
{
    char found[4 * LONG];
    FILE *file = fopen(path, "re");
    cr_assert(file != NULL);
    const size_t size = fread(found, 1, sizeof found, file);
    (void)fclose(file);
    return size == length && memcmp(found, bytes, length) == 0;
}

/* Killed while it wrote, it has not answered: it accepted nothing. */
Test(deliveries, half_a_line_at_the_end_is_cut_off)
{
    static const int lines[] = {0, 1, 200};
    static const size_t halves[] = {0, 1, 5, 20, sizeof LINE - 2, LONG};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        for (size_t j = 0; j < COUNT_OF(halves); j++) {
            buffer_clear(&before);
            for (int line = 0; line < lines[i]; line++) {
                buffer_text(&before, LINE);
            }
            const size_t whole = before.length;
            for (size_t at = 0; at < halves[j]; at++) {
                buffer_append(&before, at < sizeof LINE - 2 ? &LINE[at] : "x", 1);
            }
            write_file();
            struct deliveries *deliveries = deliveries_open(path, &error);
            cr_assert(deliveries != NULL, "%s", error.text);
            deliveries_close(deliveries);
            cr_expect(file_is(before.bytes ? before.bytes : "", whole), "%d lines and %zu bytes", lines[i],
                      halves[j]);
        }
    }
}

Test(deliveries, a_file_of_something_else_stays_as_it_is)
{
    buffer_text(&before, LINE "my notes");
    write_file();
    cr_expect(eq(ptr, deliveries_open(path, &error), NULL));
    cr_expect(strstr(error.text, path) && strstr(error.text, "is no delivery"), "%s", error.text);
    cr_expect(file_is(before.bytes, before.length));
}
