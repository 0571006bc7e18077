"""Amazon SES and SNS: requests as their models have them, signatures that hold, and every error they document."""

import json

import pytest

from support import aws
from support.api import message, unique
from support.collector import new_context
from support.command import outbound
from support.provider import Provider

FROM = "us@example.com"
SES = {"OUTBOUND_EMAIL_PROVIDER": "ses", "OUTBOUND_EMAIL_FROM": FROM, **aws.CREDENTIALS}
SNS = {"OUTBOUND_SMS_PROVIDER": "sns", "OUTBOUND_SENDER_CHANNEL": "sms", **aws.CREDENTIALS}


def text_message(number="+4915112345678", text="Hi & \"you\" é+\n"):
    return message(channel="SMS", to=number, subject=None, payloadJson={"text": text})


def accepted_by(message_id):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(message_id) + 16}\r\n\r\n{{\"MessageId\":\"{message_id}\"}}".encode()


@pytest.fixture
def amazon_ses():
    amazon = aws.Amazon("ses")
    amazon.client("sesv2").create_email_identity(EmailIdentity=FROM)
    amazon.requests.clear()
    yield amazon
    amazon.close()


@pytest.fixture
def amazon_sns():
    amazon = aws.Amazon("sns")
    yield amazon
    amazon.close()


def test_an_email_by_ses(new_pipeline, amazon_ses):
    pipeline = new_pipeline(
        "producer",
        "router",
        "sender",
        **SES,
        AWS_SESSION_TOKEN=aws.TOKEN,
        AWS_ENDPOINT_URL_SESV2=amazon_ses.url,
        OUTBOUND_EMAIL_FROM_NAME='The "Team"',
    )
    body = message(payloadJson={"text": "Hello", "html": "<p>é</p>"}, subject='é "x"')
    trace = {"traceparent": new_context("00")[2], "tracestate": "b=2,  a=x y"}  # headers that are signed, too
    message_id = pipeline.api.accept(body, **trace)
    pipeline.wait_for(message_id, "SENT")

    (request,) = amazon_ses.requests
    assert {name: request.headers[name] for name in trace} == trace
    assert request.line == "POST /v2/email/outbound-emails HTTP/1.1"
    assert request.headers["x-amz-security-token"] == aws.TOKEN
    assert aws.content("sesv2", request) == aws.expected(
        "sesv2",
        "SendEmail",
        {
            "FromEmailAddress": f'"The \\"Team\\"" <{FROM}>',
            "Destination": {"ToAddresses": [body["to"]]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": 'é "x"', "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": "Hello", "Charset": "UTF-8"},
                        "Html": {"Data": "<p>é</p>", "Charset": "UTF-8"},
                    },
                }
            },
            "EmailTags": [{"Name": "message_id", "Value": message_id}, {"Name": "attempt", "Value": "1"}],
        },
    )
    sent = amazon_ses.backend("ses").sent_messages[-1]
    assert sent.destinations == {"ToAddresses": [body["to"]]}
    assert (sent.subject, sent.body) == ('é "x"', "<p>é</p>")
    assert pipeline.attempts()[message_id][1]["provider_message_id"] == sent.id


def test_a_template_of_ses(new_pipeline):
    """moto has no templates for it."""
    provider = Provider(lambda request: accepted_by("by-hand"))
    pipeline = new_pipeline(
        "producer",
        "router",
        "sender",
        **SES,
        AWS_ENDPOINT_URL_SESV2=provider.url,
        SES_TEMPLATES="welcome_email=Welcome_2",
        SES_CONFIGURATION_SET="events",
    )
    body = message(payloadJson={"name": "Ada", "text": "x" * 100000})
    message_id = pipeline.api.accept(body)
    pipeline.wait_for(message_id, "SENT")
    (request,) = provider.requests
    assert aws.is_signed(request, "ses")
    assert aws.content("sesv2", request) == aws.expected(
        "sesv2",
        "SendEmail",
        {
            "FromEmailAddress": FROM,
            "Destination": {"ToAddresses": [body["to"]]},
            "Content": {"Template": {"TemplateName": "Welcome_2", "TemplateData": json.dumps(body["payloadJson"])}},
            "EmailTags": [{"Name": "message_id", "Value": message_id}, {"Name": "attempt", "Value": "1"}],
            "ConfigurationSetName": "events",
        },
    )
    provider.close()


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "other"}, "AUTHENTICATION_FAILED", "SignatureDoesNotMatch"),
        ({"AWS_REGION": "eu-west-2"}, "AUTHENTICATION_FAILED", "SignatureDoesNotMatch"),
        ({"OUTBOUND_EMAIL_FROM": "them@example.org"}, "PERMISSION_DENIED", "not verified"),
    ],
    ids=["secret", "region", "sender"],
)
def test_ses_refuses(new_pipeline, amazon_ses, settings, code, words):
    pipeline = new_pipeline(
        "producer",
        "router",
        "sender",
        **{**SES, **settings, "AWS_ENDPOINT_URL_SESV2": amazon_ses.url, "OUTBOUND_MAX_ATTEMPTS": 1},
    )
    state = pipeline.wait_for(pipeline.api.accept(message(payloadJson={"text": "x"})), "FAILED")
    assert state["errorCode"] == code
    assert words in state["errorMessage"]


