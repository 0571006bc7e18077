/*
 * faulty_send.h - lets one send() of a request fail.
 *
 * The program's own send() comes before the C library's, also for the libraries that it is linked with. All
 * of this is about the calling thread: there libcurl sends requests, the http_peer answers on another.
 */
#ifndef TESTS_UNIT_SUPPORT_FAULTY_SEND_H
#define TESTS_UNIT_SUPPORT_FAULTY_SEND_H

/* The next send() fails with this errno and sends nothing; those after it are as usual again. */
void send_fails_next(int error);

/* So many calls there were. */
int send_calls(void);

#endif
