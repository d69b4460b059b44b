"""Recordings that are no WFDB records: text, arrays, EDF and others. Each opens as a `Record`, as WFDB records do."""