def test_a_text_message_by_sns(new_pipeline, amazon_sns):
    pipeline = new_pipeline(
        "producer", "router", "sender", **SNS, AWS_ENDPOINT_URL_SNS=amazon_sns.url, SNS_SENDER_ID="Acme1"
    )
    body = text_message()
    message_id = pipeline.api.accept(body)
    pipeline.wait_for(message_id, "SENT")

    (request,) = amazon_sns.requests
    assert request.line == "POST / HTTP/1.1"
    assert aws.content("sns", request) == aws.expected(
        "sns",
        "Publish",
        {
            "PhoneNumber": body["to"],
            "Message": body["payloadJson"]["text"],
            "MessageAttributes": {
                "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"},
                "AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "Acme1"},
            },
        },
    )
    provider_message_id = pipeline.attempts()[message_id][1]["provider_message_id"]
    assert amazon_sns.backend("sns").sms_messages[provider_message_id] == (body["to"], body["payloadJson"]["text"])


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({**SES, "AWS_REGION": None}, "AWS_REGION"),
        ({**SES, "AWS_ACCESS_KEY_ID": None}, "AWS_ACCESS_KEY_ID"),
        ({**SES, "SES_TEMPLATES": "welcome"}, "SES_TEMPLATES"),
        ({**SES, "AWS_ENDPOINT_URL_SESV2": "https://example.com/path"}, "AWS_ENDPOINT_URL_SESV2"),
        ({**SNS, "AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY"),
        ({**SNS, "SNS_SENDER_ID": "123"}, "SNS_SENDER_ID"),
        ({**SNS, "SNS_SMS_TYPE": "urgent"}, "SNS_SMS_TYPE"),
    ],
)
def test_a_setting_that_is_missing_or_wrong(settings, name):
    ended = outbound("sender", **settings)
    assert ended.code == 2
    assert f"{name}: " in ended.err
    assert aws.SECRET not in ended.err


def ses_error(shape):
    answer = f"HTTP/1.1 {shape.metadata['error']['httpStatusCode']} No\r\nx-amzn-ErrorType: {shape.name}\r\n"
    return f"{answer}Content-Length: 17\r\n\r\n{{\"message\":\"why\"}}".encode()


def sns_error(shape):
    error = shape.metadata["error"]
    body = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{error.get('code', shape.name)}</Code><Message>why</Message></Error></ErrorResponse>"
    )
    return f"HTTP/1.1 {error['httpStatusCode']} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("service", "operation", "settings", "url", "answer"),
    [
        ("sesv2", "SendEmail", SES, "AWS_ENDPOINT_URL_SESV2", ses_error),
        ("sns", "Publish", SNS, "AWS_ENDPOINT_URL_SNS", sns_error),
    ],
    ids=["ses", "sns"],
)
def test_each_error_of_the_model_has_a_rule(new_pipeline, service, operation, settings, url, answer):
    """None of them is judged by its HTTP status alone."""
    shapes = aws.model(service).operation_model(operation).error_shapes
    recipients = {}  # what the recipient's address has in it: the error that it gets

    def react(request):
        return next(answer(shape) for mark, shape in recipients.items() if mark in request.body.decode())

    provider = Provider(react)
    pipeline = new_pipeline("producer", "router", "sender", **settings, **{url: provider.url, "OUTBOUND_MAX_ATTEMPTS": 1})
    expected = {}
    for number, shape in enumerate(shapes):
        if service == "sns":
            mark = f"{4915100000000 + number}"
            body = text_message(number=f"+{mark}")
        else:
            mark = unique("to")
            body = message(to=f"{mark}@example.com", payloadJson={"text": "x"})
        recipients[mark] = shape
        expected[pipeline.api.accept(body)] = shape.name
    codes = {name: pipeline.wait_for(message_id, "FAILED")["errorCode"] for message_id, name in expected.items()}
    assert len(codes) >= 8
    assert not {name: code for name, code in codes.items() if code == "PROVIDER_REJECTED"}
    provider.close()
