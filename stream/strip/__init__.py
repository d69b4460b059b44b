"""The last ten seconds of a stream as a record of their own, classified by a record model."""
