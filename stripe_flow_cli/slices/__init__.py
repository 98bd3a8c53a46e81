"""`stripe-flow slices`: cut a long past into ranges for several runs."""
