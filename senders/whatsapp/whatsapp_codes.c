#include "senders/whatsapp/whatsapp_codes.h"

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define QUARTER_S (HOUR_S / 4) /* of the hour over which calls are counted */

const struct provider_code whatsapp_codes[] = {
    /* our account */
    {0, ERROR_AUTHENTICATION_FAILED, 0},   /* cannot authenticate the user of the app */
    {3, ERROR_PERMISSION_DENIED, 0},       /* no permission for this method */
    {10, ERROR_PERMISSION_DENIED, 0},      /* permission not granted, or removed */
    {33, ERROR_PERMISSION_DENIED, 0},      /* no such business phone number, or not ours */
    {102, ERROR_AUTHENTICATION_FAILED, 0}, /* session expired */
    {104, ERROR_AUTHENTICATION_FAILED, 0}, /* no access token */
    {190, ERROR_AUTHENTICATION_FAILED, 0}, /* access token expired or invalid */
    {200, ERROR_PERMISSION_DENIED, 0},     /* permission not granted, or removed */
    {368, ERROR_ACCOUNT_SUSPENDED, 0},     /* blocked for a violation of policies */
    {131005, ERROR_PERMISSION_DENIED, 0},  /* access denied */
    {131030, ERROR_PERMISSION_DENIED, 0},  /* test number: recipient not in its list */
    {131031, ERROR_ACCOUNT_SUSPENDED, 0},  /* locked */
    {131037, ERROR_PERMISSION_DENIED, 0},  /* display name not approved */
    {131042, ERROR_QUOTA_EXCEEDED, 0},     /* trouble with the payment method */
    {131045, ERROR_PERMISSION_DENIED, 0},  /* number not registered: wrong certificate */
    {133010, ERROR_PERMISSION_DENIED, 0},  /* number not registered */

    /* too much, too fast */
    {4, ERROR_RATE_LIMIT_EXCEEDED, QUARTER_S},            /* calls of the app */
    {613, ERROR_RATE_LIMIT_EXCEEDED, 0},                  /* calls, by a limit of its own */
    {80007, ERROR_RATE_LIMIT_EXCEEDED, QUARTER_S},        /* calls of the business account */
    {130429, ERROR_RATE_LIMIT_EXCEEDED, 0},               /* messages a second */
    {131048, ERROR_RATE_LIMIT_EXCEEDED, HOUR_S},          /* too many were blocked or reported as spam */
    {131049, ERROR_RECIPIENT_RATE_LIMIT_EXCEEDED, DAY_S}, /* marketing to this recipient, of all senders */
    {131056, ERROR_RECIPIENT_RATE_LIMIT_EXCEEDED, 6},     /* from this number to this recipient */
    {132069, ERROR_RATE_LIMIT_EXCEEDED, QUARTER_S},       /* messages with this flow in an hour */

    /* Meta */
    {1, ERROR_TEMPORARY_ERROR, 0}, /* unknown */
    {2, ERROR_TEMPORARY_ERROR, 0}, /* down or overloaded */
    {131000, ERROR_TEMPORARY_ERROR, 0},
    {131016, ERROR_TEMPORARY_ERROR, 0}, /* a service is overloaded */
    {131057, ERROR_TEMPORARY_ERROR, 0}, /* account in maintenance */
    {133004, ERROR_TEMPORARY_ERROR, 0}, /* server not available */

    /* the recipient */
    {130472, ERROR_RECIPIENT_UNREACHABLE, 0}, /* part of an experiment without marketing messages */
    {130497, ERROR_REGION_NOT_ALLOWED, 0},    /* account may not write to this country */
    {131021, ERROR_INVALID_PHONE_NUMBER, 0},  /* is the sender */
    {131026, ERROR_RECIPIENT_UNREACHABLE, 0}, /* no WhatsApp, an old one, terms not accepted */
    {131047, ERROR_SERVICE_WINDOW_CLOSED, 0}, /* more than 24 hours after the last message */
    {131050, ERROR_RECIPIENT_OPTED_OUT, 0},   /* has stopped marketing messages */

    /* the message */
    {100, ERROR_INVALID_REQUEST, 0},    /* parameter not supported or misspelled */
    {131008, ERROR_INVALID_REQUEST, 0}, /* parameter missing */
    {131009, ERROR_INVALID_REQUEST, 0}, /* value of a parameter not valid */
    {131051, ERROR_INVALID_REQUEST, 0}, /* message type not supported */
    {131052, ERROR_INVALID_REQUEST, 0}, /* media cannot be downloaded */
    {131053, ERROR_INVALID_REQUEST, 0}, /* media cannot be uploaded */
    {135000, ERROR_INVALID_REQUEST, 0}, /* parameters, for an unknown reason */

    /* its template */
    {132000, ERROR_TEMPLATE_MISMATCH, 0},     /* number of variables */
    {132001, ERROR_TEMPLATE_NOT_APPROVED, 0}, /* not there in this language, or not approved */
    {132005, ERROR_TEMPLATE_MISMATCH, 0},     /* too long with its variables */
    {132007, ERROR_CONTENT_REJECTED, 0},      /* violates the policy */
    {132012, ERROR_TEMPLATE_MISMATCH, 0},     /* format of the variables */
    {132015, ERROR_TEMPLATE_NOT_APPROVED, 0}, /* paused */
    {132016, ERROR_TEMPLATE_NOT_APPROVED, 0}, /* disabled for good */
    {132068, ERROR_TEMPLATE_NOT_APPROVED, 0}, /* its flow is blocked */
};

const size_t whatsapp_codes_count = COUNT_OF(whatsapp_codes);
