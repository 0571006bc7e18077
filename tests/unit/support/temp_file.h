/*
 * temp_file.h - a file that a test hands to the code.
 */
#ifndef TESTS_UNIT_SUPPORT_TEMP_FILE_H
#define TESTS_UNIT_SUPPORT_TEMP_FILE_H

/* Writes `text` into a new file, which is removed at the end of the process. The path is static: one at a
 * time. */
const char *temp_file(const char *text);

/* The whole of a file; free() it. A missing one fails the test. */
char *file_text(const char *path);

#endif
