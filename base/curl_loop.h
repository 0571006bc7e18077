/*
 * curl_loop.h - libcurl's multi interface on the event loop.
 *
 * Transfers go on side by side; each that has ended is handed to `done`, from the loop.
 */
#ifndef BASE_CURL_LOOP_H
#define BASE_CURL_LOOP_H

#include <curl/curl.h>
#include <uv.h>

struct curl_loop;

/* `transfer` is what curl_loop_add() was told. The handle is still with libcurl: curl_loop_remove() it. */
typedef void curl_loop_done_fn(void *transfer, CURLcode code);

/* `max_connections`: open at once; transfers beyond that wait. */
struct curl_loop *curl_loop_new(uv_loop_t *loop, unsigned max_connections, curl_loop_done_fn *done);

/* All handles must have been removed. May be called from `done`. NULL is fine. */
void curl_loop_free(struct curl_loop *curl);

/* Starts the transfer. It never ends within this call. CURLOPT_PRIVATE of the handle is ours. */
void curl_loop_add(struct curl_loop *curl, CURL *easy, void *transfer);

/* Stops a transfer that is going on, without calling `done`. A handle that is not there does no harm. */
void curl_loop_remove(struct curl_loop *curl, CURL *easy);

#endif
