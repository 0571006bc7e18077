/*
 * writers.h - a writer's schema of MessageRequest that uses all that Avro has, as a service might that keeps
 * its own things in the record.
 */
#ifndef TESTS_FUZZ_WRITERS_H
#define TESTS_FUZZ_WRITERS_H

static const char rich_writer[] =
    "{\"type\":\"record\",\"name\":\"MessageRequest\",\"namespace\":\"shop\",\"fields\":["
    "{\"name\":\"trace\",\"type\":{\"type\":\"fixed\",\"name\":\"Trace\",\"size\":4}},"
    "{\"name\":\"payloadJson\",\"type\":\"bytes\"},"
    "{\"name\":\"dossierId\",\"type\":\"int\"},"
    "{\"name\":\"source\",\"type\":[\"string\",\"null\",\"int\"]},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},"
    "{\"name\":\"voids\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"extra\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"double\",\"boolean\"]}},"
    "{\"name\":\"list\",\"type\":{\"type\":\"record\",\"name\":\"List\",\"fields\":["
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"next\",\"type\":[\"null\",\"List\"]}]}},"
    "{\"name\":\"weight\",\"type\":\"float\"},"
    "{\"name\":\"to\",\"type\":\"string\"},"
    "{\"name\":\"templateCode\",\"type\":\"string\"},"
    "{\"name\":\"channel\",\"type\":\"string\"},"
    "{\"name\":\"expiresAt\",\"type\":[\"int\",\"null\"]}]}";

#endif
