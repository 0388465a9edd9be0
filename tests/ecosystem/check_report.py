"""Parses a report of `stillroom report` as a browser does: is it well formed, and does it need nothing but itself?

    python tests/ecosystem/check_report.py report.html

Python's standard library is enough; Pillow, where it is installed, decodes every picture.
"""

import base64
import io
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "form", "base"}
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.ids, self.links, self.pictures = [], [], [], [], []
        self.style = ""

    def handle_starttag(self, tag, attrs):
        where = f"line {self.getpos()[0]}"
        if tag in FORBIDDEN:
            self.faults.append(f"{where}: <{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{where}: attribute {name}")
            if name == "id":
                self.ids.append(value)
            if name in FETCHING:
                if value.startswith("#"):
                    self.links.append(value[1:])
                elif value.startswith("data:image/"):
                    self.pictures.append(value)
                else:
                    self.faults.append(f"{where}: {name}={value[:60]}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"line {self.getpos()[0]}: </{tag}> closes nothing")

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data


def main(path):
    text = open(path, encoding="utf-8").read()
    page = Page()
    page.feed(text)
    page.close()
    faults = page.faults + [f"<{tag}> is not closed" for tag in page.open]
    faults += [f"id {name} occurs twice" for name in set(page.ids) if page.ids.count(name) > 1]
    faults += [f"#{name} leads nowhere" for name in page.links if name not in page.ids]
    if re.search(r"url\(|@import", page.style):
        faults.append("the style sheet loads something")
    faults += [f"'{found}'" for found in re.findall(r"https?://\S{0,40}", text)]
    decoded = 0
    for uri in page.pictures:
        content = base64.b64decode(uri.split(",", 1)[1], validate=True)
        try:
            from PIL import Image
        except ImportError:
            break
        Image.open(io.BytesIO(content)).load()
        decoded += 1
    print(f"{path}: {len(text)} characters, {len(page.pictures)} pictures, {decoded} decoded, {len(faults)} faults")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
