#!/usr/bin/env python3
"""Takes files out of a wheel by name, without the folders around them.

usage: extract-files.py WHEEL FOLDER NAME...      NAME may be a pattern such as 'ffmpeg-linux-*'
"""
import fnmatch
import os
import sys
import zipfile


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    wheel, folder, *patterns = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        for pattern in patterns:
            found = [name for name in archive.namelist() if fnmatch.fnmatch(os.path.basename(name), pattern)]
            if len(found) != 1:
                sys.exit(f"{wheel} holds {len(found)} files named {pattern}, not one.")
            with open(os.path.join(folder, os.path.basename(found[0])), "wb") as file:
                file.write(archive.read(found[0]))


main()
