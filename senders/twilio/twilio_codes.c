#include "senders/twilio/twilio_codes.h"

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)

const struct provider_code twilio_codes[] = {
    /* our account */
    {10001, ERROR_ACCOUNT_SUSPENDED, 0},     /* account is not active */
    {20003, ERROR_AUTHENTICATION_FAILED, 0}, /* wrong SID or token */
    {20004, ERROR_PERMISSION_DENIED, 0},     /* method not allowed */
    {20005, ERROR_ACCOUNT_SUSPENDED, 0},     /* account not active */
    {20006, ERROR_PERMISSION_DENIED, 0},     /* access denied */
    {20008, ERROR_PERMISSION_DENIED, 0},     /* not with test credentials */
    {20403, ERROR_PERMISSION_DENIED, 0},     /* forbidden */
    {20404, ERROR_PERMISSION_DENIED, 0},     /* no such account */
    {21608, ERROR_PERMISSION_DENIED, 0},     /* trial account: recipient not verified */
    {30002, ERROR_ACCOUNT_SUSPENDED, 0},     /* suspended since it was accepted */
    {63038, ERROR_QUOTA_EXCEEDED, DAY_S},    /* messages of a day, HTTP 429 */

    /* its sender */
    {21212, ERROR_PERMISSION_DENIED, 0}, /* From is not valid */
    {21267, ERROR_PERMISSION_DENIED, 0}, /* alphanumeric sender on a trial account */
    {21606, ERROR_PERMISSION_DENIED, 0}, /* From cannot send to this destination */
    {21659, ERROR_PERMISSION_DENIED, 0}, /* From is not a Twilio number */
    {21660, ERROR_PERMISSION_DENIED, 0}, /* From belongs to another account */
    {21661, ERROR_PERMISSION_DENIED, 0}, /* From cannot send SMS */
    {21701, ERROR_PERMISSION_DENIED, 0}, /* no such messaging service */
    {21703, ERROR_PERMISSION_DENIED, 0}, /* messaging service without a sender */
    {21704, ERROR_PERMISSION_DENIED, 0}, /* messaging service without a suitable sender */
    {21705, ERROR_PERMISSION_DENIED, 0}, /* messaging service is not valid */
    {30024, ERROR_PERMISSION_DENIED, 0}, /* sender not provisioned with the carrier */
    {30032, ERROR_PERMISSION_DENIED, 0}, /* toll-free number not verified */
    {30034, ERROR_PERMISSION_DENIED, 0}, /* number not registered (A2P 10DLC) */

    /* too much, too fast */
    {20429, ERROR_RATE_LIMIT_EXCEEDED, 0}, /* requests at once */
    {21611, ERROR_RATE_LIMIT_EXCEEDED, 0}, /* the sender's queue is full */
    {30001, ERROR_RATE_LIMIT_EXCEEDED, 0}, /* queue overflow */
    {30022, ERROR_RATE_LIMIT_EXCEEDED, 0}, /* US carriers' rate (A2P 10DLC) */
    {30023, ERROR_QUOTA_EXCEEDED, DAY_S},  /* US carriers' daily limit (A2P 10DLC) */
    {30027, ERROR_QUOTA_EXCEEDED, DAY_S},  /* T-Mobile's daily limit */

    /* Twilio and the networks */
    {20500, ERROR_TEMPORARY_ERROR, 0},
    {20503, ERROR_TEMPORARY_ERROR, 0},
    {20504, ERROR_TEMPORARY_ERROR, 0},
    {30008, ERROR_TEMPORARY_ERROR, 0}, /* unknown error at the carrier */
    {30017, ERROR_TEMPORARY_ERROR, 0}, /* carrier's network congested */
    {30410, ERROR_TEMPORARY_ERROR, 0}, /* carrier timed out */

    /* the recipient */
    {21211, ERROR_INVALID_PHONE_NUMBER, 0},           /* To is not valid */
    {21217, ERROR_INVALID_PHONE_NUMBER, 0},           /* does not appear to be valid */
    {21265, ERROR_INVALID_PHONE_NUMBER, 0},           /* To is a short code */
    {21266, ERROR_INVALID_PHONE_NUMBER, 0},           /* To is From */
    {21401, ERROR_INVALID_PHONE_NUMBER, 0},           /* invalid */
    {21408, ERROR_REGION_NOT_ALLOWED, 0},             /* country not switched on */
    {21421, ERROR_INVALID_PHONE_NUMBER, 0},           /* invalid */
    {21604, ERROR_INVALID_PHONE_NUMBER, 0},           /* To is missing */
    {21610, ERROR_RECIPIENT_OPTED_OUT, 0},            /* has answered STOP */
    {21612, ERROR_RECIPIENT_UNREACHABLE, 0},          /* no route from From to To */
    {21614, ERROR_INVALID_PHONE_NUMBER, 0},           /* not a mobile number */
    {21635, ERROR_RECIPIENT_UNREACHABLE, 0},          /* a landline */
    {30003, ERROR_RECIPIENT_UNAVAILABLE, HOUR_S / 2}, /* switched off, or no network */
    {30004, ERROR_RECIPIENT_UNREACHABLE, 0},          /* blocked */
    {30005, ERROR_INVALID_PHONE_NUMBER, 0},           /* unknown, no longer in use */
    {30006, ERROR_RECIPIENT_UNREACHABLE, 0},          /* landline, or unreachable carrier */

    /* the message */
    {20001, ERROR_INVALID_REQUEST, 0},   /* unknown parameter */
    {21602, ERROR_INVALID_REQUEST, 0},   /* no Body */
    {21603, ERROR_INVALID_REQUEST, 0},   /* no From */
    {21605, ERROR_MESSAGE_TOO_LARGE, 0}, /* Body too long */
    {21609, ERROR_INVALID_REQUEST, 0},   /* StatusCallback is not a URL */
    {21617, ERROR_MESSAGE_TOO_LARGE, 0}, /* more than 1600 characters */
    {21619, ERROR_INVALID_REQUEST, 0},   /* neither text nor media */
    {30007, ERROR_CONTENT_REJECTED, 0},  /* filtered */
    {30038, ERROR_CONTENT_REJECTED, 0},  /* one-time password where none may be sent */
    {30450, ERROR_CONTENT_REJECTED, 0},  /* taken for artificial traffic */
};

const size_t twilio_codes_count = COUNT_OF(twilio_codes);
