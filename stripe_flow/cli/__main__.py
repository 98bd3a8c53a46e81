"""`python -m stripe_flow.cli`: the command without its script."""

from stripe_flow.cli.root import main

main()
