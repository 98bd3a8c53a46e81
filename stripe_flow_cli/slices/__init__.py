"""`stripe-flow slices`: a long past cut into ranges for several runs."""
