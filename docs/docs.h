/*
 * docs.h - `outbound docs`: writes the reference pages that follow from the tables.
 */
#ifndef DOCS_DOCS_H
#define DOCS_DOCS_H

/* Writes the pages of the table in docs.c into `folder`. Returns the exit code. */
int docs_write(const char *folder);

#endif
