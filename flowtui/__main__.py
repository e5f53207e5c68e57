"""`python -m flowtui`."""

from flowtui.cli.main import main

main()
