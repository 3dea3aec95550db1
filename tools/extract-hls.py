#!/usr/bin/env python3
"""Makes a stand-alone hls.js from a wheel whose bundle holds it without exporting it.

usage: extract-hls.py WHEEL OUTPUT

The bundle is one ES module of a gallery that needs its framework's runtime. The stretch between two uses of that runtime
that holds the player's class is hls.js whole; with the bundler's own few helper functions before it, it stands alone. It
goes into a function of its own, so that nothing but window.Hls reaches the page.
"""
import re
import sys
import zipfile

BUNDLE = "gradio_mediagallery/templates/component/index.js"
CLASS = re.compile(r"class (\w+) \{\s*/\*\*\s*\* Get the video-dev/hls\.js package version\.")
RUNTIME = "window.__gradio__svelte__internal"
HELPER = re.compile(r"^function (\w+)\(r\) \{\n  return r && r\.__esModule.*?^\}\n", re.M | re.S)


def cut(text: str) -> str:
    """The player's part of the bundle, and what it needs of the rest."""
    found = list(CLASS.finditer(text))
    if len(found) != 1:
        return ""
    place = found[0].start()
    start = text.index(";\n", text.rindex(RUNTIME, 0, place)) + 2
    end = text.rindex("\nconst {", place, text.index(RUNTIME, place))
    head = text[: text.rindex("\nconst {", 0, text.index(RUNTIME))]
    helper = HELPER.search(text)
    helpers = helper.group(0) if helper and not start <= helper.start() < end else ""
    return f"{head}\n{helpers}{text[start:end]}\nwindow.Hls = {found[0].group(1)};\n"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wheel, output = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(BUNDLE).decode()
    body = cut(text)
    if not body:
        sys.exit(f"{wheel}: the bundle is not the one this script knows; set watch.hls_js to a copy of hls.js instead.")
    with open(output, "w") as file:
        file.write(f"// hls.js, Apache-2.0, https://github.com/video-dev/hls.js\n(() => {{\n{body}}})();\n")


main()
