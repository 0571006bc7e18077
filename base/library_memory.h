/*
 * library_memory.h - libraries that are out of memory end the process, as we do ourselves (memory.h).
 *
 * Left alone they report an ordinary failure, which we would take for what it is not: a body of a request
 * would not be valid JSON, an answer of a provider not readable, a header of a request would be missing.
 * So jansson, avro-c, libxml2, libcurl and libuv get their memory from memory.h.
 *
 * The others need not. librdkafka ends the process by itself. With libpq and OpenSSL a connection fails, and
 * is opened anew; libmicrohttpd closes the client's, without an answer; libyaml is used at the start only,
 * which then fails.
 */
#ifndef BASE_LIBRARY_MEMORY_H
#define BASE_LIBRARY_MEMORY_H

/* First of all in main(): what a library has allocated before, it could not free any more. */
void library_memory_set(void);

#endif
