"""Our way against the plain way, side by side in one run: `make bench`, or `python -m benchmarks NAME ...`.

`plain.py` is what we are measured against, `rows.py` what is measured, `measure.py` how; docs/benchmarks.md explains.
"""
