/*
 * avro-c 1.11.1 leaks pieces of a schema that it refuses, and one is read once. Leaks of ours are looked for
 * in the unit tests.
 */
const char *__lsan_default_suppressions(void); // NOLINT(bugprone-reserved-identifier)

const char *__lsan_default_suppressions(void) // NOLINT(bugprone-reserved-identifier)
{
    return "leak:libavro\n";
}
