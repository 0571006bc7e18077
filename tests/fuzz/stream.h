/*
 * stream.h - what reads from the network, given bytes by a peer on a real connection: 127.0.0.1.
 */
#ifndef TESTS_FUZZ_STREAM_H
#define TESTS_FUZZ_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* A socket that listens; *ret_port is a port that was free. */
int stream_listen(uint16_t *ret_port); /* accept() does not block */

/* A connection to a port; does not block afterwards. */
int stream_connect(uint16_t port);

/* Sends all and says that nothing more comes. */
void stream_send(int fd, const void *bytes, size_t length);

/* At once, also what was not read. */
void stream_close(int fd);

#endif
