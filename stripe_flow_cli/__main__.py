"""`python -m stripe_flow_cli`: the command without its script."""

from stripe_flow_cli.root import main

main()
