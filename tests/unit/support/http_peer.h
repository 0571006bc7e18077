/*
 * http_peer.h - an HTTP server that follows a script, byte by byte, on a thread of its own.
 */
#ifndef TESTS_UNIT_SUPPORT_HTTP_PEER_H
#define TESTS_UNIT_SUPPORT_HTTP_PEER_H

#include <stddef.h>

/* What happens once a request has been read to its end. */
enum peer_act {
    PEER_ANSWER,           /* sends `bytes` and keeps the connection */
    PEER_ANSWER_AND_CLOSE, /* sends `bytes`, then closes */
    PEER_HANG_UP,          /* closes without a word */
    PEER_SILENCE,          /* never answers */
};

struct peer_step {
    enum peer_act act;
    const char *bytes;
};

#define PEER_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

struct http_peer;

/* Request n meets step n; the last one repeats. The steps must outlive the peer. */
struct http_peer *http_peer_open(const struct peer_step *steps, size_t step_count);

/* "http://127.0.0.1:PORT/path" */
const char *http_peer_url(const struct http_peer *peer);

/* Waits until the peer has closed so many connections. */
void http_peer_wait_closed(struct http_peer *peer, int connections);

struct peer_seen {
    int connections;
    int requests;          /* read to their ends */
    int requests_on_first; /* of those, on the connection that came first */
    size_t stray;          /* bytes that never became a whole request */
    char *last;            /* the last request, from its first line to the end of its body */
    size_t last_length;
};

/* Stops the peer; what it saw can be read afterwards, until it is freed. */
const struct peer_seen *http_peer_stop(struct http_peer *peer);

/* Stops it too, if necessary. */
void http_peer_free(struct http_peer *peer);

#endif
