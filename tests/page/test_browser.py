"""The page in a browser: stepped through by clicks, its numbers compared with `reference`."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from bpmatrix import SGD, Network, datasets, reference

PLACES = ("chromium", "chromium-browser", "google-chrome")
DIGITS = datasets.load("digits")
X, LABELS = DIGITS.test.X[:, :10], DIGITS.test.labels[:10]


def digits(x: float) -> str:
    """Write a number as the page does."""
    if x == 0:
        return "0"
    if 1e-3 <= abs(x) < 1e4:
        return f"{x:.4f}"
    mantissa, power = f"{x:.2e}".split("e")
    return f"{mantissa}e{int(power)}"


@pytest.fixture(scope="module")
def net() -> Network:
    net = Network([64, 30, 10], input_scale=DIGITS.scale, seed=1)
    net.train(DIGITS.train.X, DIGITS.train.labels, epochs=1, optimizer=SGD(learning_rate=0.5))
    return net


@pytest.fixture(scope="module")
def by_loop(net: Network) -> dict[str, np.ndarray]:
    """All matrices of the pass, by the reference."""
    W, b, names = net.weights, net.biases, net.description.activations
    x, y = X * DIGITS.scale, np.eye(10)[:, LABELS]
    zs, a_s = reference.feedforward(W, b, names, x)
    last = reference.output_error("cross_entropy", "sigmoid", zs[1], a_s[2], y)
    first = (W[1].T @ last) * reference.sigma_prime("sigmoid", zs[0])
    nabla_b, nabla_W = reference.gradient_by_loop(W, b, names, "cross_entropy", x, y)
    return {
        "z1": zs[0], "a1": a_s[1], "z2": zs[1], "a2": a_s[2], "d2": last, "d1": first,
        "gb2": nabla_b[1] / 10, "gW2": nabla_W[1] / 10, "gb1": nabla_b[0] / 10,
        "gW1": nabla_W[0] / 10,
    }  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, PLACES)), None)
    with playwright.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def page(browser, net: Network, tmp_path):
    """Open the page; at the end no error and no request must have been seen."""
    film = net.film(DIGITS.validation.X, DIGITS.validation.labels)
    film.take(1.0)
    path = net.show(X, LABELS, output=tmp_path / "page.html", film=film)
    page, seen = browser.new_page(viewport={"width": 1366, "height": 768}), []
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda r: seen.append(r.url) if r.url != path.as_uri() else None)
    page.goto(path.as_uri())
    yield page
    page.close()
    assert seen == []


def value(page) -> str:
    return page.locator("#value").inner_text().removeprefix("= ").replace("\u2212", "-")


def test_a_click_on_step_computes_one_matrix_after_the_other_in_the_browser(page, by_loop):
    """Three cells of each are those of the reference, to the last digit shown."""
    page.click("#level2")
    seen = []
    for _ in range(40):
        key = re.search(r"matrix=(\w+)", page.url)[1]
        done = "of 10 outer products" not in page.locator("#panel").inner_text()
        if key in by_loop and done and page.locator("[aria-current=step]").count():
            seen.append(key)
            M = by_loop[key]
            for i, j in ((0, 0), (M.shape[0] // 2, M.shape[1] - 1), (M.shape[0] - 1, 0)):
                page.evaluate(
                    f"location.hash = location.hash.replace(/row=\\d+/, 'row={i}')"
                    f".replace(/column=\\d+/, 'column={j}')"
                )
                page.wait_for_function(f"document.URL.includes('row={i}&column={j}')")
                page.wait_for_timeout(30)
                assert value(page) == digits(M[i, j]), (key, i, j)
        if key.startswith("gW") and done:
            assert "equal to the last digit" in page.locator("#equal").inner_text()
        page.click("#next")
    assert list(dict.fromkeys(seen)) == list(by_loop)
    assert "C before" in page.locator("#after").inner_text()


def test_what_is_not_computed_yet_is_empty_in_the_browser(page):
    assert page.locator("svg .empty").count() > 8
    page.click("#step5")
    assert page.locator('[data-key="a2"] .frame').count() == 1
    assert page.locator('[data-key="d2"] .empty').count() == 1
    page.click("#step4")
    assert page.locator('[data-key="gW1"]').get_attribute("aria-label").endswith("not computed yet")


def test_one_column_and_a_cell_in_the_browser(page, by_loop):
    page.click("#step7")
    page.click("#sample2")
    assert page.locator("svg .column").count() > 6
    assert page.locator("#panel [role=img]").count() == 1
    page.click('[data-key="d1"]')
    page.click("#level3")
    assert value(page) in page.locator("#result").text_content().replace("\u2212", "-")
    assert page.locator(".term").count() == 10
    assert value(page) == digits(by_loop["d1"][0, 0])


def test_the_fragment_and_the_keyboard_in_the_browser(page):
    page.keyboard.press("ArrowRight")
    assert "step=1" in page.url
    page.keyboard.press("2")
    page.focus('[data-key="z1"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert "row=1&column=1" in page.url
    assert "row 2, column 2" in page.locator("#announcement").inner_text()
    url = page.url
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto("about:blank")
    page.goto(url)
    assert page.locator("#level2").get_attribute("aria-pressed") == "true"
    page.goto("about:blank")
    page.goto(url.split("#")[0] + "#step=999&level=-4&matrix=__proto__&row=x&view=film&frame=77")
    assert page.locator("#frame").input_value() == "1"


def test_the_film_and_the_picture_in_the_browser(page):
    page.click("#films")
    page.keyboard.press("ArrowRight")
    assert "frame 2 of 2" in page.locator("#panel").inner_text()
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.path().read_text("utf-8").startswith("<svg")
