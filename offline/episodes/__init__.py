"""Episodes compared as ANSI/AAMI EC57 asks for, and as PhysioNet's `epicmp` does it: fibrillation, ST, any rhythm.

    marks        what an annotation file marks: spans of samples, and the extrema of ST episodes
    comparison   two files compared: episodes found and missed, and for how long both agree
    kinds        which comparisons are asked for, of several records, by name
    statistics   sensitivity and positive predictivity, of one record, gross and average
    report       rows of text as `epicmp` and `sumstats` print them, and JSON

Counts and durations agree with ``epicmp -l`` of WFDB 10.7.0 to the sample, and the tables with `sumstats`.
"""
