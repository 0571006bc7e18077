#include "sandbox/twilio.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attributes.h"

#define TEXT_MAX 1600
#define MORE_INFO "https://www.twilio.com/docs/errors/"

/* Of CreateMessage. */
static const char *const known_fields[] = {"To",
                                           "StatusCallback",
                                           "ApplicationSid",
                                           "MaxPrice",
                                           "ProvideFeedback",
                                           "Attempt",
                                           "ValidityPeriod",
                                           "ForceDelivery",
                                           "ContentRetention",
                                           "AddressRetention",
                                           "SmartEncoded",
                                           "PersistentAction",
                                           "TrafficType",
                                           "ShortenUrls",
                                           "ScheduleType",
                                           "SendAt",
                                           "SendAsMms",
                                           "ContentVariables",
                                           "RiskCheck",
                                           "From",
                                           "MessagingServiceSid",
                                           "Body",
                                           "MediaUrl",
                                           "ContentSid"};

/* Numbers that Twilio keeps for tests. */
static const struct {
    const char *field;
    const char *number;
    struct twilio_error error;
} test_numbers[] = {
    {"To", "+15005550001", {400, 21211, "Invalid 'To' Phone Number: +1500555XXXX"}},
    {"To",
     "+15005550002",
     {400, 21612,
      "The 'To' phone number: +15005550002, is not currently reachable using the 'From' phone number"}},
    {"To",
     "+15005550003",
     {403, 21408,
      "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"}},
    {"To", "+15005550004", {400, 21610, "Attempt to send to unsubscribed recipient"}},
    {"To", "+15005550009", {400, 21614, "'To' number is not a valid mobile number"}},
    {"From", "+15005550001", {400, 21212, "The 'From' number +15005550001 is not a valid phone number."}},
    {"From",
     "+15005550007",
     {400, 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number."}},
    {"From",
     "+15005550008",
     {429, 21611, "This 'From' number has exceeded the maximum number of queued messages"}},
};

static bool refuse(struct arena *arena, struct twilio_error *ret_error, int code, const char *words,
                   const char *value)
{
    const size_t size = strlen(words) + strlen(value) + 1;
    char *message = arena_alloc(arena, size);
    (void)snprintf(message, size, "%s%s", words, value);
    *ret_error = (struct twilio_error){400, code, message};
    return false;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(known_fields); i++) {
        if (strcmp(known_fields[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_phone(const char *text)
{
    const size_t digits = text[0] == '+' ? strspn(text + 1, "0123456789") : 0;
    return digits >= 8 && digits <= 15 && text[1] != '0' && text[1 + digits] == '\0';
}

static bool is_sid(const char *text, const char *prefix)
{
    return strncmp(text, prefix, 2) == 0 && strlen(text) == TWILIO_SID_SIZE - 1 &&
           strspn(text + 2, "0123456789abcdefABCDEF") == TWILIO_SID_SIZE - 3;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += (*text & 0xc0) != 0x80;
    }
    return count;
}

static bool check_numbers(const struct form *form, struct twilio_error *ret_error)
{
    for (size_t i = 0; i < COUNT_OF(test_numbers); i++) {
        const char *value = form_value(form, test_numbers[i].field);
        if (value && strcmp(value, test_numbers[i].number) == 0) {
            *ret_error = test_numbers[i].error;
            return false;
        }
    }
    return true;
}

bool twilio_check(const struct form *form, struct arena *arena, struct twilio_error *ret_error)
{
    for (size_t i = 0; i < form->count; i++) {
        if (!is_known(form->fields[i].name)) {
            return refuse(arena, ret_error, 20001, "Unknown parameter: ", form->fields[i].name);
        }
    }
    const char *to = form_value(form, "To");
    const char *from = form_value(form, "From");
    const char *service = form_value(form, "MessagingServiceSid");
    const char *body = form_value(form, "Body");
    const char *callback = form_value(form, "StatusCallback");
    if (!to) {
        return refuse(arena, ret_error, 21604, "A 'To' phone number is required.", "");
    }
    if (!from && !service) {
        return refuse(arena, ret_error, 21603, "A 'From' phone number is required.", "");
    }
    if (!body && !form_value(form, "MediaUrl") && !form_value(form, "ContentSid")) {
        return refuse(arena, ret_error, 21602, "Message body is required.", "");
    }
    if (body && count_characters(body) > TEXT_MAX) {
        return refuse(arena, ret_error, 21617,
                      "The concatenated message body exceeds the 1600 character limit", "");
    }
    if (!is_phone(to)) {
        return refuse(arena, ret_error, 21211, "Invalid 'To' Phone Number: ", to);
    }
    if (from && from[0] == '+' && !is_phone(from)) {
        return refuse(arena, ret_error, 21212, "Invalid 'From' Phone Number: ", from);
    }
    if (from && strcmp(from, to) == 0) {
        return refuse(arena, ret_error, 21266, "'To' and 'From' number cannot be the same: ", to);
    }
    if (service && !is_sid(service, "MG")) {
        return refuse(arena, ret_error, 21701, "The Messaging Service does not exist: ", service);
    }
    if (callback && strncmp(callback, "http://", 7) != 0 && strncmp(callback, "https://", 8) != 0) {
        return refuse(arena, ret_error, 21609, "Invalid 'StatusCallback' URL: ", callback);
    }
    return check_numbers(form, ret_error);
}

struct twilio_error twilio_status_error(int status)
{
    static const struct twilio_error known[] = {{401, 20003, "Authenticate"},
                                                {403, 20403, "Forbidden"},
                                                {404, 20404, "The requested resource was not found"},
                                                {405, 20004, "Method not allowed"},
                                                {429, 20429, "Too Many Requests"},
                                                {500, 20500, "An internal server error has occurred"},
                                                {503, 20503, "Service unavailable"},
                                                {504, 20504, "Gateway timeout"}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            return known[i];
        }
    }
    return status >= 500 ? (struct twilio_error){status, 20500, "An internal server error has occurred"}
                         : (struct twilio_error){status, 20001, "Bad request"};
}

static void write_json(json_t *json, struct buffer *document)
{
    char *text = json_dumps(json, JSON_COMPACT);
    buffer_text(document, text);
    free(text);
    json_decref(json);
}

void twilio_write_error(const struct twilio_error *error, struct buffer *document)
{
    char more_info[80];
    (void)snprintf(more_info, sizeof more_info, MORE_INFO "%d", error->code);
    write_json(json_pack("{s:i, s:s, s:s, s:i}", "code", error->code, "message", error->message, "more_info",
                         more_info, "status", error->status),
               document);
}

void twilio_write_message(const struct twilio_message *message, int64_t now_s, struct buffer *document)
{
    const time_t now = (time_t)now_s;
    struct tm tm;
    char date[40];
    char uri[120];
    char media[140];
    const char *service = form_value(message->form, "MessagingServiceSid");
    const char *from = form_value(message->form, "From");
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
    (void)snprintf(uri, sizeof uri, "/2010-04-01/Accounts/%s/Messages/%s.json", message->account_sid,
                   message->sid);
    (void)snprintf(media, sizeof media, "/2010-04-01/Accounts/%s/Messages/%s/Media.json",
                   message->account_sid, message->sid);
    json_t *json = json_pack(
        "{s:s, s:s, s:s?, s:s, s:n, s:s, s:s, s:n, s:n, s:s?, s:s?, s:s, s:s, s:n, s:n, s:s, s:s, s:{s:s}, "
        "s:s, s:s}",
        "account_sid", message->account_sid, "api_version", "2010-04-01", "body",
        form_value(message->form, "Body"), "date_created", date, "date_sent", "date_updated", date,
        "direction", "outbound-api", "error_code", "error_message", "from", from, "messaging_service_sid",
        service, "num_media", "0", "num_segments", service ? "0" : "1", "price", "price_unit", "sid",
        message->sid, "status", service ? "accepted" : "queued", "subresource_uris", "media", media, "to",
        form_value(message->form, "To"), "uri", uri);
    write_json(json, document);
}
