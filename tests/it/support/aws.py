"""Amazon's services on this machine: moto, behind a check of each request's signature, and their published models."""

import datetime
import io
import json
import logging
import re
import threading
from urllib.parse import parse_qsl

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from support.provider import Request

REGION = "eu-west-1"
KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "session/token+with=signs=="
CREDENTIALS = {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def is_signed(request, service):
    """Whether botocore computes the same signature for the request, which a service would take."""
    found = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        return False
    key_id, day, region, signed_for, names, signature = found.groups()
    names = names.split(";")
    date = request.headers.get("x-amz-date", "")
    must_be_signed = {"host", "x-amz-date", "content-type"} | set(request.headers) & {"x-amz-security-token"}
    if (key_id, region, signed_for) != (KEY_ID, REGION, service) or not must_be_signed <= set(names):
        return False
    age = datetime.datetime.utcnow() - datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    if abs(age) > datetime.timedelta(minutes=5) or not date.startswith(day):
        return False
    method, path, _ = request.line.split()
    headers = {name: request.headers[name] for name in names}
    same = AWSRequest(method, f"http://{request.headers['host']}{path}", headers=headers, data=request.body)
    same.context["timestamp"] = date
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), service, region)
    return signer.signature(signer.string_to_sign(same, signer.canonical_request(same)), same) == signature


def model(service):
    return botocore.session.get_session().get_service_model(service)


def content(service, request):
    """What the request's body says: an object of SES, or the fields of a form of SNS."""
    return json.loads(request.body) if service == "sesv2" else dict(parse_qsl(request.body.decode(), strict_parsing=True))


def expected(service, operation, parameters):
    """What botocore would send; it takes only parameters that the service's published model has."""
    published = model(service)
    serializer = create_serializer(published.metadata["protocol"], include_validation=True)
    built = serializer.serialize_to_request(parameters, published.operation_model(operation))
    return json.loads(built["body"]) if service == "sesv2" else built["body"]


class Amazon:
    """moto's services over HTTP. `requests` are those that had a right signature."""

    def __init__(self, signing_name):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.requests = []
        self._signing_name = signing_name
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def client(self, service):
        """Amazon's own, for what an operator would do in the console."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            aws_session_token=TOKEN,
        )

    @staticmethod
    def backend(service):
        return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]

    def _answer(self, environ, start_response):
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        line = f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}"
        request = Request(line, headers, body, 0, 0)
        if not is_signed(request, self._signing_name):
            start_response("403 Forbidden", [("X-Amzn-ErrorType", "SignatureDoesNotMatch")])
            return [b'{"message":"The request signature we calculated does not match"}']
        self.requests.append(request)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._moto(environ, start_response)
