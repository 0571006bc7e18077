#include "senders/smtp/replies.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/attributes.h"

/*
 * An enhanced status code is class.subject.detail. The class is the reply code's first digit, so rows have
 * only the two others.
 */
struct status {
    int subject, detail;
};

/* Both columns: the class 4 is for now, 5 for good. ERROR_NONE: there is no such status, the reply code
 * decides. */
static const struct {
    struct status status;
    enum error_code temporary, permanent;
} by_status[] = {
    {{1, 1}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* bad destination mailbox address */
    {{1, 2}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* bad destination system address */
    {{1, 3}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* bad destination address syntax */
    {{1, 4}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* ambiguous destination address */
    {{1, 6}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* mailbox has moved */
    {{1, 10}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},        /* the domain takes no mail (null MX) */
    {{1, 7}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},     /* bad sender's address syntax */
    {{1, 8}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},     /* bad sender's system address */
    {{2, 1}, ERROR_TEMPORARY_ERROR, ERROR_MAILBOX_UNAVAILABLE},   /* mailbox disabled */
    {{2, 2}, ERROR_TEMPORARY_ERROR, ERROR_MAILBOX_UNAVAILABLE},   /* mailbox full */
    {{2, 3}, ERROR_TEMPORARY_ERROR, ERROR_MESSAGE_TOO_LARGE},     /* more than the mailbox may get */
    {{3, 4}, ERROR_TEMPORARY_ERROR, ERROR_MESSAGE_TOO_LARGE},     /* more than the system takes */
    {{4, 4}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_EMAIL},         /* no route to the domain */
    {{5, 2}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_REQUEST},       /* syntax error */
    {{5, 4}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_REQUEST},       /* invalid arguments */
    {{6, 1}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_REQUEST},       /* media not supported */
    {{6, 7}, ERROR_TEMPORARY_ERROR, ERROR_INVALID_REQUEST},       /* non-ASCII addresses not permitted */
    {{7, 8}, ERROR_TEMPORARY_ERROR, ERROR_AUTHENTICATION_FAILED}, /* credentials invalid */
    {{7, 9}, ERROR_TEMPORARY_ERROR, ERROR_AUTHENTICATION_FAILED}, /* mechanism too weak */
    {{7, 10}, ERROR_TLS_FAILED, ERROR_TLS_FAILED},                /* encryption needed */
    {{7, 11}, ERROR_TLS_FAILED, ERROR_TLS_FAILED},                /* encryption required for the mechanism */
    {{7, 13}, ERROR_ACCOUNT_SUSPENDED, ERROR_ACCOUNT_SUSPENDED},  /* user account disabled */
    {{7, 14}, ERROR_PERMISSION_DENIED, ERROR_PERMISSION_DENIED},  /* trust relationship required */
    {{7, 20}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* no passing DKIM signature */
    {{7, 21}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* no acceptable DKIM signature */
    {{7, 22}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* no author-matched DKIM signature */
    {{7, 23}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* SPF validation failed */
    {{7, 24}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* SPF validation error */
    {{7, 25}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* reverse DNS validation failed */
    {{7, 26}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* several authentication checks failed */
    {{7, 27}, ERROR_TEMPORARY_ERROR, ERROR_PERMISSION_DENIED},    /* the sender's domain has a null MX */
    {{7, 28}, ERROR_RATE_LIMIT_EXCEEDED, ERROR_RATE_LIMIT_EXCEEDED}, /* mail flood detected */
};

static const struct {
    int code;
    enum error_code error;
} by_code[] = {
    {452, ERROR_TEMPORARY_ERROR},       /* insufficient storage */
    {454, ERROR_TEMPORARY_ERROR},       /* temporary authentication failure, TLS not available now */
    {530, ERROR_AUTHENTICATION_FAILED}, /* authentication required */
    {534, ERROR_AUTHENTICATION_FAILED}, /* mechanism too weak */
    {535, ERROR_AUTHENTICATION_FAILED}, /* credentials invalid */
    {538, ERROR_TLS_FAILED},            /* encryption required for the mechanism */
    {501, ERROR_INVALID_REQUEST},       /* syntax error in an address or argument */
    {550, ERROR_MAILBOX_UNAVAILABLE},   /* mailbox not found, no access, or policy */
    {551, ERROR_INVALID_EMAIL},         /* user not local */
    {552, ERROR_MESSAGE_TOO_LARGE},     /* size exceeds what the server takes */
    {553, ERROR_INVALID_EMAIL},         /* mailbox name not allowed */
    {556, ERROR_INVALID_EMAIL},         /* the domain takes no mail */
};

/* Reads "5.1.1" of the given class, followed by a space or nothing; NULL when there is none, else its end. */
static const char *read_status(int class, const char *text, struct status *ret_status)
{
    char *end;
    if (text[0] != '0' + class || text[1] != '.' || text[2] < '0' || text[2] > '9') {
        return NULL;
    }
    const long subject = strtol(text + 2, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9') {
        return NULL;
    }
    const long detail = strtol(end + 1, &end, 10);
    if (subject > 999 || detail > 999 || (*end != ' ' && *end != '\0')) {
        return NULL;
    }
    *ret_status = (struct status){(int)subject, (int)detail};
    return end;
}

enum error_code smtp_reply_judge(int code, const char *text)
{
    const int class = code / 100;
    if (class == 2) {
        return ERROR_NONE;
    }
    if (class != 4 && class != 5) {
        return ERROR_UNREADABLE_RESPONSE;
    }
    struct status status = {-1, -1};
    (void)read_status(class, text, &status);
    for (size_t i = 0; i < COUNT_OF(by_status); i++) {
        if (by_status[i].status.subject == status.subject && by_status[i].status.detail == status.detail) {
            return class == 4 ? by_status[i].temporary : by_status[i].permanent;
        }
    }
    /* 5.7.1 and the like: refused by a policy that has nothing to do with the mailbox */
    if (class == 5 && status.subject == 7 && code >= 550) {
        return ERROR_PROVIDER_REJECTED;
    }
    for (size_t i = 0; i < COUNT_OF(by_code); i++) {
        if (by_code[i].code == code) {
            return by_code[i].error;
        }
    }
    return class == 4 ? ERROR_TEMPORARY_ERROR : ERROR_PROVIDER_REJECTED;
}

const char *smtp_reply_words(int code, const char *text)
{
    struct status status;
    const char *end = read_status(code / 100, text, &status);
    return end ? end + (*end == ' ') : text;
}
