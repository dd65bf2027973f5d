"""canaille as a peer of the end-to-end tests: an authorization server that is not ours, which rotates and forgives.

    python server.py LIFETIME_S

Access tokens live for LIFETIME_S. Both servers listen on loopback, on free ports: canaille as pytest-iam runs it, and
beside it a control that stands in for people (a login without a browser, a revocation) and tells what passed the token
endpoint. One line of JSON says where. It ends with its standard input.
"""

import datetime
import http.server
import importlib.metadata
import json
import os
import secrets
import socket
import socketserver
import sys
import threading

if len(sys.argv) != 2 or not sys.argv[1].isdigit() or int(sys.argv[1]) == 0:
    sys.exit("usage: python server.py LIFETIME_S")
LIFETIME_S = int(sys.argv[1])

# Authlib refuses plain HTTP otherwise, on loopback too. Read when it is imported.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import flask  # noqa: E402
import pytest_iam  # noqa: E402
from joserfc.jwk import JWKRegistry  # noqa: E402

CLIENT_ID = "renewd"
# A client with a secret, as its kind is the only one that may revoke here. Drawn at each start: a secret that stands in a file
# of ours could be found anywhere.
DESK_ID = "desk"
DESK_SECRET = secrets.token_urlsafe(24)
# What somebody types who logs in.
USER = "alice"
PASSWORD = "correct horse"
PORT_TRIES = 5


def configuration(port):
    jwk = JWKRegistry.generate_key("RSA", 2048)
    jwk.ensure_kid()
    return {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": "only in this process",
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "OAUTH2_TOKEN_EXPIRES_IN": {"refresh_token": LIFETIME_S},
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False},
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [jwk.as_dict(private=True)],
            "DYNAMIC_CLIENT_REGISTRATION_OPEN": True,
        },
    }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start():
    """canaille wants its port before its birth: one that is free, and another where somebody was faster."""
    for left in reversed(range(PORT_TRIES)):
        port = free_port()
        app = pytest_iam.create_app(config=configuration(port))
        try:
            return app, pytest_iam.Server(app, port, pytest_iam.Backend.instance)
        except OSError:
            if left == 0:
                raise


app, server = start()

# What passed the token endpoint. A spent token that comes back is a `replay`; canaille refuses it and does no more.
counts = {
    "token_requests": 0,
    "in_flight": 0,
    "max_in_flight": 0,
    "rotations": 0,
    "refused": 0,
    "replays": 0,
    "families_revoked": 0,
}
spent = set()


def is_token_request():
    return flask.request.path == "/oauth/token"


@app.before_request
def count_request():
    if is_token_request():
        counts["token_requests"] += 1
        counts["in_flight"] += 1
        counts["max_in_flight"] = max(counts["max_in_flight"], counts["in_flight"])


@app.after_request
def count_answer(response):
    if is_token_request():
        counts["in_flight"] -= 1
        token = flask.request.form.get("refresh_token")
        if response.status_code == 200:
            counts["rotations"] += 1
            spent.add(token)
        else:
            counts["refused"] += 1
            counts["replays"] += token in spent
    return response


with app.app_context():
    user = server.models.User(
        formatted_name="Alice",
        family_name="A",
        emails=["alice@example.org"],
        user_name=USER,
        password=PASSWORD,
    )
    server.backend.save(user)
    client = server.models.Client(
        client_id=CLIENT_ID,
        client_name=CLIENT_ID,
        client_uri="http://localhost",
        redirect_uris=["http://localhost/callback"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile"],
        token_endpoint_auth_method="none",
        client_id_issued_at=datetime.datetime.now(datetime.UTC),
    )
    server.backend.save(client)
    client.audience = [client]
    server.backend.save(client)
    # It compares redirects as they are written, port and all (RFC 8252, section 7.3, would have it otherwise).
    redirect_uri = f"http://127.0.0.1:{free_port()}/callback"
    desk = server.models.Client(
        client_id=DESK_ID,
        client_secret=DESK_SECRET,
        client_name=DESK_ID,
        # A client of this machine is trusted, and nobody is asked.
        client_uri="https://desk.example",
        redirect_uris=[redirect_uri],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile"],
        token_endpoint_auth_method="client_secret_basic",
        client_id_issued_at=datetime.datetime.now(datetime.UTC),
    )
    server.backend.save(desk)
    desk.audience = [desk]
    server.backend.save(desk)


def mint():
    return {"refresh_token": server.random_token(user, client, lifetime=LIFETIME_S).refresh_token}


def revoke():
    """Ends every login, as an administrator or the user's account page would."""
    now = datetime.datetime.now(datetime.UTC)
    with app.app_context():
        for token in server.backend.query(server.models.Token):
            if not token.revokation_date:
                token.revokation_date = now
                server.backend.save(token)
    return {}


def clients():
    return {"secrets": {DESK_ID: DESK_SECRET}, "keys": {}, "redirect_uri": redirect_uri}


ROUTES = {
    "POST /mint": mint,
    "POST /revoke": revoke,
    "GET /counts": lambda: counts,
    "GET /clients": clients,
}


class Control(http.server.BaseHTTPRequestHandler):
    def answer(self):
        route = ROUTES.get(f"{self.command} {self.path}")
        body = json.dumps(route() if route else {"error": "no such control"}).encode()
        self.send_response(200 if route else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class OneAtATime(socketserver.ThreadingMixIn, type(server.httpd)):
    """Requests are served one after the other, as canaille's test server does it. A connection on which nobody asks anything,
    as browsers open them ahead of need, does not keep the others waiting."""

    daemon_threads = True
    serving = threading.Lock()

    def finish_request(self, request, client_address):
        if request.recv(1, socket.MSG_PEEK):
            with self.serving:
                super().finish_request(request, client_address)


server.httpd.__class__ = OneAtATime
control = http.server.HTTPServer(("127.0.0.1", 0), Control)
for listening in (server.httpd, control):
    threading.Thread(target=listening.serve_forever, daemon=True).start()

issuer = server.url.rstrip("/")
print(
    json.dumps(
        {
            "peer": "canaille",
            "version": importlib.metadata.version("canaille"),
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth/token",
            "userinfo_endpoint": f"{issuer}/oauth/userinfo",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "client_id": CLIENT_ID,
            "control": f"http://127.0.0.1:{control.server_address[1]}",
        }
    ),
    flush=True,
)

# Whoever started this holds its standard input: no server outlives its test.
sys.stdin.read()
