"""Labels, a parameter, output and an exception that try to act on a terminal or as markup."""

import sys

from metaflow import FlowSpec, Parameter, step

CLIPBOARD = "\x1b]52;c;cHduZWQ=\x07"
TITLE = "\x1b]2;pwned\x1b\\"
C1 = "\x9b2J\x9d2;pwned\x9c"
MARKUP = "[/bold][@click=app.quit]quit[/][red]"
MOVES = "\x1b[2J\x1b[H\x1b[?1049l\x1b[6n\x08\x08"
BIDI = "\u202egnp.exe"


class HostileFlow(FlowSpec):
    text = Parameter("text", default=CLIPBOARD + MARKUP)

    @step
    def start(self):
        self.labels = [MARKUP, CLIPBOARD + TITLE, C1 + BIDI]
        self.next(self.work, foreach="labels")

    @step
    def work(self):
        for payload in (CLIPBOARD, TITLE, C1, MARKUP, MOVES, BIDI):
            print("before", payload, "after")
            print("before", payload, "after", file=sys.stderr)
        raise ValueError(f"{MARKUP}{CLIPBOARD}{TITLE}{C1}{MOVES}{BIDI}")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileFlow()
