"""Networks that normalise over the whole picture, run segment by segment and strip by strip, in any memory.

The graph is cut at every reduction over the picture. A segment between two cuts looks at a neighbourhood alone, so that
it can be computed in strips with a halo; the statistics are settled in double precision while its results are stored.
"""
