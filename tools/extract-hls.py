#!/usr/bin/env python3
"""Makes a stand-alone hls.js from a wheel whose bundle holds it without exporting it.

usage: extract-hls.py WHEEL OUTPUT

The bundle is one ES module. Its exports are replaced by one assignment, window.Hls, and everything else goes into a
function of its own, so that nothing but that name reaches the page.
"""
import re
import sys
import zipfile

BUNDLE = "gradio_mediagallery/templates/component/index.js"
CLASS = re.compile(r"class (\w+) \{\s*/\*\*\s*\* Get the video-dev/hls\.js package version\.")
EXPORTS = re.compile(r"^export \{.*?^\};?\s*\Z", re.M | re.S)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wheel, output = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(BUNDLE).decode()
    names = CLASS.findall(text)
    body, count = EXPORTS.subn("", text)
    if len(names) != 1 or count != 1:
        sys.exit(f"{wheel}: the bundle is not the one this script knows; set watch.hls_js to a copy of hls.js instead.")
    with open(output, "w") as file:
        file.write(f"// hls.js, Apache-2.0, https://github.com/video-dev/hls.js\n(() => {{\n{body}\nwindow.Hls = {names[0]};\n}})();\n")


main()
