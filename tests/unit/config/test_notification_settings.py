"""`[notify]`: what may be there, and that no word about it gives a URL away."""

from __future__ import annotations

import logging

import pytest

from taxi_luigi.config.notifications import Settings, ordinal, split
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.settings import read
from taxi_luigi.runs import notify
from taxi_luigi.runs.notify.sending import hidden, place

# apprise 2.2 imports imghdr, where Python still has it, for PGP.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "Sesame4711-Open"


def settings(*urls: str) -> Settings:
    return Settings(urls, frozenset({"failed"}), 210)


def settings_of(urls: str, events: str) -> Settings:
    return read(Settings, "notify", {"urls": urls, "events": events})


def test_the_settings_are_taken_apart() -> None:
    assert settings_of("json://host/a, mailto://h?to=a@b.example,c@d.example", "failed, drift") == Settings(
        ("json://host/a", "mailto://h?to=a@b.example,c@d.example"), frozenset({"failed", "drift"}), 210
    )


def test_without_urls_there_may_be_no_events() -> None:
    assert settings_of("", "") == Settings((), frozenset(), 210)


def test_an_event_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[notify\] events has no 'fialed'; there are failed, finished, not_pub"):
        settings_of("json://host", "fialed")


def test_urls_without_events_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="has urls but no events"):
        settings_of("json://host", " , ")


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ()),
        (" , ", ()),
        ("json://a", ("json://a",)),
        ("json://a,json://b", ("json://a", "json://b")),
        ("json://a json://b\n  slack://c/d , ", ("json://a", "json://b", "slack://c/d")),
        ("mailto://a?to=x@y.example,z@y.example json://b", ("mailto://a?to=x@y.example,z@y.example", "json://b")),
    ],
)
def test_urls_stand_between_commas_and_blanks(text: str, urls: tuple[str, ...]) -> None:
    assert split(text) == urls


@pytest.mark.parametrize("text", [f"json://a, mailto:{SECRET}", f"json://a {SECRET}", SECRET, f"://{SECRET}"])
def test_what_is_no_url_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\[notify\] urls: the 1st is no URL") as raised:
        split(text)
    assert SECRET not in str(raised.value)


def test_a_record_type_has_addresses_of_its_own() -> None:
    text = "green=mailto://h?to=a@b.example,c@d.example, fhv=json://host/a\n  green=json://host/b=c "
    assert read(Settings, "notify", {"color_urls": text}).color_urls == (
        ("green", "mailto://h?to=a@b.example,c@d.example"), ("fhv", "json://host/a"), ("green", "json://host/b=c"),
    )  # fmt: skip


@pytest.mark.parametrize("text", [f"json://{SECRET}", f"purple=json://{SECRET}", f"green=json://a {SECRET}", SECRET])
def test_an_address_of_no_record_type_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\[notify\] color_urls: the 1st is not like green=mailto") as raised:
        read(Settings, "notify", {"color_urls": text})
    assert SECRET not in str(raised.value)


def test_an_invalid_address_of_a_record_type_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"color_urls: the 2nd, slack://…, cannot be used: An inv") as raised:
        notify.check(Settings(color_urls=(("fhv", "json://a"), ("green", f"slack://{SECRET}/b"))))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("text", [SECRET, f"ftp://host/{SECRET}", f"https:///{SECRET}", f"https://host/a {SECRET}"])
def test_a_heartbeat_that_is_no_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\[notify\] heartbeat is no address") as raised:
        read(Settings, "notify", {"heartbeat": text})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "mailto://robot:sesame@mail.example:587?from=taxi@example.com&to=you@example.com,me@example.com",
        "mailtos://taxi:sesame@example.com?smtp=smtp.example.com&to=you@example.com",
        "mailtos://robot:sesame@gmail.com",
        "mailto://localhost?from=taxi@example.com&to=you@example.com",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#nightly",
        "jsons://hooks.example.com/taxi?+X-Token=sesame",
        "ntfy://taxi-nightly",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefg_hijklmnop/12315544",
    ],
)
def test_the_urls_of_the_readme_are_taken_without_a_request(url: str) -> None:
    notify.check(settings(url))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"carrierpigeon://{SECRET}", "carrierpigeon://…, cannot be used: Unparseable URL …;"),
        (f"slack://{SECRET}/b", "slack://…, cannot be used: An invalid Slack (first) Token (***) was"),
        (f"mailto://robot:{SECRET}@mail.example?to=nobody", "mailto://…, cannot be used: Dropped invalid To email"),
        (f"mailto://robot:{SECRET}@mail.example?mode=plain", "mailto://…, cannot be used: The secure mode specified"),
        (f"json://robot:{SECRET}@:99999", "json://…, cannot be used: "),
    ],
)
def test_an_invalid_url_is_refused_and_not_shown(
    url: str, why: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigError) as raised:
        notify.check(settings("json://localhost", url))
    said = str(raised.value)
    assert said.startswith(f"[notify] urls: the 2nd, {why}")
    assert said.endswith("https://appriseit.com/services/ has the form of each")
    printed = capfd.readouterr()
    for text in (said, caplog.text, printed.out, printed.err):
        assert SECRET.lower() not in text.lower()


@pytest.mark.parametrize(
    ("private_url", "shown"),
    [
        ("json://robot:****@localhost:99/secret?+X-Token=secret", "json://localhost:99"),
        ("mailto://u:****@mail.example/a%40b.example?cto=15", "mailto://mail.example"),
        ("mailto://[::1]:2525/", "mailto://[::1]:2525"),
        ("slack://T...2/A...D/T...Q/%23x/", "slack://…"),
        ("ntfys://taxi-nightly?mode=cloud", "ntfys://…"),
        ("json://localhost?-a=b@c", "json://localhost"),
    ],
)
def test_a_place_is_shown_without_path_query_and_user(private_url: str, shown: str) -> None:
    assert place(private_url) == shown


def test_the_parts_of_a_url_are_hidden_in_any_spelling() -> None:
    urls = ("json://robot:pass%20word@host.example/PathSecret?-key=QuerySecret&+h=a,HeaderSecret",)
    text = "host.example: robot said 'pass word' to pathsecret,\nQUERYSECRET and HeaderSecret; pass%20word; no -key"
    assert hidden(text, urls) == "***: *** said '***' to ***, *** and ***; ***; no -key"


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "112th",
    ]
