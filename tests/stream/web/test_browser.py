"""The page in a real browser, without a screen: what it draws, and what it does when things go wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from web_ward import CHROMIUM, WebServer, alert_step, later, made_steps, running

from ecg_stream.stream.core.messages import Beat
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.web.ward import WebWard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.\n"
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A ward in which no time passes, but that of the streams: nobody falls silent while a slow machine starts."""
    with running(WebWard("mqtt://ward  context", clock=lambda: 0.0)) as started:
        yield started


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the page; an error of its scripts, or a breach of its policy, fails the test."""
    wrong: list[str] = []
    contexts = []

    def open_page(url: str, width: int = 1366, height: int = 768, theme: str = "dark", motion: str = "reduce") -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion=motion)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def steps_of(patient: str, seconds: float = 30.0, **made: Any) -> list[Step]:
    return [replace(step, record=patient) for step in made_steps(0.0, 30.0, **made)[: round(5 * seconds)]]


def ectopic(steps: list[Step]) -> list[str]:
    return [each.label for step in steps for each in step.outputs if isinstance(each, Beat) and each.label != "N"]


def colours(page: Page, selector: str) -> set[str]:
    """Colours of a canvas that at least ten of its pixels have."""
    return set(
        page.eval_on_selector(
            selector,
            """canvas => {
                const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                const number = {};
                for (let i = 0; i < data.length; i += 4) {
                    const name = "#" + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, "0")).join("");
                    number[name] = (number[name] ?? 0) + 1;
                }
                return Object.keys(number).filter((name) => number[name] >= 10);
            }""",
        )
    )


def until(page: Page, expression: str, arg: Any = None) -> None:
    """Wait until an expression is true; Playwright's own way of it evaluates strings, which our policy forbids."""
    for _ in range(1200):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}\n{page.locator('body').inner_text()}")


def variable(page: Page, name: str) -> str:
    return page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name)


def send(page: Page, server: WebServer, steps: list[Step]) -> None:
    """Let steps come as the page draws them: a fifth of a second each, without a clock of our own."""
    for step in steps:
        server.write(step)
        page.evaluate("() => new Promise((done) => setTimeout(done, 100))")


def test_it_draws_the_trace_and_the_beats(server, look) -> None:
    steps = steps_of("bed-1")
    first = next(k for k, step in enumerate(steps) if any(getattr(o, "label", "N") in "SV" for o in step.outputs))
    label = next(o.label for o in steps[first].outputs if getattr(o, "label", "N") in "SV")
    server.write(*steps[: first - 2], *steps_of("bed-2", 8.0))
    page = look(server.url, motion="no-preference")
    page.evaluate(
        "window.seen = []; document.addEventListener('beat-drawn', (e) => seen.push(e.detail.patient + e.detail.label))"
    )
    page.wait_for_selector(".tile canvas")
    assert page.locator(".tile h2").all_text_contents() == ["bed-1", "bed-2"]
    send(page, server, steps[first - 2 : first + 8])
    until(page, "what => window.seen.includes(what)", f"bed-1{label}")
    drawn = colours(page, ".tile:first-child canvas")
    assert variable(page, "--trace") in drawn
    assert variable(page, f"--{label}") in drawn
    assert page.locator(".tile .number").first.text_content().isdecimal()
    until(page, "document.querySelector('.tile .beat').textContent !== ''")
    assert "25 mm/s" in page.locator(".tile .scale").first.text_content()


def test_two_hundred_patients_and_who_needs_attention_is_first(server, look) -> None:
    for number in range(1, 201):
        kind = {"faster": 2.2} if number == 150 else {"off": True} if number == 77 else {}
        server.write(*steps_of(f"bed-{number}", 8.0, **kind)[0 if kind else -15 :])
    page = look(server.url)
    until(page, "document.querySelectorAll('.tile, .chip').length === 200")
    assert page.locator(".tile h2").all_text_contents()[:2] == ["bed-150", "bed-77"]
    assert "high priority alert: extreme tachycardia" in page.locator(".tile .note").first.text_content()
    assert "▲ 1 urgent" in page.locator("#summary").text_content()
    assert 3 <= page.locator(".tile").count() <= 24
    page.fill("#find", "bed-19")
    until(page, "document.querySelectorAll('.tile, .chip').length === 11")
    assert page.title().startswith("▲1")


