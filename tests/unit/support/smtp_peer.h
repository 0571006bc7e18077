/*
 * smtp_peer.h - an SMTP server that does what it should, but for the steps that a test names.
 */
#ifndef TESTS_UNIT_SUPPORT_SMTP_PEER_H
#define TESTS_UNIT_SUPPORT_SMTP_PEER_H

/* What follows the reply of a step. */
enum peer_then {
    THEN_GO_ON,
    THEN_CLOSE,
    THEN_RESET,       /* RST instead of FIN */
    THEN_SAY_NO_MORE, /* reads on, answers nothing */
};

/*
 * `verb`: what the client has said, "MAIL" …, or "GREETING" for a connection and "CONTENT" for a mail with
 * its last line.
 */
struct smtp_step {
    const char *verb;
    int nth;           /* 1: the first time on all connections */
    const char *reply; /* NULL: none */
    enum peer_then then;
    const char *early; /* not NULL: said when only a little of what follows has been read, the last word */
};

struct smtp_peer;

/* The steps end with a NULL verb and must outlive the peer. */
struct smtp_peer *smtp_peer_open(const struct smtp_step *steps);

/* "smtp://127.0.0.1:PORT/me" */
const char *smtp_peer_url(const struct smtp_peer *peer);

/* How many things the client has said so far. */
int smtp_peer_said(struct smtp_peer *peer);

/* Stops the peer. What was said, a line each: "1 MAIL FROM:<…>" on the first connection; content byte for
 * byte. */
const char *smtp_peer_stop(struct smtp_peer *peer);

/* Stops it too, if necessary. */
void smtp_peer_free(struct smtp_peer *peer);

#endif
