"""The package from Python. `python.rs` starts the servers, the home and the agent, and runs each class by itself:

    RENEWD_TEST_API, RENEWD_TEST_CONTROL: where the API is, and where the server is told what to do (one word to a line,
    answered by one line).
"""

import asyncio
import copy
import datetime
import gc
import multiprocessing
import os
import pickle
import socket
import threading
import time
import unittest

import httpx
import renewd
import renewd.httpx

API = os.environ["RENEWD_TEST_API"]
# A test fails when what it waits for does not come; how fast it comes is no matter.
PATIENCE = 60


def control(word: str) -> str:
    """Tells the server something, and gives what it answers."""
    host, port = os.environ["RENEWD_TEST_CONTROL"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        connection.sendall(f"{word}\n".encode())
        return connection.makefile().readline().strip()


def requests() -> int:
    """Token requests that the server has had."""
    return int(control("token-requests"))


def token_in_a_child(answers: "multiprocessing.Queue") -> None:
    try:
        mine = renewd.token("work", timeout=PATIENCE)
        renewd.refresh("work", timeout=PATIENCE)
        asynchronous = asyncio.run(renewd.token_async("work"))
        answers.put((mine, asynchronous))
    except BaseException as error:
        answers.put(error)


class Plain(unittest.TestCase):
    """A server that works."""

    def test_a_token_is_text_and_opens_the_api(self):
        token = renewd.token("work")
        self.assertIsInstance(token, str)
        answer = httpx.get(f"{API}/thing", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(answer.status_code, 200)
        before = requests()
        self.assertEqual({renewd.token("work") for _ in range(1000)}, {token})
        self.assertEqual(requests(), before, "a token at hand asks nobody")

    def test_what_is_known_of_a_token_is_told_and_the_token_is_not_shown(self):
        token = renewd.Credential("work", min_validity=datetime.timedelta(seconds=1)).token()
        self.assertEqual(token.access_token, renewd.token("work"))
        self.assertEqual(token.authorization, f"Bearer {token.access_token}")
        self.assertEqual((token.credential, token.epoch), ("work", 1))
        self.assertGreater(token.expires_at, datetime.datetime.now(datetime.timezone.utc))
        self.assertFalse(token.short)
        for shown in (repr(token), str(token), f"{token}", repr(renewd.Credential("work"))):
            self.assertNotIn(token.access_token, shown)
        with self.assertRaises(TypeError):
            pickle.dumps(token)

    def test_a_refused_token_is_renewed_once_however_many_threads_complain(self):
        credential = renewd.Credential("work")
        refused, before = credential.token(), requests()
        newer, threads = [], []
        for _ in range(8):
            threads.append(threading.Thread(target=lambda: newer.append(credential.rejected(refused))))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual({one.generation for one in newer}, {refused.generation + 1})
        self.assertEqual(len({one.access_token for one in newer} | {refused.access_token}), 2)
        self.assertEqual(requests(), before + 1)

    def test_status_is_what_the_command_says(self):
        renewd.token("work")
        self.assertEqual(renewd.status("work")["credentials"][0]["status"], "running")
        self.assertEqual(renewd.Credential("work").status()["name"], "work")
        self.assertIn("work", [one["name"] for one in renewd.status()["credentials"]])

    def test_wrong_calls_are_named_and_repeat_nothing(self):
        with self.assertRaises(renewd.LoginNeeded) as raised:
            renewd.token("elsewhere")
        self.assertEqual(raised.exception.login_command, "renewd login elsewhere")
        self.assertEqual((raised.exception.exit, raised.exception.code), (3, "no_grant"))
        with self.assertRaises(renewd.UsageError) as raised:
            renewd.token("ghp secret")
        self.assertNotIn("ghp", str(raised.exception))
        for wrong in (-1, float("nan"), float("inf"), 1e300):
            with self.assertRaises(ValueError):
                renewd.token("work", min_validity=wrong)
        with self.assertRaises(TypeError):
            renewd.token(42)

    def test_an_error_is_the_same_after_a_copy_and_a_pickle(self):
        with self.assertRaises(renewd.LoginNeeded) as raised:
            renewd.token("elsewhere")
        for same in (copy.copy(raised.exception), pickle.loads(pickle.dumps(raised.exception))):
            self.assertEqual((str(same), same.login_command), (str(raised.exception), "renewd login elsewhere"))
            self.assertIsInstance(same, renewd.Error)

    def test_a_session_of_ones_own_is_closed_at_the_end_of_its_block(self):
        with renewd.Session() as session:
            self.assertEqual(session.credential("work").token().access_token, renewd.token("work"))
        with self.assertRaises(ValueError):
            session.status()
        with self.assertRaises(renewd.LoginNeeded):
            renewd.Session(state_dir=os.path.join(os.environ["HOME"], "empty")).credential("work").token()

    @unittest.skipUnless(hasattr(os, "fork"), "this system does not fork")
    def test_a_forked_process_has_the_token_and_refreshes_and_so_does_its_parent(self):
        fork = multiprocessing.get_context("fork")
        before, asked = renewd.token("work"), requests()
        answers = fork.Queue()
        child = fork.Process(target=token_in_a_child, args=(answers,))
        child.start()
        answer = answers.get(timeout=PATIENCE)
        child.join(PATIENCE)
        self.assertEqual(child.exitcode, 0)
        if isinstance(answer, BaseException):
            raise answer
        self.assertEqual(answer[0], before)
        self.assertNotEqual(answer[1], before)
        self.assertEqual(requests(), asked + 1)
        renewd.refresh("work")
        self.assertNotEqual(renewd.token("work"), before)
        self.assertEqual(control("reuse-trips"), "0")


class Asyncio(unittest.TestCase):
    """A server that can be held."""

    def test_the_loop_runs_on_while_a_token_is_waited_for_and_a_stampede_is_one_request(self):
        control("hold")

        async def main():
            asked = requests()
            waiting = [asyncio.ensure_future(renewd.token_async("work", timeout=PATIENCE)) for _ in range(500)]
            await asyncio.sleep(0)
            impatient = waiting.pop()
            # The loop is free: it talks to somebody else meanwhile.
            async with httpx.AsyncClient() as client:
                self.assertEqual((await client.get(f"{API}/thing")).status_code, 401)
            self.assertLess(threading.active_count(), 20)
            impatient.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await impatient
            self.assertFalse(any(one.done() for one in waiting))
            control("release")
            tokens = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
            self.assertEqual(len(set(tokens)), 1, "who was cancelled took nobody's token along")
            return tokens[0], asked

        token, asked = asyncio.run(main())
        self.assertEqual(token, renewd.token("work"))
        self.assertEqual(requests(), asked + 1)


class Late(unittest.TestCase):
    """A server that does not answer."""

    def test_a_timeout_is_a_timeout_and_each_has_its_own_error(self):
        control("hold")

        async def main():
            asked = [renewd.token_async("work", timeout=0.5) for _ in range(2)]
            return await asyncio.gather(*asked, return_exceptions=True)

        errors = asyncio.run(main())
        with self.assertRaises(TimeoutError) as raised:
            renewd.token("work", timeout=datetime.timedelta(milliseconds=200))
        errors.append(raised.exception)
        for error in errors:
            self.assertIsInstance(error, renewd.Timeout)
            self.assertEqual((error.exit, error.code), (124, "timeout"))
        self.assertEqual(len({id(error) for error in errors}), 3)
        # Otherwise the end would wait for the answer to a request that is on its way.
        control("release")

    def test_who_waits_when_a_session_is_closed_is_told_at_once(self):
        # What another test left on its way has arrived; what is held from here on is this session's.
        renewd.token("work", timeout=PATIENCE)
        while control("held") != "0":
            time.sleep(0.01)
        control("hold")
        session, told = renewd.Session(), []

        def wait():
            try:
                session.credential("work", timeout=PATIENCE).refresh()
            except renewd.Error as error:
                told.append(error)

        waiting, closing = threading.Thread(target=wait), threading.Thread(target=session.close)
        waiting.start()
        while control("held") == "0":
            time.sleep(0.01)
        closing.start()
        waiting.join(PATIENCE)
        self.assertTrue(closing.is_alive(), "the answer that is on its way is waited for")
        control("release")
        closing.join(PATIENCE)
        self.assertEqual([(error.exit, str(error)) for error in told], [(2, "the session is closed")])


def halves():
    yield b"half "
    yield b"and half"


async def async_halves():
    for half in halves():
        yield half


class Http(unittest.TestCase):
    """The httpx authentication. A token that is refused moments after another is passed on, so each has a world of its own."""

    def test_a_401_is_answered_with_one_newer_token_and_a_fresh_body(self):
        with httpx.Client(auth=renewd.httpx.Auth("work"), base_url=API) as client:
            self.assertEqual(client.post("/echo", content=b"one").content, b"one")
            control("revoke")
            before = requests()
            answer = client.post("/echo", content=b"two")
            self.assertEqual((answer.status_code, answer.content), (200, b"two"))
            self.assertEqual([one.status_code for one in answer.history], [401])
            self.assertEqual(requests(), before + 1)

    def test_the_second_401_is_the_callers(self):
        with httpx.Client(auth=renewd.httpx.Auth("work"), base_url=API) as client:
            client.get("/thing")
            control("401 always")
            before = requests()
            answer = client.get("/thing")
            self.assertEqual((answer.status_code, len(answer.history)), (401, 1))
            self.assertEqual(requests(), before + 1)

    def test_a_body_that_streams_is_sent_once_and_the_token_renewed_all_the_same(self):
        with httpx.Client(auth=renewd.httpx.Auth("work"), base_url=API) as client:
            client.get("/thing")
            control("revoke")
            self.assertEqual(client.post("/echo", content=halves()).status_code, 401)
            self.assertEqual(client.post("/echo", content=halves()).content, b"half and half")

    def test_a_body_that_streams_is_repeated_where_that_was_asked_for(self):
        with httpx.Client(auth=renewd.httpx.Auth("work", replay_streams=True), base_url=API) as client:
            client.get("/thing")
            control("revoke")
            self.assertEqual(client.post("/echo", content=halves()).content, b"half and half")

    def test_asynchronously_a_401_is_answered_with_one_newer_token_and_a_fresh_body(self):
        async def main():
            async with httpx.AsyncClient(auth=renewd.httpx.Auth("work"), base_url=API) as client:
                self.assertEqual((await client.post("/echo", content=b"one")).content, b"one")
                control("revoke")
                before = requests()
                many = await asyncio.gather(*(client.post("/echo", json={"a": n}) for n in range(50)))
                self.assertEqual([one.json()["a"] for one in many], list(range(50)))
                self.assertEqual(requests(), before + 1)

        asyncio.run(main())

    def test_asynchronously_a_body_that_streams_is_repeated_where_that_was_asked_for(self):
        async def main():
            auth = renewd.httpx.Auth(renewd.Credential("work"), replay_streams=True)
            async with httpx.AsyncClient(auth=auth, base_url=API) as client:
                await client.get("/thing")
                control("revoke")
                self.assertEqual((await client.post("/echo", content=async_halves())).content, b"half and half")

        asyncio.run(main())

    def test_a_token_is_not_called_refused_by_a_host_that_never_saw_it(self):
        auth = renewd.httpx.Auth("work")
        renewd.token("work")
        before = requests()

        def elsewhere(request):
            if request.url.host == "here.example":
                return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})
            self.assertNotIn("Authorization", request.headers)
            return httpx.Response(401)

        with httpx.Client(auth=auth, transport=httpx.MockTransport(elsewhere), follow_redirects=True) as client:
            self.assertEqual(client.get("https://here.example/").status_code, 401)
        self.assertEqual(requests(), before)


