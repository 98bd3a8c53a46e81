"""The report over a journal: figures by SQL, a model of plain values, and one page that needs no network."""