def test_beats_that_came_while_the_connection_was_lost_are_there_after(server, look) -> None:
    steps = steps_of("bed-1") + [later(step, "bed-1", 30.0) for step in steps_of("bed-1")]
    server.write(*steps[:120])
    page = look(server.url + "#/bed-1")
    rows = "number => document.querySelectorAll('.events .beat').length >= number"
    until(page, rows, len(ectopic(steps[:120])))
    server.stop()
    until(page, "document.getElementById('link').textContent.includes('Connection lost')")
    assert page.evaluate("document.body.dataset.live") == "no"
    again = WebServer(server.ward, server.port)
    again.start()
    try:
        again.write(*steps[120:])
        until(page, rows, len(ectopic(steps)))
        labels = page.locator(".events .beat").all_text_contents()[::-1]
        assert [label for label in labels if label != "!"] == ectopic(steps)
        until(page, "document.getElementById('link').textContent === ''")
    finally:
        again.stop()


def test_a_service_that_began_anew_has_other_patients(server, look) -> None:
    server.write(*steps_of("bed-1", 4.0), *steps_of("bed-2", 4.0))
    page = look(server.url)
    until(page, "document.querySelectorAll('.tile').length === 2")
    server.stop()
    again = WebServer(port=server.port)
    again.start()
    try:
        again.write(*steps_of("bed-2", 4.0), *steps_of("bed-3", 4.0), *steps_of("bed-4", 4.0))
        until(page, "document.querySelectorAll('.tile').length === 3")
        assert page.locator(".tile h2").all_text_contents() == ["bed-2", "bed-3", "bed-4"]
    finally:
        again.stop()


def test_names_from_outside_are_text(server, look) -> None:
    steps = steps_of(HOSTILE, 8.0)
    server.write(*(replace(s, chunk=replace(s.chunk, leads=("<b>II", "\u202eV5\x1b[2J"))) for s in steps))
    page = look(server.url)
    page.wait_for_selector(".tile canvas")
    name = page.locator(".tile h2").text_content()
    assert name == "<img src=x onerror=alert(1)>\\u{202e}txt.\\u{a}"
    assert page.locator("img, .tile b b").count() == 0
    page.locator("a.cover").click()
    page.wait_for_selector(".strip canvas")
    assert page.locator(".lead").all_text_contents() == ["<b>II", "\\u{202e}V5\\u{1b}[2J"]
    assert page.locator(".patient h2").text_content() == name


def test_what_is_seen_is_no_longer_first(server, look) -> None:
    server.write(*steps_of("bed-1", 8.0), *steps_of("bed-2", 8.0, off=True), *steps_of("bed-3", 8.0, off=True))
    page = look(server.url)
    page.wait_for_selector(".tile canvas")
    assert page.locator(".tile h2").all_text_contents() == ["bed-2", "bed-3", "bed-1"]
    page.locator("a.cover").first.click()
    page.wait_for_selector(".strip canvas")
    page.keyboard.press("a")
    until(page, "document.querySelector('.patient .note').textContent.startsWith('seen')")
    page.keyboard.press("Escape")
    until(page, "document.querySelector('.tile h2')?.textContent === 'bed-3'")
    assert "✓ 1 seen" in page.locator("#summary").text_content()


def test_alerts_come_first_and_flash_until_they_are_known(server, look) -> None:
    for number in (1, 2, 3):
        server.write(*steps_of(f"bed-{number}", 8.0))
    server.write(*steps_of("bed-4", 8.0, off=True), alert_step("bed-1", "pause", "medium"))
    page = look(server.url, motion="no-preference")
    page.wait_for_selector(".tile canvas")
    assert page.locator(".tile h2").all_text_contents() == ["bed-1", "bed-4", "bed-2", "bed-3"]
    server.write(alert_step("bed-2", "ventricular-fibrillation", "high"), alert_step("bed-3", "asystole", "high"))
    until(page, "document.querySelector('.tile h2').textContent === 'bed-2'")
    until(page, "document.querySelector('#news').textContent.endsWith('high priority alert: asystole')")

    def flashing() -> list[str]:
        return page.eval_on_selector_all(
            ".alert", "all => all.filter((e) => e.getAnimations().length).map((e) => e.firstChild.textContent)"
        )

    assert flashing() == ["!!! VF", "!!! asystole", "!! pause"]
    assert "high priority alert: ventricular fibrillation" in page.locator(".tile .note").first.text_content()
    page.locator("a.cover", has_text="bed-2").click()
    page.wait_for_selector(".strip canvas")
    page.get_by_role("button", name="Acknowledge ventricular fibrillation").click()
    page.get_by_role("button", name="Acknowledged ventricular fibrillation").wait_for()
    assert flashing() == []
    assert page.locator(".alert-list").inner_text().startswith("✓ !!! ventricular fibrillation")
    page.keyboard.press("Escape")
    until(page, "document.querySelector('.tile h2')?.textContent === 'bed-3'")
    assert flashing() == ["!!! asystole", "!! pause"]
    page.locator("a.cover", has_text="bed-1").click()
    page.wait_for_selector(".strip canvas")
    page.keyboard.press("s")
    until(page, "document.querySelector('.alert').textContent.includes('acknowledged')")
    server.write(alert_step("bed-1", "pause", "medium", "end"))
    until(page, "document.querySelectorAll('.alert-list .alert').length === 0")


