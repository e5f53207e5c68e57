"""`python -m flowtui`."""

from flowtui.cli import main

main()