class Outage(unittest.TestCase):
    """A firewall in the way, and no valid token."""

    def test_an_outage_tells_when_the_next_attempt_is(self):
        control("fault waf")
        with self.assertRaises(renewd.TemporarilyUnavailable) as raised:
            renewd.token("work", timeout=PATIENCE)
        error = raised.exception
        self.assertEqual((error.exit, error.code, error.cause), (4, "auth_retrying", "outage"))
        self.assertGreater(error.retry_after, 0)
        self.assertGreater(error.next_attempt_at, datetime.datetime.now(datetime.timezone.utc))
        with httpx.Client(auth=renewd.httpx.Auth("work")) as client:
            with self.assertRaises(renewd.TemporarilyUnavailable):
                client.get(f"{API}/thing")

        async def main():
            return await asyncio.gather(*(renewd.token_async("work") for _ in range(3)), return_exceptions=True)

        errors = asyncio.run(main())
        self.assertEqual({type(one) for one in errors}, {renewd.TemporarilyUnavailable})
        self.assertEqual(len({id(one) for one in errors}), 3)
        control("fault ok")
        renewd.refresh("work")
        self.assertTrue(renewd.token("work"))


class Waiting(unittest.TestCase):
    """The interpreter's lock."""

    def test_other_threads_run_while_one_waits_for_the_server(self):
        control("hold")
        got = []
        waiting = threading.Thread(target=lambda: got.append(renewd.refresh("work", timeout=PATIENCE)))
        waiting.start()
        # This thread runs, and the other waits: with the lock held it would not come here.
        while control("held") == "0":
            time.sleep(0.01)
        self.assertEqual(got, [])
        control("release")
        waiting.join(PATIENCE)
        self.assertEqual(len(got), 1)
        gc.collect()


if __name__ == "__main__":
    unittest.main()
