"""The journal report: figures by SQL, a model of plain values, and one HTML page that needs no network."""
