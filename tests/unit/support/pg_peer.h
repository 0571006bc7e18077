/*
 * pg_peer.h - a PostgreSQL server that lets everybody in and gives the same answer to every statement.
 */
#ifndef TESTS_UNIT_SUPPORT_PG_PEER_H
#define TESTS_UNIT_SUPPORT_PG_PEER_H

struct pg_peer;

/* Each statement is answered with one row of one column, a bytea as text: `value`, which must outlive the
 * peer. */
struct pg_peer *pg_peer_open(const char *value);

/* A connection string. */
const char *pg_peer_url(const struct pg_peer *peer);

void pg_peer_free(struct pg_peer *peer);

#endif