def test_the_keyboard_goes_everywhere(server, look) -> None:
    server.write(*(step for k in (1, 2, 10) for step in steps_of(f"bed-{k}", 8.0)))
    page = look(server.url)
    page.wait_for_selector(".tile canvas")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") in ("bed-2", "bed-10")
    page.keyboard.press("Enter")
    page.wait_for_selector(".strip canvas")
    page.keyboard.press("c")
    before = page.locator(".reading").text_content()
    assert "ms" in before
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    assert float(page.locator(".reading").text_content().split()[0]) > float(before.split()[0])
    page.keyboard.press("v")
    assert "mV" in page.locator(".reading").text_content()
    assert page.locator("button[aria-pressed=true]").all_text_contents() == [
        "Hold still",
        "Time calipers",
        "Voltage calipers",
    ]
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile canvas")
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.keyboard.press("/")
    page.keyboard.type("10")
    until(page, "document.querySelectorAll('.tile').length === 1")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_can_be_used_by_all(server, look, theme) -> None:
    """As axe sees it: contrast, names, roles, order; on the ward, one patient, the help and the API's page."""
    from axe_playwright_python.sync_playwright import Axe

    server.write(*steps_of("bed-1", 20.0), *steps_of("bed-2", 8.0, faster=2.2), *steps_of("bed-3", 8.0, off=True))
    server.write(alert_step("bed-1", "asystole", "high"), alert_step("bed-1", "pause", "medium"))
    server.write(alert_step("bed-1", "bigeminy", "low"), alert_step("bed-3", "asystole", "high"))
    server.do(lambda: server.ward.acknowledge("bed-3", 600.0, "asystole"))
    page = look(server.url, theme=theme)
    page.wait_for_selector(".tile canvas")

    def check() -> None:
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()

    check()
    if theme == "dark":
        page.keyboard.press("?")
        check()
        page.keyboard.press("Escape")
    page.locator("a.cover", has_text="bed-1").click()
    page.wait_for_selector(".events li")
    page.keyboard.press("c")
    page.keyboard.press("v")
    check()
    if theme == "light":
        page.goto(server.url + "api")
        check()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_on_the_canvas_have_contrast(server, look, theme) -> None:
    page = look(server.url, theme=theme)

    def luminance(name: str) -> float:
        parts = [int(variable(page, f"--{name}")[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for name in ("trace", "N", "S", "V", "F", "Q"):
        assert contrast(name, "paper") >= 4.5
        assert contrast(name, "grid-strong") >= 3
    for name in ("S", "V", "F", "Q"):
        assert contrast("on-beat", name) >= 4.5


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_need_not_scroll_sideways(server, look, width) -> None:
    server.write(*steps_of("bed-1", 8.0), *steps_of("ward-north-bed-with-a-long-name-12", 8.0, off=True))
    page = look(server.url, width, 844)
    page.wait_for_selector(".tile canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("a.cover").first.click()
    page.wait_for_selector(".strip canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_asks_for_the_token(look) -> None:
    with running(token=TOKEN) as server:
        server.write(*steps_of("bed-1", 4.0))
        page = look(server.url)
        page.fill("#token", "not the token at all")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('.sign-in [role=alert]').textContent !== ''")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector(".tile canvas")
        assert TOKEN not in page.evaluate("document.cookie + location.href + JSON.stringify(localStorage)")
