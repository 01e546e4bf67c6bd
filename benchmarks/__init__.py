"""Our way against the plain way, side by side in one run: `make bench`, or `python -m benchmarks NAME ...`.

`reference.py` is what we are measured against, `rows.py` what is measured with the networks and pictures of
`workloads.py`, `measure.py` how; docs/benchmarks.md explains.
"""
