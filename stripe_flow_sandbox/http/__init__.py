"""HTTP, its pipeline and the controls."""
