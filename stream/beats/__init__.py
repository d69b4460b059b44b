"""What is known of a beat when it is classified: windows, kinds, intervals, features; and the classifier."""
